// Kernels are formed of finished graphs: what is still open has a pass that closes it.
// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p form-kernels

func.func @request(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.tanh %x : tensor<4xf32>
  // expected-error@+1 {{form-kernels: 'graph.gradients' is still open: run generate-gradients, then finish, first}}
  %d = graph.gradients of (%y) wrt (%x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  func.return %d : tensor<4xf32>
}

// -----

func.func @terms(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{form-kernels: 'graph.sum_gradients' is still open: run aggregate-gradients first}}
  %y = graph.sum_gradients %x, %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----

func.func @group(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{form-kernels: 'graph.backward' is still open: run gate-gradients first}}
  %y = graph.backward %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----

func.func @results(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{form-kernels: 'graph.gradient_results' is still open: run gate-gradients first}}
  %y = graph.gradient_results %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----

func.func private @square(%a: tensor<4xf32>) -> tensor<4xf32> {
  %m = graph.multiply %a, %a : tensor<4xf32>
  func.return %m : tensor<4xf32>
}

func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{form-kernels: 'func.call' is still open: run inline-calls first}}
  %y = func.call @square(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %y : tensor<4xf32>
}
