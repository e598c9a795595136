// What GPUs do not cover is refused at the operation.
// RUN: pullback-opt %s -p gpu --split-input-file --verify-diagnostics

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'graph.tanh' has no place at level `kernels` outside of kernels}}
  %y = graph.tanh %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----

// expected-error@+1 {{'func.func' has no place in a module of level `kernels`}}
func.func private @elsewhere(tensor<3xf32>) -> tensor<3xf32>

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  func.return %x : tensor<3xf32>
}
