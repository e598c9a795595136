// Colocation, and terms that live on different devices: each device sums its own first.
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients,gate-gradients --no-locations | filecheck %s

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %a = graph.exp %x {device = "/gpu:0"} : tensor<3xf32>
  %b = graph.tanh %x {device = "/gpu:1"} : tensor<3xf32>
  %c = graph.exp %a {device = "/gpu:0"} : tensor<3xf32>
  %d = graph.negative %x {device = "/gpu:1"} : tensor<3xf32>
  %dx = graph.gradients of (%a, %b, %d) wrt (%x) {colocate} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %dx : tensor<3xf32>
}
// CHECK: graph.multiply {{.*}} {device = "/gpu:0"} : tensor<3xf32>
// CHECK: %[[ONE:.*]] = graph.add_n %{{.*}}, %{{.*}} {device = "/gpu:1"} : tensor<3xf32>
// CHECK-NEXT: graph.add_n %{{.*}}, %[[ONE]]
