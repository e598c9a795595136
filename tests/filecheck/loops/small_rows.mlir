// Rows shorter than a vector: one masked vector each; a row that an index names is read directly.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<4x6xf32>, %labels: tensor<4xi32>, %eye: tensor<6x6xf32>) -> tensor<4xf32> {
  %picked = graph.kernel %x, %labels, %eye schedule<kind = rows, parallel = [4], reduce = [6]> {memory = [#graph.buffer<output, 0>]} : (tensor<4x6xf32>, tensor<4xi32>, tensor<6x6xf32>) -> tensor<4xf32> {
  ^bb0(%0: tensor<4x6xf32>, %1: tensor<4xi32>, %2: tensor<6x6xf32>):
    %3 = graph.gather %2, %1 : (tensor<6x6xf32>, tensor<4xi32>) -> tensor<4x6xf32>
    %4 = graph.multiply %0, %3 : tensor<4x6xf32>
    %5 = graph.sum %4 {axes = array<i64: 1>} : (tensor<4x6xf32>) -> tensor<4xf32>
    graph.yield %5 : tensor<4xf32>
  }
  func.return %picked : tensor<4xf32>
}

// CHECK:      func.func private @main_kernel_0(%x: memref<4x6xf32>, %labels: memref<4xi32>, %eye: memref<6x6xf32>, %picked: memref<4xf32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c6 = arith.constant 6 : index
// CHECK-NEXT: %tail = vector.create_mask %c6 : vector<8xi1>
// CHECK-NEXT: %0 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT: %c4 = arith.constant 4 : index
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: scf.parallel (%row) = (%c0) to (%c4) step (%c1) {
// CHECK-NEXT: %x_1 = vector.maskedload %x[%row, %c0], %tail, %0 : memref<4x6xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %labels_1 = memref.load %labels[%row] : memref<4xi32>
// CHECK-NEXT: %1 = arith.constant 6 : i32
// CHECK-NEXT: %inside = arith.cmpi ult, %labels_1, %1 : i32
// CHECK-NEXT: %row_1 = arith.index_cast %labels_1 : i32 to index
// CHECK-NEXT: %2 = arith.select %inside, %row_1, %c0 : index
// CHECK-NEXT: %eye_1 = vector.maskedload %eye[%2, %c0], %tail, %0 : memref<6x6xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %3 = arith.select %inside, %eye_1, %0 : vector<8xf32>
// CHECK-NEXT: %4 = arith.mulf %x_1, %3 : vector<8xf32>
// CHECK-NEXT: %sum = arith.select %tail, %4, %0 : vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %sum_1 = vector.reduction <add>, %sum fastmath<reassoc> : vector<8xf32> into f32
// CHECK-NEXT: memref.store %sum_1, %picked[%row] : memref<4xf32>
// CHECK-NEXT: scf.reduce
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<4x6xf32>, %labels: memref<4xi32>, %eye: memref<6x6xf32>, %output0: memref<4xf32>) attributes {graph.arguments = ["input", "input", "input", "output"]} {
// CHECK-NEXT: func.call @main_kernel_0(%x, %labels, %eye, %output0) : (memref<4x6xf32>, memref<4xi32>, memref<6x6xf32>, memref<4xf32>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
