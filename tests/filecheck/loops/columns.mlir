// Sums down the columns: neighbouring columns in registers, one run over the rows.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<6x12xf32>) -> tensor<12xf32> {
  %y = graph.kernel %x schedule<kind = columns, parallel = [12], reduce = [6]> {memory = [#graph.buffer<output, 0>]} : (tensor<6x12xf32>) -> tensor<12xf32> {
  ^bb0(%0: tensor<6x12xf32>):
    %1 = graph.sum %0 {axes = array<i64: 0>} : (tensor<6x12xf32>) -> tensor<12xf32>
    graph.yield %1 : tensor<12xf32>
  }
  func.return %y : tensor<12xf32>
}

// CHECK:      func.func private @main_kernel_0(%x: memref<6x12xf32>, %y: memref<12xf32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c8 = arith.constant 8 : index
// CHECK-NEXT: %c4 = arith.constant 4 : index
// CHECK-NEXT: %tail = vector.create_mask %c4 : vector<8xi1>
// CHECK-NEXT: %0 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT: %c6 = arith.constant 6 : index
// CHECK-NEXT: %c2 = arith.constant 2 : index
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: %sum, %sum_1, %sum_2, %sum_3 = scf.for %row = %c0 to %c6 step %c2 iter_args(%sum_4 = %0, %sum_5 = %0, %sum_6 = %0, %sum_7 = %0) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK-NEXT: %x_1 = vector.load %x[%row, %c0] : memref<6x12xf32>, vector<8xf32>
// CHECK-NEXT: %x_2 = vector.maskedload %x[%row, %c8], %tail, %0 : memref<6x12xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %sum_8 = arith.addf %sum_4, %x_1 : vector<8xf32>
// CHECK-NEXT: %sum_9 = arith.addf %sum_6, %x_2 : vector<8xf32>
// CHECK-NEXT: %row_1 = arith.addi %row, %c1 : index
// CHECK-NEXT: %x_3 = vector.load %x[%row_1, %c0] : memref<6x12xf32>, vector<8xf32>
// CHECK-NEXT: %x_4 = vector.maskedload %x[%row_1, %c8], %tail, %0 : memref<6x12xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %sum_10 = arith.addf %sum_5, %x_3 : vector<8xf32>
// CHECK-NEXT: %sum_11 = arith.addf %sum_7, %x_4 : vector<8xf32>
// CHECK-NEXT: scf.yield %sum_8, %sum_10, %sum_9, %sum_11 : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %1 = arith.addf %sum, %sum_1 : vector<8xf32>
// CHECK-NEXT: %2 = arith.addf %sum_2, %sum_3 : vector<8xf32>
// CHECK-NEXT: vector.store %1, %y[%c0] : memref<12xf32>, vector<8xf32>
// CHECK-NEXT: vector.maskedstore %y[%c8], %tail, %2 : memref<12xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<6x12xf32>, %output0: memref<12xf32>) attributes {graph.arguments = ["input", "output"]} {
// CHECK-NEXT: func.call @main_kernel_0(%x, %output0) : (memref<6x12xf32>, memref<12xf32>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
