// Without a broadcast the dims are one loop; truth values are bytes in memory.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<5x17xf32>, %c: tensor<5x17xi1>) -> (tensor<5x17xf32>, tensor<5x17xi1>) {
  %y, %above = graph.kernel %x, %c schedule<kind = pointwise, parallel = [5, 17]> {memory = [#graph.buffer<output, 0>, #graph.buffer<output, 1>]} : (tensor<5x17xf32>, tensor<5x17xi1>) -> (tensor<5x17xf32>, tensor<5x17xi1>) {
  ^bb0(%0: tensor<5x17xf32>, %1: tensor<5x17xi1>):
    %zero = graph.fill {value = 0.0 : f32} : tensor<f32>
    %2 = graph.where %1, %0, %zero : (tensor<5x17xi1>, tensor<5x17xf32>, tensor<f32>) -> tensor<5x17xf32>
    %3 = graph.greater %2, %zero : (tensor<5x17xf32>, tensor<f32>) -> tensor<5x17xi1>
    graph.yield %2, %3 : tensor<5x17xf32>, tensor<5x17xi1>
  }
  func.return %y, %above : tensor<5x17xf32>, tensor<5x17xi1>
}

// CHECK:      func.func private @main_kernel_0(%c: memref<85xi8>, %x: memref<85xf32>, %y: memref<85xf32>, %above: memref<85xi8>) {
// CHECK-NEXT: %0 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c80 = arith.constant 80 : index
// CHECK-NEXT: %c8 = arith.constant 8 : index
// CHECK-NEXT: %c5 = arith.constant 5 : index
// CHECK-NEXT: %tail = vector.create_mask %c5 : vector<8xi1>
// CHECK-NEXT: %1 = arith.constant dense<0> : vector<8xi8>
// CHECK-NEXT: scf.parallel (%i) = (%c0) to (%c80) step (%c8) {
// CHECK-NEXT: %c_1 = vector.load %c[%i] : memref<85xi8>, vector<8xi8>
// CHECK-NEXT: %2 = arith.constant dense<0> : vector<8xi8>
// CHECK-NEXT: %3 = arith.cmpi ne, %c_1, %2 : vector<8xi8>
// CHECK-NEXT: %x_1 = vector.load %x[%i] : memref<85xf32>, vector<8xf32>
// CHECK-NEXT: %4 = arith.select %3, %x_1, %0 : vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %5 = arith.cmpf ogt, %4, %0 : vector<8xf32>
// CHECK-NEXT: vector.store %4, %y[%i] : memref<85xf32>, vector<8xf32>
// CHECK-NEXT: %6 = arith.extui %5 : vector<8xi1> to vector<8xi8>
// CHECK-NEXT: vector.store %6, %above[%i] : memref<85xi8>, vector<8xi8>
// CHECK-NEXT: scf.reduce
// CHECK-NEXT: }
// CHECK-NEXT: %c_2 = vector.maskedload %c[%c80], %tail, %1 : memref<85xi8>, vector<8xi1>, vector<8xi8> into vector<8xi8>
// CHECK-NEXT: %7 = arith.constant dense<0> : vector<8xi8>
// CHECK-NEXT: %8 = arith.cmpi ne, %c_2, %7 : vector<8xi8>
// CHECK-NEXT: %x_2 = vector.maskedload %x[%c80], %tail, %0 : memref<85xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %9 = arith.select %8, %x_2, %0 : vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %10 = arith.cmpf ogt, %9, %0 : vector<8xf32>
// CHECK-NEXT: vector.maskedstore %y[%c80], %tail, %9 : memref<85xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %11 = arith.extui %10 : vector<8xi1> to vector<8xi8>
// CHECK-NEXT: vector.maskedstore %above[%c80], %tail, %11 : memref<85xi8>, vector<8xi1>, vector<8xi8>
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<5x17xf32>, %c: memref<5x17xi8>, %output0: memref<5x17xf32>, %output1: memref<5x17xi8>) attributes {graph.arguments = ["input", "input", "output", "output"]} {
// CHECK-NEXT: %c_1 = memref.reinterpret_cast %c to offset: [0], sizes: [85], strides: [1] : memref<5x17xi8> to memref<85xi8>
// CHECK-NEXT: %x_1 = memref.reinterpret_cast %x to offset: [0], sizes: [85], strides: [1] : memref<5x17xf32> to memref<85xf32>
// CHECK-NEXT: %output0_1 = memref.reinterpret_cast %output0 to offset: [0], sizes: [85], strides: [1] : memref<5x17xf32> to memref<85xf32>
// CHECK-NEXT: %output1_1 = memref.reinterpret_cast %output1 to offset: [0], sizes: [85], strides: [1] : memref<5x17xi8> to memref<85xi8>
// CHECK-NEXT: func.call @main_kernel_0(%c_1, %x_1, %output0_1, %output1_1) : (memref<85xi8>, memref<85xf32>, memref<85xf32>, memref<85xi8>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
