// Edits of a memory plan: two that are right, and those after which a value would not be what it says.
// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p verify-level{level=kernels}

func.func @right(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @in_place(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 256 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 128>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @fewer(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{memory: 'graph.kernel' has 1 results and the list []; expected a #graph.buffer for each result}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = []} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @more(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{has 1 results and the list [}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>, #graph.buffer<arena, 64>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @no_place(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<none>: expected a place in memory}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<none>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @input(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<input, 0>: inputs are only read; expected the arena or an output}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<input, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @no_output(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<output, 2>: the function has 2 outputs, counted from 0}}
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 2>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @other_output(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 256 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<output, 0>: the value is returned as result 1}}
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 128>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @one_output(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<output, 1>, where 'a' lies in #graph.buffer<output, 1> until 'graph.kernel' has used it}}
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @unknown(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<variable, "v">: expected a variable of the function: "w", "n"}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<variable, "v">]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @variable_type(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<variable, "n">: that holds tensor<3xf32>, and the value is tensor<20xf32>}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<variable, "n">]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @not_assigned(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<variable, "w">: that needs a copy (it is not what the variable is given); expected the arena or an output}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<variable, "w">]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @unaligned(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<arena, 32>: expected a multiple of 64}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 32>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @beyond(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<arena, 128>: its 80 bytes end beyond the arena of 192; expected a lower offset or a larger graph.arena}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 128>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

func.func @no_arena(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<arena, 0>: expected graph.arena = <bytes> : i64 on the function}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

// expected-error@+1 {{memory: graph.arena is -64 : i64; expected bytes, 0 or more}}
func.func @negative(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = -64 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 1>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

// The first bytes of one value are the last of another, which the next kernel still reads.
func.func @overlap(%x: tensor<20xf32>) -> (tensor<20xf32>, tensor<20xf32>) attributes {graph.arena = 192 : i64} {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %n = graph.variable {variable = "n"} : !graph.ref<tensor<3xf32>>
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error@+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<arena, 64>, where 'a' lies in #graph.buffer<arena, 0> until 'graph.kernel' has used it; expected bytes that are free: choose others, or run plan-memory}}
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<arena, 64>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.kernel %a, %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %c, %b : tensor<20xf32>, tensor<20xf32>
}

// -----

// The old contents are needed after the kernel that would write the new ones over them.
func.func @old_contents(%x: tensor<20xf32>) -> tensor<20xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<20xf32>>
  %b = graph.read %w {memory = [#graph.buffer<variable, "w">]} : (!graph.ref<tensor<20xf32>>) -> tensor<20xf32>
  // expected-error@+1 {{lies in #graph.buffer<variable, "w">: that needs a copy (update: }}
  %c = graph.kernel %b schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<variable, "w">]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.exp %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %y = graph.kernel %b, %x schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  graph.assign %w, %c : !graph.ref<tensor<20xf32>>, tensor<20xf32>
  func.return %y : tensor<20xf32>
}

// -----

// A product reads its operands whole: its result must not take the place of one.
func.func @product(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {graph.arena = 64 : i64} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [4, 4]> {memory = [#graph.buffer<arena, 0>]} : tensor<4x4xf32> {
  ^bb0(%0: tensor<4x4xf32>):
    %1 = graph.exp %0 : tensor<4x4xf32>
    graph.yield %1 : tensor<4x4xf32>
  }
  // expected-error@+1 {{lies in #graph.buffer<arena, 0>, where 'a' lies in #graph.buffer<arena, 0> until 'graph.kernel' has used it}}
  %b = graph.kernel %a schedule<kind = matmul, parallel = [4, 4], reduce = [4]> {memory = [#graph.buffer<arena, 0>]} : tensor<4x4xf32> {
  ^bb0(%0: tensor<4x4xf32>):
    %1 = graph.matmul %0, %0 : tensor<4x4xf32>
    graph.yield %1 : tensor<4x4xf32>
  }
  func.return %b : tensor<4x4xf32>
}

// -----

// The host reads its operands whole, so that no result takes the place of one.
func.func @main(%x: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> attributes {graph.arena = 64 : i64} {
  %a = graph.square %x {memory = [#graph.buffer<arena, 0>]} : tensor<4xcomplex<f32>>
  // expected-error@+1 {{memory: result 0 of 'graph.negative' lies in #graph.buffer<arena, 0>, where 'a' lies in #graph.buffer<arena, 0> until 'graph.negative' has used it}}
  %b = graph.negative %a {memory = [#graph.buffer<arena, 0>]} : tensor<4xcomplex<f32>>
  %c = graph.negative %b {memory = [#graph.buffer<output, 0>]} : tensor<4xcomplex<f32>>
  func.return %c : tensor<4xcomplex<f32>>
}

// -----

func.func @main(%x: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> attributes {graph.arena = 64 : i64} {
  // expected-error@+1 {{memory: 'graph.square' has no buffer for its result: run plan-memory}}
  %a = graph.square %x : tensor<4xcomplex<f32>>
  func.return %a : tensor<4xcomplex<f32>>
}
