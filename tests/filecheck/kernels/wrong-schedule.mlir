// Edits of a schedule that no lowering could follow, each with what it says.
// RUN: pullback-opt %s --split-input-file --verify-diagnostics -p verify-level{level=kernels}

func.func @key(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: unknown key 'vectors' of cpu; expected one of vector, unroll, tile}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], cpu = {vectors = 8}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @no_kind(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: kind is missing; expected one of pointwise, rows}}
  %y = graph.kernel %x schedule<parallel = [8, 4]> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @kind(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: kind is spiral; expected one of pointwise, rows, columns, matmul, scatter, concat}}
  %y = graph.kernel %x schedule<kind = spiral, parallel = [8, 4]> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @other_kind(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: kind 'matmul' does not fit: the region holds no operation of that kind; expected pointwise}}
  %y = graph.kernel %x schedule<kind = matmul, parallel = [8, 4], reduce = [3]> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @extents(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: parallel is no list; expected extents, as in parallel = [8, 5]}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = 8> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @wrong_extents(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{does not fit the loops of the kernel: parallel [4, 8], reduce []}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [4, 8]> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @reduced(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: reduce is [2], which does not fit the operations in the region; expected []}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], reduce = [2]> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @no_power(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: vector is 12; expected a power of two from 1 to 128}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], cpu = {vector = 12}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @long_vector(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: vector is 256; expected a power of two from 1 to 128}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], cpu = {vector = 256}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @no_vector(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: vector is no number; expected an integer from 0 on}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], cpu = {vector = wide}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @unroll(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: unroll is 0; expected a number from 1 to 64}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], cpu = {unroll = 0}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @tile(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: tile says nothing to kind 'pointwise', only to matmul; remove it}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], cpu = {tile = [6, 64]}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

// In a square the extents tell nothing; what is known when does.
func.func @columns_for_rows(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  // expected-error@+1 {{a value needs a total before the loops are over; form-kernels states what fits}}
  %y = graph.kernel %x schedule<kind = columns, parallel = [8], reduce = [8]> : tensor<8x8xf32> {
  ^bb0(%0: tensor<8x8xf32>):
    %1 = graph.sum %0 {axes = array<i64: 1>, keepdims} : (tensor<8x8xf32>) -> tensor<8x1xf32>
    %2 = graph.divide %0, %1 : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
    graph.yield %2 : tensor<8x8xf32>
  }
  func.return %y : tensor<8x8xf32>
}

// -----

func.func @total_of_columns(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{do not fit the operations in the region: result 0 is a total over loops that it has axes for}}
  %y = graph.kernel %x schedule<kind = columns, parallel = [4], reduce = [8]> : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.sum %0 {axes = array<i64: 1>, keepdims} : (tensor<8x4xf32>) -> tensor<8x1xf32>
    %2 = graph.broadcast_to %1 : (tensor<8x1xf32>) -> tensor<8x4xf32>
    graph.yield %2 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @pointwise_for_rows(%x: tensor<8x8xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{schedule: kind 'pointwise' does not fit: the region holds 'graph.sum'; expected rows or columns}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8], reduce = [8]> : (tensor<8x8xf32>) -> tensor<8xf32> {
  ^bb0(%0: tensor<8x8xf32>):
    %1 = graph.sum %0 {axes = array<i64: 1>} : (tensor<8x8xf32>) -> tensor<8xf32>
    graph.yield %1 : tensor<8xf32>
  }
  func.return %y : tensor<8xf32>
}

// -----

