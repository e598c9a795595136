// Each kind of kernel, and what keeps two kernels apart.
// RUN: pullback-opt %s -p form-kernels,verify-level{level=kernels} --no-locations | filecheck %s

// What a row and the whole need is one kernel: inner sums, a scalar, and sums over the rows.
// CHECK-LABEL: @rows
// CHECK: %p, %total, %bias = graph.kernel %x schedule<kind = rows, parallel = [8], reduce = [5],
// CHECK-NOT: graph.kernel
func.func @rows(%x: tensor<8x5xf32>) -> (tensor<8x5xf32>, tensor<f32>, tensor<5xf32>) {
  %e = graph.exp %x : tensor<8x5xf32>
  %s = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<8x5xf32>) -> tensor<8x1xf32>
  %p = graph.divide %e, %s : (tensor<8x5xf32>, tensor<8x1xf32>) -> tensor<8x5xf32>
  %total = graph.sum %p {axes = array<i64: 0, 1>} : (tensor<8x5xf32>) -> tensor<f32>
  %bias = graph.sum %p {axes = array<i64: 0>} : (tensor<8x5xf32>) -> tensor<5xf32>
  func.return %p, %total, %bias : tensor<8x5xf32>, tensor<f32>, tensor<5xf32>
}

// An update rides on the column sums that it needs.
// CHECK-LABEL: @columns
// CHECK: %next = graph.kernel %x, %b schedule<kind = columns, parallel = [5], reduce = [8],
// CHECK-NOT: graph.kernel
func.func @columns(%x: tensor<8x5xf32>, %b: tensor<5xf32>) -> tensor<5xf32> {
  %s = graph.sum %x {axes = array<i64: 0>} : (tensor<8x5xf32>) -> tensor<5xf32>
  %next = graph.subtract %b, %s : tensor<5xf32>
  func.return %next : tensor<5xf32>
}

// A sum of everything whose result is used at once: P is empty.
// CHECK-LABEL: @all
// CHECK: graph.kernel %x schedule<kind = rows, parallel = [], reduce = [8, 5],
// CHECK-NOT: graph.kernel
func.func @all(%x: tensor<8x5xf32>) -> tensor<8x5xf32> {
  %s = graph.sum %x {axes = array<i64: 0, 1>} : (tensor<8x5xf32>) -> tensor<f32>
  %y = graph.divide %x, %s : (tensor<8x5xf32>, tensor<f32>) -> tensor<8x5xf32>
  func.return %y : tensor<8x5xf32>
}

// Normalised by rows and then by columns: the column sums are known only after the last row.
// CHECK-LABEL: @both_ways
// CHECK: %y, %t = graph.kernel {{.*}}kind = rows, parallel = [8], reduce = [5],
// CHECK: %z = graph.kernel %y, %t schedule<kind = pointwise, parallel = [8, 5],
// CHECK-NOT: graph.kernel
func.func @both_ways(%x: tensor<8x5xf32>) -> tensor<8x5xf32> {
  %s = graph.sum %x {axes = array<i64: 1>, keepdims} : (tensor<8x5xf32>) -> tensor<8x1xf32>
  %y = graph.divide %x, %s : (tensor<8x5xf32>, tensor<8x1xf32>) -> tensor<8x5xf32>
  %t = graph.sum %y {axes = array<i64: 0>} : (tensor<8x5xf32>) -> tensor<5xf32>
  %z = graph.divide %y, %t : (tensor<8x5xf32>, tensor<5xf32>) -> tensor<8x5xf32>
  func.return %z : tensor<8x5xf32>
}

