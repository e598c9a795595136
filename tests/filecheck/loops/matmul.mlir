// A product with its bias: blocks of two rows and a vector of two registers, which is masked.
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
// CHECK-NEXT: %c13 = arith.constant 13 : index
// CHECK-NEXT: %tail = vector.create_mask %c13 : vector<16xi1>
// CHECK-NEXT: %c2 = arith.constant 2 : index
// CHECK-NEXT: %0 = arith.constant dense<0.000000e+00> : vector<2x16xf32>
// CHECK-NEXT: %1 = arith.constant dense<0.000000e+00> : vector<16xf32>
// CHECK-NEXT: %2 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: scf.for %panel = %c0 to %c1 step %c1 {
// CHECK-NEXT: %column = arith.muli %panel, %c16 : index
// CHECK-NEXT: %b_1 = vector.maskedload %b[%column], %tail, %1 : memref<13xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT: scf.for %panel_1 = %c0 to %c2 step %c1 {
// CHECK-NEXT: %row = arith.muli %panel_1, %c2 : index
// CHECK-NEXT: %sums = scf.for %k = %c0 to %c9 step %c1 iter_args(%3 = %0) -> (vector<2x16xf32>) {
// CHECK-NEXT: %w_1 = vector.maskedload %w[%k, %column], %tail, %1 : memref<9x13xf32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
// CHECK-NEXT: %x_1 = vector.transfer_read %x[%row, %k], %2 {in_bounds = [true], permutation_map = affine_map<(d0, d1) -> (d0)>} : memref<4x9xf32>, vector<2xf32>
// CHECK-NEXT: %sums_1 = vector.outerproduct %x_1, %w_1, %3 : vector<2xf32>, vector<16xf32>
// CHECK-NEXT: scf.yield %sums_1 : vector<2x16xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %sums_2 = vector.extract %sums[0] : vector<16xf32> from vector<2x16xf32>
// CHECK-NEXT: %sums_3 = vector.extract %sums[1] : vector<16xf32> from vector<2x16xf32>
// CHECK-NEXT: %4 = arith.addf %sums_2, %b_1 : vector<16xf32>
// CHECK-NEXT: vector.maskedstore %y[%row, %column], %tail, %4 : memref<4x13xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT: %row_1 = arith.addi %row, %c1 : index
// CHECK-NEXT: %5 = arith.addf %sums_3, %b_1 : vector<16xf32>
// CHECK-NEXT: vector.maskedstore %y[%row_1, %column], %tail, %5 : memref<4x13xf32>, vector<16xi1>, vector<16xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<4x9xf32>, %w: memref<9x13xf32>, %b: memref<13xf32>, %output0: memref<4x13xf32>) attributes {graph.arguments = ["input", "input", "input", "output"]} {
// CHECK-NEXT: func.call @main_kernel_0(%x, %w, %b, %output0) : (memref<4x9xf32>, memref<9x13xf32>, memref<13xf32>, memref<4x13xf32>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
