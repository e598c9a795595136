// Edits of a program over two devices: one that is right, and those after which something is not where it is needed.
// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p verify-level{level=kernels}

func.func @right(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %b = graph.kernel %c schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @no_copy(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error @+1 {{'graph.kernel' is on cpu:0 and 'a' on cuda:0: expected graph.copy_to between them; run place-devices first}}
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @two_devices(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  // expected-error @+1 {{'graph.kernel' is on cuda:0 and 'c' on cpu:0: expected graph.copy_to}}
  %b = graph.kernel %a, %c schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<output, 0>]} : (tensor<20xf32>, tensor<20xf32>) -> tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @no_name(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error @+1 {{'graph.kernel' names no device, as others do}}
  %b = graph.kernel %a schedule<kind = pointwise, parallel = [20]> {memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @other_spelling(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  // expected-error @+1 {{'graph.kernel' is on "/gpu:0": expected 'cuda:0'}}
  %b = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "/gpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @no_device(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  // expected-error @+1 {{'banana' names no device}}
  %b = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "banana", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

// expected-error @+1 {{graph.devices is missing: expected the devices of 1 arguments}}
func.func @no_arguments(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.arenas = {"cuda:0" = 128 : i64}} {
  %b = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

// expected-error @+1 {{graph.devices says that argument 0 is on 'gpu': expected cpu:0, or cuda:0, cuda:1 and so on}}
func.func @no_name_of_argument(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["gpu"]} {
  %b = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @inside(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %b = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    // expected-error @+1 {{'graph.tanh' in a kernel names a device: expected it at the kernel alone}}
    %1 = graph.tanh %0 {device = "cuda:0"} : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @no_arena(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cuda:0" = 128 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error @+1 {{result 0 of 'graph.copy_to' lies in #graph.buffer<arena, 0>: expected "cpu:0" in graph.arenas = <bytes> : i64 on the function}}
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %b = graph.kernel %c schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @beyond(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 64 : i64, "cuda:0" = 128 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error @+1 {{its 80 bytes end beyond the arena of 64; expected a lower offset or a larger "cpu:0" in graph.arenas}}
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %b = graph.kernel %c schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @overlap(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %d = graph.kernel %c schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  // expected-error @+1 {{result 0 of 'graph.copy_to' lies in #graph.buffer<arena, 0>, where 'd' lies in #graph.buffer<arena, 0> until 'graph.kernel' has used it}}
  %e = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %b = graph.kernel %d, %e schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : (tensor<20xf32>, tensor<20xf32>) -> tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>, %1: tensor<20xf32>):
    %2 = graph.add %0, %1 : tensor<20xf32>
    graph.yield %2 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @other_output(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64}} {
  // expected-error @+1 {{result 0 of 'graph.kernel' lies in #graph.buffer<output, 0>: that is on cpu:0, and the value on cuda:0}}
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %b = graph.kernel %c schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

// expected-error @+1 {{memory: the function has graph.arena and graph.arenas; expected one of them}}
func.func @both(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}, graph.arena = 64 : i64} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %b = graph.kernel %c schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

// expected-error @+1 {{memory: graph.arenas of "cuda:0" is -64 : i64; expected bytes, 0 or more}}
func.func @negative(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = -64 : i64}} {
  %a = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.copy_to %a {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  %b = graph.kernel %c schedule<kind = pointwise, parallel = [20]> {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @other_variable(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %w = graph.variable {variable = "w", device = "cuda:0"} : !graph.ref<tensor<20xf32>>
  %b = graph.kernel %x schedule<kind = pointwise, parallel = [20]> {device = "cuda:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%0: tensor<20xf32>):
    %1 = graph.tanh %0 : tensor<20xf32>
    graph.yield %1 : tensor<20xf32>
  }
  %c = graph.copy_to %b {device = "cpu:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
  // expected-error @+1 {{'graph.assign' is on cuda:0 and 'c' on cpu:0: expected graph.copy_to between them}}
  graph.assign %w, %c {device = "cuda:0"} : !graph.ref<tensor<20xf32>>, tensor<20xf32>
  func.return %b : tensor<20xf32>
}

// -----

func.func @carried(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {"cpu:0" = 128 : i64, "cuda:0" = 128 : i64}} {
  %t = graph.copy_to %x {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32>
  %b = graph.while %t {device = "cpu:0", memory = [#graph.buffer<output, 0>]} : tensor<20xf32> {
  ^bb0(%i: tensor<20xf32>):
    %m = graph.fill {value = false, device = "cpu:0"} : tensor<i1>
    graph.condition %m : tensor<i1>
  } do {
  ^bb0(%i: tensor<20xf32>):
    %n = graph.copy_to %i {device = "cuda:0", memory = [#graph.buffer<arena, 0>]} : tensor<20xf32>
    // expected-error @+1 {{'graph.yield' is on cpu:0 and 'n' on cuda:0: expected graph.copy_to between them}}
    graph.yield %n : tensor<20xf32>
  }
  func.return %b : tensor<20xf32>
}

// -----

func.func @variable_twice(%x: tensor<20xf32>) -> tensor<20xf32> attributes {graph.devices = ["cuda:0"], graph.arenas = {}} {
  %w = graph.variable {variable = "w", device = "cuda:0"} : !graph.ref<tensor<20xf32>>
  // expected-error @+1 {{variable 'w' is on cuda:1, and on cuda:0 where it is named before: expected one device}}
  %v = graph.variable {variable = "w", device = "cuda:1"} : !graph.ref<tensor<20xf32>>
  func.return %x : tensor<20xf32>
}
