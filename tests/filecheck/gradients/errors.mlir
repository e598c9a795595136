// Invalid requests: the message, with its position.
// RUN: not pullback-opt %s -p generate-gradients --split-input-file 2>&1 | filecheck %s

func.func @unconnected(%x: tensor<2xf32>, %y: tensor<f32>) -> tensor<2xf32> {
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<f32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %dx : tensor<2xf32>
}
// CHECK: errors.mlir:5:{{[0-9]+}}: error: graph.gradients: no gradient reaches xs[0] ('x')

// -----

func.func @dtype(%x: tensor<2xf32>, %s: tensor<2xf64>) -> tensor<2xf32> {
  %y = graph.tanh %x : tensor<2xf32>
  %dx = graph.gradients of (%y) wrt (%x) seeds (%s) : (tensor<2xf32>, tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  func.return %dx : tensor<2xf32>
}
// CHECK: errors.mlir:14:{{[0-9]+}}: error: grad_ys[0] has dtype f64, expected f32 as 'y' has

// -----

func.func @missing(%x: tensor<2xf32>) -> tensor<2xf32> {
  %e = graph.exp %x {gradient_op_type = "Unheard"} : tensor<2xf32> loc("layer/e")
  %dx = graph.gradients of (%e) wrt (%x) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %dx : tensor<2xf32>
}
// CHECK: errors.mlir:22:{{[0-9]+}}: error: No gradient defined for operation 'layer/e' (op type: Unheard)
