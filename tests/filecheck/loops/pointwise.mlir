// One pointwise kernel: rows because of the broadcast operand, full vectors and a masked tail.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<5x17xf32>, %b: tensor<17xf32>) -> tensor<5x17xf32> {
  %y = graph.kernel %x, %b schedule<kind = pointwise, parallel = [5, 17]> {memory = [#graph.buffer<output, 0>]} : (tensor<5x17xf32>, tensor<17xf32>) -> tensor<5x17xf32> {
  ^bb0(%0: tensor<5x17xf32>, %1: tensor<17xf32>):
    %2 = graph.add %0, %1 : (tensor<5x17xf32>, tensor<17xf32>) -> tensor<5x17xf32>
    %3 = graph.tanh %2 : tensor<5x17xf32>
    graph.yield %3 : tensor<5x17xf32>
  }
  func.return %y : tensor<5x17xf32>
}

// CHECK:      func.func private @main_kernel_0(%x: memref<5x17xf32>, %b: memref<17xf32>, %y: memref<5x17xf32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c16 = arith.constant 16 : index
// CHECK-NEXT: %c8 = arith.constant 8 : index
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: %tail = vector.create_mask %c1 : vector<8xi1>
// CHECK-NEXT: %0 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT: %c5 = arith.constant 5 : index
// CHECK-NEXT: scf.parallel (%row) = (%c0) to (%c5) step (%c1) {
// CHECK-NEXT: scf.for %i = %c0 to %c16 step %c8 {
// CHECK-NEXT: %x_1 = vector.load %x[%row, %i] : memref<5x17xf32>, vector<8xf32>
// CHECK-NEXT: %b_1 = vector.load %b[%i] : memref<17xf32>, vector<8xf32>
// CHECK-NEXT: %1 = arith.addf %x_1, %b_1 : vector<8xf32>
// CHECK-NEXT: %2 = math.tanh %1 : vector<8xf32>
// CHECK-NEXT: vector.store %2, %y[%row, %i] : memref<5x17xf32>, vector<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %x_2 = vector.maskedload %x[%row, %c16], %tail, %0 : memref<5x17xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %b_2 = vector.maskedload %b[%c16], %tail, %0 : memref<17xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %3 = arith.addf %x_2, %b_2 : vector<8xf32>
// CHECK-NEXT: %4 = math.tanh %3 : vector<8xf32>
// CHECK-NEXT: vector.maskedstore %y[%row, %c16], %tail, %4 : memref<5x17xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: scf.reduce
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<5x17xf32>, %b: memref<17xf32>, %output0: memref<5x17xf32>) attributes {graph.arguments = ["input", "input", "output"]} {
// CHECK-NEXT: func.call @main_kernel_0(%x, %b, %output0) : (memref<5x17xf32>, memref<17xf32>, memref<5x17xf32>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
