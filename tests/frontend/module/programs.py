"""Programs in text that the tests of modules share."""

REQUEST = """\
func.func @main(%x: tensor<6xf32>) -> (tensor<f32>, tensor<6xf32>) {
  %h = graph.tanh %x : tensor<6xf32>
  %p = graph.multiply %h, %x : tensor<6xf32>
  %y = graph.sum %p {axes = array<i64: 0>} : (tensor<6xf32>) -> tensor<f32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<f32>, tensor<6xf32>) -> tensor<6xf32>
  func.return %y, %dx : tensor<f32>, tensor<6xf32>
}
"""
"""f(x) = sum(tanh(x) * x), and a request for its gradient."""

OF_ANY_LENGTH = REQUEST.replace("6xf32", "?xf32")

WITH_VARIABLE = """\
func.func @main(%x: tensor<2xf64>) -> tensor<2xf64> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<2xf64>>
  %v = graph.read %w : (!graph.ref<tensor<2xf64>>) -> tensor<2xf64>
  %y = graph.multiply %v, %x : tensor<2xf64>
  %s = graph.add %v, %x : tensor<2xf64>
  graph.assign %w, %s : !graph.ref<tensor<2xf64>>, tensor<2xf64>
  func.return %y : tensor<2xf64>
}
"""
"""y = w * x, then w += x."""

CALLING = """\
func.func private @square(%a: tensor<3xf64>) -> tensor<3xf64> {
  %b = graph.multiply %a, %a : tensor<3xf64>
  func.return %b : tensor<3xf64>
}
func.func @main(%x: tensor<3xf64>) -> tensor<3xf64> {
  %y = func.call @square(%x) : (tensor<3xf64>) -> tensor<3xf64>
  %z = func.call @square(%y) : (tensor<3xf64>) -> tensor<3xf64>
  func.return %z : tensor<3xf64>
}
"""

BY_HAND_ON_MEMORY = """\
func.func @twice(%x: memref<4xf32>, %y: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %v = memref.load %x[%i] : memref<4xf32>
    %s = arith.addf %v, %v : f32
    memref.store %s, %y[%i] : memref<4xf32>
  }
  func.return
}
"""
