// Rows whose sum goes through a function: eight sums, one function of eight lanes, eight rows that are added to totals.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<20x8xf32>) -> tensor<8xf32> {
  %y = graph.kernel %x schedule<kind = rows, parallel = [20], reduce = [8]> {memory = [#graph.buffer<output, 0>]} : (tensor<20x8xf32>) -> tensor<8xf32> {
  ^bb0(%0: tensor<20x8xf32>):
    %1 = graph.sum %0 {axes = array<i64: 1>, keepdims} : (tensor<20x8xf32>) -> tensor<20x1xf32>
    %2 = graph.exp %1 : tensor<20x1xf32>
    %3 = graph.multiply %0, %2 : (tensor<20x8xf32>, tensor<20x1xf32>) -> tensor<20x8xf32>
    %4 = graph.sum %3 {axes = array<i64: 0>} : (tensor<20x8xf32>) -> tensor<8xf32>
    graph.yield %4 : tensor<8xf32>
  }
  func.return %y : tensor<8xf32>
}

// CHECK:      scf.for %rows = %c0 to %c20 step %c8 {
// CHECK-NEXT: %end = arith.addi %rows, %c8 : index
// CHECK-NEXT: %end_1 = arith.minui %end, %c20 : index
// CHECK-NEXT: %left = arith.subi %end_1, %rows : index
// CHECK-NEXT: %inside = vector.create_mask %left : vector<8xi1>
// CHECK-NEXT: scf.for %row = %rows to %end_1 step %c1 {
// CHECK-NEXT: %sum = vector.load %x[%row, %c0] : memref<20x8xf32>, vector<8xf32>
// CHECK-NEXT: %sum_1 = vector.reduction <add>, %sum fastmath<reassoc> : vector<8xf32> into f32
// CHECK-NEXT: memref.store %sum_1, %known[%row] : memref<20xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %known_2 = vector.maskedload %known[%rows], %inside, %0 : memref<20xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %1 = math.exp %known_2 : vector<8xf32>
// CHECK-NEXT: vector.maskedstore %known_1[%rows], %inside, %1 : memref<20xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %total = scf.for %row_1 = %rows to %end_1 step %c1 iter_args(%total_1 = %0) -> (vector<8xf32>) {
// CHECK-NEXT: %x_1 = vector.load %x[%row_1, %c0] : memref<20x8xf32>, vector<8xf32>
// CHECK-NEXT: %known_3 = memref.load %known_1[%row_1] : memref<20xf32>
// CHECK-NEXT: %known_4 = vector.broadcast %known_3 : f32 to vector<8xf32>
// CHECK-NEXT: %2 = arith.mulf %x_1, %known_4 : vector<8xf32>
// CHECK-NEXT: %total_2 = arith.addf %total_1, %2 : vector<8xf32>
// CHECK-NEXT: scf.yield %total_2 : vector<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %y_1 = vector.load %y[%c0] : memref<8xf32>, vector<8xf32>
// CHECK-NEXT: %3 = arith.addf %y_1, %total : vector<8xf32>
// CHECK-NEXT: vector.store %3, %y[%c0] : memref<8xf32>, vector<8xf32>
// CHECK-NEXT: }
