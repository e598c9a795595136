// Gradients beside what they serve, and their sums: each device adds up its own terms first, however it is spelled.
// RUN: pullback-opt %s -p 'gradients,finish,place-devices{device=cuda}' --no-locations | filecheck %s

func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %w = graph.variable {variable = "w", device = "/cpu:0"} : !graph.ref<tensor<3xf32>>
  %r = graph.read %w : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %a = graph.multiply %r, %x {device = "/gpu:0"} : tensor<3xf32>
  %b = graph.sinh %r {device = "/gpu:1"} : tensor<3xf32>
  %c = graph.tanh %a {device = "cuda:0"} : tensor<3xf32>
  %d = graph.exp %r {device = "gpu:0"} : tensor<3xf32>
  %e = graph.sin %r : tensor<3xf32>
  %dw, %da = graph.gradients of (%b, %c, %d, %e) wrt (%r, %a) {colocate} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>)
  func.return %dw, %da : tensor<3xf32>, tensor<3xf32>
}
// CHECK: func.func @main{{.*}}graph.devices = ["cuda:0"]
// CHECK: %r = graph.read %w {device = "cpu:0"}
// The sine asked for no device: it is where its operand is, and so is its gradient.
// CHECK: graph.cos %r {device = "cpu:0"}
// The two terms of cuda:0 are added there, and the sum goes to the variable, as does the term of cuda:1.
// CHECK: %[[ZERO:.*]] = graph.add %{{.*}}, %{{.*}} {device = "cuda:0"}
// CHECK-NEXT: %[[HERE:.*]] = graph.copy_to %[[ZERO]] {device = "cpu:0"}
// CHECK-NEXT: %[[ONE:.*]] = graph.copy_to %{{.*}} {device = "cpu:0"}
// CHECK-NEXT: graph.add_n %{{.*}}, %[[HERE]], %[[ONE]] {device = "cpu:0"}
// CHECK-NOT: graph.copy_to