// Bias, activation and what else is pointwise ride on a product; what is cheap to compute again is not stored.
// CHECK-LABEL: @layers
// CHECK: %h = graph.kernel %x, %v, %b schedule<kind = matmul, parallel = [8, 4], reduce = [5], cpu = {vector = 16, unroll = 4, tile = [8, 16]}>
// CHECK: %y = graph.kernel %h, %u schedule<kind = matmul, parallel = [8, 4], reduce = [4],
// CHECK: graph.subtract
// CHECK: graph.matmul
// CHECK: graph.multiply
// CHECK-NOT: graph.kernel
func.func @layers(%x: tensor<8x5xf32>, %v: tensor<5x4xf32>, %b: tensor<4xf32>, %u: tensor<4x4xf32>) -> tensor<8x4xf32> {
  %one = graph.fill {value = 1.0 : f32} : tensor<f32>
  %xv = graph.matmul %x, %v : (tensor<8x5xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
  %a = graph.add %xv, %b : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  %h = graph.tanh %a : tensor<8x4xf32>
  %hh = graph.multiply %h, %h : tensor<8x4xf32>
  %slope = graph.subtract %one, %hh : (tensor<f32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %hu = graph.matmul %h, %u : (tensor<8x4xf32>, tensor<4x4xf32>) -> tensor<8x4xf32>
  %y = graph.multiply %hu, %slope : tensor<8x4xf32>
  func.return %y : tensor<8x4xf32>
}

// The rows of an update are subtracted where they belong.
// CHECK-LABEL: @scatter
// CHECK: %[[OLD:.*]] = graph.read %w
// CHECK: %[[NEW:.*]] = graph.kernel %rows, %i, %[[OLD]] schedule<kind = scatter, parallel = [3, 4],
// CHECK: graph.make_slices
// CHECK: graph.densify
// CHECK: graph.subtract
// CHECK: graph.assign %w, %[[NEW]]
func.func @scatter(%rows: tensor<3x4xf32>, %i: tensor<3xi32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<100x4xf32>>
  %s = graph.make_slices %rows, %i : (tensor<3x4xf32>, tensor<3xi32>) -> !graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<100x4xf32>>
  graph.assign_sub %w, %s : !graph.ref<tensor<100x4xf32>>, !graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<100x4xf32>>
  func.return
}

// So are those of a sum of rows that only the update needs.
// CHECK-LABEL: @dense_update
// CHECK: %[[OLD:.*]] = graph.read %w
// CHECK: %[[NEW:.*]] = graph.kernel %rows, %i, %[[OLD]] schedule<kind = scatter, parallel = [3, 4],
// CHECK: graph.densify
// CHECK: graph.subtract
// CHECK: graph.assign %w, %[[NEW]]
// CHECK: func.return
func.func @dense_update(%rows: tensor<3x4xf32>, %i: tensor<3xi32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<100x4xf32>>
  %s = graph.make_slices %rows, %i : (tensor<3x4xf32>, tensor<3xi32>) -> !graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<100x4xf32>>
  %d = graph.densify %s : (!graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<100x4xf32>>) -> tensor<100x4xf32>
  graph.assign_sub %w, %d : !graph.ref<tensor<100x4xf32>>, tensor<100x4xf32>
  func.return
}

// A gate is a wall. The alias %r makes no code.
// CHECK-LABEL: @gate
// CHECK: %y = graph.kernel %x schedule<kind = pointwise
// CHECK: %g = graph.gate %y
// CHECK: %z = graph.kernel %g schedule<kind = pointwise
// CHECK: %r = graph.reshape %z
// CHECK-NOT: graph.kernel
func.func @gate(%x: tensor<8x5xf32>) -> tensor<40xf32> {
  %y = graph.exp %x : tensor<8x5xf32>
  %g = graph.gate %y : tensor<8x5xf32>
  %z = graph.exp %g : tensor<8x5xf32>
  %r = graph.reshape %z : (tensor<8x5xf32>) -> tensor<40xf32>
  func.return %r : tensor<40xf32>
}

// Kernels inside of loops; the bound is repeated where it is needed.
// CHECK-LABEL: @loop
// CHECK: graph.while
// CHECK: graph.kernel {{.*}} : (tensor<i32>) -> tensor<i1>
// CHECK: graph.condition
// CHECK: } do {
// CHECK: graph.kernel
// CHECK: graph.yield
func.func @loop(%x: tensor<8xf32>) -> tensor<8xf32> {
  %bound = graph.fill {value = 10 : i32} : tensor<i32>
  %zero = graph.fill {value = 0 : i32} : tensor<i32>
  %n, %y = graph.while %zero, %x : tensor<i32>, tensor<8xf32> {
  ^bb0(%i: tensor<i32>, %a: tensor<8xf32>):
    %more = graph.greater %bound, %i : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %more : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<8xf32>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %i1 = graph.add %i, %one : tensor<i32>
    %b = graph.tanh %a : tensor<8xf32>
    graph.yield %i1, %b : tensor<i32>, tensor<8xf32>
  }
  func.return %y : tensor<8xf32>
}
