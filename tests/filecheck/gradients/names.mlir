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
// CHECK: graph.fill {{.*}} loc(fused<#graph.role<seed, "net/y">>["gradients/grad_ys_0"])
// CHECK-NEXT: graph.multiply {{.*}} loc(fused<#graph.role<gradient, "net/y">>["gradients/net/y_grad/"])
// CHECK: graph.backward {{.*}} loc(fused<#graph.role<gate, "net/y">>["gradients/net/y_grad/"])
// CHECK: graph.add_n {{.*}} loc(fused<#graph.role<sum>>["gradients/sum"])
// CHECK: graph.fill {{.*}} loc(fused<#graph.role<seed, "net/y">>["gradients_1/grad_ys_0"])
