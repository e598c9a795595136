// Long f32 sums are made in blocks of 48 terms, whose sums are added up in f64: in registers, and in scratch memory.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<96x3200xf32>, %y: tensor<96x4xf32>) -> (tensor<96xf32>, tensor<4xf32>) {
  %rows = graph.kernel %x schedule<kind = rows, parallel = [96], reduce = [3200]> {memory = [#graph.buffer<output, 0>]} : (tensor<96x3200xf32>) -> tensor<96xf32> {
  ^bb0(%0: tensor<96x3200xf32>):
    %1 = graph.sum %0 {axes = array<i64: 1>} : (tensor<96x3200xf32>) -> tensor<96xf32>
    graph.yield %1 : tensor<96xf32>
  }
  %columns = graph.kernel %y schedule<kind = rows, parallel = [96], reduce = [4]> {memory = [#graph.buffer<output, 1>]} : (tensor<96x4xf32>) -> tensor<4xf32> {
  ^bb0(%2: tensor<96x4xf32>):
    %3 = graph.sum %2 {axes = array<i64: 1>, keepdims} : (tensor<96x4xf32>) -> tensor<96x1xf32>
    %4 = graph.multiply %2, %3 : (tensor<96x4xf32>, tensor<96x1xf32>) -> tensor<96x4xf32>
    %5 = graph.sum %4 {axes = array<i64: 0>} : (tensor<96x4xf32>) -> tensor<4xf32>
    graph.yield %5 : tensor<4xf32>
  }
  func.return %rows, %columns : tensor<96xf32>, tensor<4xf32>
}

// CHECK:      func.func private @main_kernel_0(%x: memref<96x3200xf32>, %rows: memref<96xf32>) {
// CHECK:      %sum_so_far = scf.for %column = %c0 to %c3072 step %c1536 iter_args(%sum_so_far_1 = %0) -> (vector<8xf64>) {
// CHECK-NEXT: %column_1 = arith.addi %column, %c1536 : index
// CHECK-NEXT: %sum, %sum_1, %sum_2, %sum_3 = scf.for %column_2 = %column to %column_1 step %c32 iter_args(%sum_4 = %1, %sum_5 = %1, %sum_6 = %1, %sum_7 = %1) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK:      %5 = arith.extf %4 : vector<8xf32> to vector<8xf64>
// CHECK-NEXT: %sum_so_far_2 = arith.addf %sum_so_far_1, %5 : vector<8xf64>
// CHECK-NEXT: scf.yield %sum_so_far_2 : vector<8xf64>
// CHECK:      %sum_12, %sum_13, %sum_14, %sum_15 = scf.for %column_6 = %c3072 to %c3200 step %c32
// CHECK:      %total = vector.reduction <add>, %sum_so_far_3 fastmath<reassoc> : vector<8xf64> into f64
// CHECK-NEXT: %sum_24 = arith.truncf %total : f64 to f32

// CHECK:      func.func private @main_kernel_1(%y: memref<96x4xf32>, %columns: memref<4xf32>, %so_far: memref<4xf64>, %known: memref<96xf32>) {
// CHECK:      scf.for %rows = %c0 to %c96 step %c48 {
// CHECK-NEXT: %rows_1 = arith.addi %rows, %c48 : index
// CHECK-NEXT: %end = arith.minui %rows_1, %c96 : index
// CHECK-NEXT: scf.for %rows_2 = %rows to %end step %c8 {
// CHECK:      scf.parallel (%i_2) = (%c0) to (%c4) step (%c4) {
// CHECK-NEXT: %columns_2 = vector.load %columns[%i_2] : memref<4xf32>, vector<4xf32>
// CHECK-NEXT: %5 = arith.extf %columns_2 : vector<4xf32> to vector<4xf64>
// CHECK-NEXT: %so_far_1 = vector.load %so_far[%i_2] : memref<4xf64>, vector<4xf64>
// CHECK-NEXT: %6 = arith.addf %so_far_1, %5 : vector<4xf64>
// CHECK-NEXT: vector.store %6, %so_far[%i_2] : memref<4xf64>, vector<4xf64>
// CHECK-NEXT: vector.store %1, %columns[%i_2] : memref<4xf32>, vector<4xf32>
// CHECK-NEXT: scf.reduce
// CHECK:      arith.truncf %{{.*}} : vector<4xf64> to vector<4xf32>
