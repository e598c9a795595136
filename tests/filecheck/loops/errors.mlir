// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p lower-to-loops{vector-bits=256}

func.func @no_plan(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'graph.kernel' has no buffer for its result: run plan-memory first}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [4]> : tensor<4xf32> {
  ^bb0(%0: tensor<4xf32>):
    graph.yield %0 : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----

func.func @no_schedule(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{the kernel has no schedule: run form-kernels first}}
  %y = graph.kernel %x {memory = [#graph.buffer<output, 0>]} : tensor<4xf32> {
  ^bb0(%0: tensor<4xf32>):
    graph.yield %0 : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----

func.func @kind(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{schedule: kind is spiral; expected one of pointwise, rows, columns}}
  %y = graph.kernel %x schedule<kind = spiral> {memory = [#graph.buffer<output, 0>]} : tensor<4xf32> {
  ^bb0(%0: tensor<4xf32>):
    graph.yield %0 : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----

func.func @number(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{schedule: unroll is 0; expected a number from 1 to 64}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [4], cpu = {unroll = 0}> {memory = [#graph.buffer<output, 0>]} : tensor<4xf32> {
  ^bb0(%0: tensor<4xf32>):
    graph.yield %0 : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----

func.func @extents(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{tensor<4xf32> does not fit the loops of the kernel: parallel [5], reduce []}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [5]> {memory = [#graph.buffer<output, 0>]} : tensor<4xf32> {
  ^bb0(%0: tensor<4xf32>):
    graph.yield %0 : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----

func.func @outside(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'graph.tanh' has no place at level `kernels` outside of kernels}}
  %y = graph.tanh %x : tensor<4xf32>
  func.return %y : tensor<4xf32>
}

// -----

// expected-error@+1 {{lower-to-loops: the program is placed on devices, which loops do not know: run lower-to-gpu, or run place-devices{device=cpu} on the graph first}}
func.func @placed(%x: tensor<4xf32>) -> tensor<4xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {}} {
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [4]> {device = "cuda:0", memory = [#graph.buffer<output, 0>]} : tensor<4xf32> {
  ^bb0(%0: tensor<4xf32>):
    graph.yield %0 : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}
