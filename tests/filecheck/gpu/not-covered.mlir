// What GPUs do not cover yet is refused at the operation.
// RUN: pullback-opt %s -p gpu --split-input-file --verify-diagnostics

func.func @main(%x: tensor<f32>) -> tensor<f32> {
  // expected-error@+1 {{'graph.while': loops have no lowering for GPUs yet}}
  %y = graph.while %x : tensor<f32> {
  ^bb0(%i: tensor<f32>):
    %two = graph.fill {value = 2.0 : f32} : tensor<f32>
    %more = graph.greater %two, %i : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %more : tensor<i1>
  } do {
  ^bb0(%i: tensor<f32>):
    %next = graph.add %i, %i : tensor<f32>
    graph.yield %next : tensor<f32>
  }
  func.return %y : tensor<f32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'graph.tanh' has no place at level `kernels` outside of kernels}}
  %y = graph.tanh %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----

func.func @main(%x: tensor<4xf16>) -> tensor<4xf16> {
  // expected-error@+1 {{'graph.tanh' of (tensor<4xf16>) has no GPU kernel, and the host cannot reach what is on the device}}
  %y = graph.tanh %x {memory = [#graph.buffer<output, 0>]} : tensor<4xf16>
  func.return %y : tensor<4xf16>
}

// -----

// expected-error@+1 {{'func.func' has no place in a module of level `kernels`}}
func.func private @elsewhere(tensor<3xf32>) -> tensor<3xf32>

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  func.return %x : tensor<3xf32>
}