func.func @product(%x: tensor<8x5xf32>, %v: tensor<5x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: reduce is [4], which does not fit the operations in the region; expected [5]}}
  %y = graph.kernel %x, %v schedule<kind = matmul, parallel = [8, 4], reduce = [4]> : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%0: tensor<8x5xf32>, %1: tensor<5x4xf32>):
    %2 = graph.matmul %0, %1 : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
    graph.yield %2 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @product_extents(%x: tensor<8x5xf32>, %v: tensor<5x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: parallel is [4, 8], which does not fit the operations in the region; expected [8, 4]}}
  %y = graph.kernel %x, %v schedule<kind = matmul, parallel = [4, 8], reduce = [5]> : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%0: tensor<8x5xf32>, %1: tensor<5x4xf32>):
    %2 = graph.matmul %0, %1 : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
    graph.yield %2 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @one_number(%x: tensor<8x5xf32>, %v: tensor<5x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{expected rows from 1 to 64 and columns from 1 to 1024, as in tile = [6, 64]}}
  %y = graph.kernel %x, %v schedule<kind = matmul, parallel = [8, 4], reduce = [5], cpu = {tile = [6]}> : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%0: tensor<8x5xf32>, %1: tensor<5x4xf32>):
    %2 = graph.matmul %0, %1 : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
    graph.yield %2 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @no_rows(%x: tensor<8x5xf32>, %v: tensor<5x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: tile is [0, 64]; expected rows from 1 to 64}}
  %y = graph.kernel %x, %v schedule<kind = matmul, parallel = [8, 4], reduce = [5], cpu = {tile = [0, 64]}> : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%0: tensor<8x5xf32>, %1: tensor<5x4xf32>):
    %2 = graph.matmul %0, %1 : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
    graph.yield %2 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @large(%x: tensor<8x5xf32>, %v: tensor<5x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: tile [64, 1024] holds 8192 vectors of 8; expected at most 256: make the tile smaller}}
  %y = graph.kernel %x, %v schedule<kind = matmul, parallel = [8, 4], reduce = [5], cpu = {vector = 8, tile = [64, 1024]}> : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%0: tensor<8x5xf32>, %1: tensor<5x4xf32>):
    %2 = graph.matmul %0, %1 : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
    graph.yield %2 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @scatter(%rows: tensor<3x4xf32>, %i: tensor<3xi32>) -> tensor<9x4xf32> {
  // expected-error@+1 {{schedule: parallel is [9, 4], which does not fit the operations in the region; expected [3, 4]}}
  %y = graph.kernel %rows, %i schedule<kind = scatter, parallel = [9, 4]> : (tensor<3x4xf32>, tensor<3xi32>) -> tensor<9x4xf32> {
  ^bb0(%0: tensor<3x4xf32>, %1: tensor<3xi32>):
    %2 = graph.make_slices %0, %1 : (tensor<3x4xf32>, tensor<3xi32>) -> !graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<9x4xf32>>
    %3 = graph.densify %2 : (!graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<9x4xf32>>) -> tensor<9x4xf32>
    graph.yield %3 : tensor<9x4xf32>
  }
  func.return %y : tensor<9x4xf32>
}

// -----

func.func @target(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: unknown target 'tpu'; expected one of cpu, gpu}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], tpu = {lanes = 8}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @of_no_target(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: unknown key 'vector'; expected one of kind, parallel, reduce, cpu, gpu; vector is tuned for one target: cpu = {vector = …}}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], vector = 8> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @of_another_target(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: unknown key 'unroll' of gpu; expected one of threads, vector, lanes}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], gpu = {unroll = 8}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @twice(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: parallel is given twice}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], parallel = [8, 4]> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @below_zero(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: parallel is -8; expected extents}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [-8, -4]> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @threads(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{schedule: threads is 48; expected a power of two from 32 to 1024}}
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [8, 4], gpu = {threads = 48}> : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

func.func @dictionary(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  // expected-error@+1 {{a schedule is no dictionary any more: write it as schedule<kind = pointwise, parallel = [8, 4], cpu = {vector = 16}>}}
  %y = graph.kernel %x schedule {kind = "pointwise", parallel = array<i64: 8, 4>} : tensor<8x4xf32> {
  ^bb0(%0: tensor<8x4xf32>):
    %1 = graph.exp %0 : tensor<8x4xf32>
    graph.yield %1 : tensor<8x4xf32>
  }
  func.return %y : tensor<8x4xf32>
}

// -----

// A kernel of a dtype that no kernel computes with was refused by the printer of LLVM IR alone, at line 1.
func.func @half(%x: tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [4]> : (tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>> {
  ^bb0(%a: tensor<4xcomplex<f32>>):
    // expected-error@+1 {{'graph.exp' of tensor<4xcomplex<f32>>, tensor<4xcomplex<f32>>: kernels compute with f32, f64, f16, bf16, i32, i64, i16, i8, i1}}
    %b = graph.exp %a : tensor<4xcomplex<f32>>
    graph.yield %b : tensor<4xcomplex<f32>>
  }
  func.return %y : tensor<4xcomplex<f32>>
}

// -----

// An operation without a body for one element was an internal error of the lowerings.
func.func @host(%x: tensor<4xf32>, %z: tensor<4xf32>) -> tensor<4xf32> {
  %y = graph.kernel %x, %z schedule<kind = pointwise, parallel = [4]> : tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>, %c: tensor<4xf32>):
    // expected-error@+1 {{'graph.nextafter' is computed on whole tensors by the host, and not element by element}}
    %b = graph.nextafter %a, %c : tensor<4xf32>
    graph.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}
