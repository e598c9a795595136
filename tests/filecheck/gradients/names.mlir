// Everything the engine makes says where it came from; a pipe of two runs equals one run of both passes.
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients -o %t && pullback-opt %s -p generate-gradients | pullback-opt -p aggregate-gradients | diff %t -
// RUN: pullback-opt %s -p generate-gradients,aggregate-gradients | filecheck %s

func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %t = graph.tanh %x : tensor<3xf32> loc("net/t")
  %y = graph.multiply %t, %x : tensor<3xf32> loc("net/y")
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %again = graph.gradients of (%y) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  func.return %dx, %again : tensor<3xf32>, tensor<3xf32>
}
// CHECK: graph.fill {{.*}} loc(fused["gradients/grad_ys_0", "seed of net/y"])
// CHECK-NEXT: graph.multiply {{.*}} loc(fused["gradients/net/y_grad/", "gradient of net/y"])
// CHECK: graph.backward {{.*}} loc(fused["gradients/net/y_grad/", "gate of net/y"])
// CHECK: graph.add_n {{.*}} loc(fused["gradients/sum", "a sum"])
// CHECK: graph.fill {{.*}} loc(fused["gradients_1/grad_ys_0", "seed of net/y"])
