// A product with its bias: blocks of two rows and two vectors, the last of which is masked.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<4x9xf32>, %w: tensor<9x13xf32>, %b: tensor<13xf32>) -> tensor<4x13xf32> {
  %y = graph.kernel %x, %w, %b schedule<kind = matmul, parallel = [4, 13], reduce = [9], cpu = {tile = [2, 16]}> {memory = [#graph.buffer<output, 0>]} : (tensor<4x9xf32>, tensor<9x13xf32>, tensor<13xf32>) -> tensor<4x13xf32> {
  ^bb0(%0: tensor<4x9xf32>, %1: tensor<9x13xf32>, %2: tensor<13xf32>):
    %3 = graph.matmul %0, %1 : (tensor<4x9xf32>, tensor<9x13xf32>) -> tensor<4x13xf32>
    %4 = graph.add %3, %2 : (tensor<4x13xf32>, tensor<13xf32>) -> tensor<4x13xf32>
    graph.yield %4 : tensor<4x13xf32>
  }
  func.return %y : tensor<4x13xf32>
}

// CHECK:      func.func private @main_kernel_0(%x: memref<4x9xf32>, %w: memref<9x13xf32>, %b: memref<13xf32>, %y: memref<4x13xf32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c9 = arith.constant 9 : index
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: %c16 = arith.constant 16 : index
// CHECK-NEXT: %c8 = arith.constant 8 : index
// CHECK-NEXT: %c5 = arith.constant 5 : index
// CHECK-NEXT: %tail = vector.create_mask %c5 : vector<8xi1>
// CHECK-NEXT: %c2 = arith.constant 2 : index
// CHECK-NEXT: %0 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT: scf.for %panel = %c0 to %c1 step %c1 {
// CHECK-NEXT: %column = arith.muli %panel, %c16 : index
// CHECK-NEXT: %column_1 = arith.addi %column, %c8 : index
// CHECK-NEXT: %b_1 = vector.load %b[%column] : memref<13xf32>, vector<8xf32>
// CHECK-NEXT: %b_2 = vector.maskedload %b[%column_1], %tail, %0 : memref<13xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: scf.for %panel_1 = %c0 to %c2 step %c1 {
// CHECK-NEXT: %row = arith.muli %panel_1, %c2 : index
// CHECK-NEXT: %row_1 = arith.addi %row, %c1 : index
// CHECK-NEXT: %sum, %sum_1, %sum_2, %sum_3 = scf.for %k = %c0 to %c9 step %c1 iter_args(%1 = %0, %2 = %0, %3 = %0, %4 = %0) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>) {
// CHECK-NEXT: %w_1 = vector.load %w[%k, %column] : memref<9x13xf32>, vector<8xf32>
// CHECK-NEXT: %w_2 = vector.maskedload %w[%k, %column_1], %tail, %0 : memref<9x13xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %x_1 = memref.load %x[%row, %k] : memref<4x9xf32>
// CHECK-NEXT: %x_2 = vector.broadcast %x_1 : f32 to vector<8xf32>
// CHECK-NEXT: %sum_4 = vector.fma %x_2, %w_1, %1 : vector<8xf32>
// CHECK-NEXT: %sum_5 = vector.fma %x_2, %w_2, %2 : vector<8xf32>
// CHECK-NEXT: %x_3 = memref.load %x[%row_1, %k] : memref<4x9xf32>
// CHECK-NEXT: %x_4 = vector.broadcast %x_3 : f32 to vector<8xf32>
// CHECK-NEXT: %sum_6 = vector.fma %x_4, %w_1, %3 : vector<8xf32>
// CHECK-NEXT: %sum_7 = vector.fma %x_4, %w_2, %4 : vector<8xf32>
// CHECK-NEXT: scf.yield %sum_4, %sum_5, %sum_6, %sum_7 : vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %5 = arith.addf %sum, %b_1 : vector<8xf32>
// CHECK-NEXT: vector.store %5, %y[%row, %column] : memref<4x13xf32>, vector<8xf32>
// CHECK-NEXT: %6 = arith.addf %sum_1, %b_2 : vector<8xf32>
// CHECK-NEXT: vector.maskedstore %y[%row, %column_1], %tail, %6 : memref<4x13xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %row_2 = arith.addi %row, %c1 : index
// CHECK-NEXT: %7 = arith.addf %sum_2, %b_1 : vector<8xf32>
// CHECK-NEXT: vector.store %7, %y[%row_2, %column] : memref<4x13xf32>, vector<8xf32>
// CHECK-NEXT: %8 = arith.addf %sum_3, %b_2 : vector<8xf32>
// CHECK-NEXT: vector.maskedstore %y[%row_2, %column_1], %tail, %8 : memref<4x13xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<4x9xf32>, %w: memref<9x13xf32>, %b: memref<13xf32>, %output0: memref<4x13xf32>) attributes {graph.arguments = ["input", "input", "input", "output"]} {
// CHECK-NEXT: func.call @main_kernel_0(%x, %w, %b, %output0) : (memref<4x9xf32>, memref<9x13xf32>, memref<13xf32>, memref<4x13xf32>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
