// Softmax: one sweep for the maximum, one for the sum, whose exp waits in the output, and one that divides.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<4x20xf32>) -> (tensor<4x20xf32>, tensor<f32>) {
  %y, %loss = graph.kernel %x schedule<kind = rows, parallel = [4], reduce = [20]> {memory = [#graph.buffer<output, 0>, #graph.buffer<output, 1>]} : (tensor<4x20xf32>) -> (tensor<4x20xf32>, tensor<f32>) {
  ^bb0(%0: tensor<4x20xf32>):
    %1 = graph.max %0 {axes = array<i64: 1>, keepdims} : (tensor<4x20xf32>) -> tensor<4x1xf32>
    %2 = graph.subtract %0, %1 : (tensor<4x20xf32>, tensor<4x1xf32>) -> tensor<4x20xf32>
    %3 = graph.exp %2 : tensor<4x20xf32>
    %4 = graph.sum %3 {axes = array<i64: 1>, keepdims} : (tensor<4x20xf32>) -> tensor<4x1xf32>
    %5 = graph.divide %3, %4 : (tensor<4x20xf32>, tensor<4x1xf32>) -> tensor<4x20xf32>
    %6 = graph.log %4 : tensor<4x1xf32>
    %7 = graph.sum %6 {axes = array<i64: 0, 1>} : (tensor<4x1xf32>) -> tensor<f32>
    graph.yield %5, %7 : tensor<4x20xf32>, tensor<f32>
  }
  func.return %y, %loss : tensor<4x20xf32>, tensor<f32>
}

// CHECK:      func.func private @main_kernel_0(%x: memref<4x20xf32>, %y: memref<4x20xf32>, %loss: memref<1xf32>) {
// CHECK-NEXT: %0 = arith.constant 0.000000e+00 : f32
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c4 = arith.constant 4 : index
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: %1 = arith.constant dense<"0x000080FF"> : vector<8xf32>
// CHECK-NEXT: %c16 = arith.constant 16 : index
// CHECK-NEXT: %c8 = arith.constant 8 : index
// CHECK-NEXT: %tail = vector.create_mask %c4 : vector<8xi1>
// CHECK-NEXT: %2 = arith.constant dense<0.000000e+00> : vector<8xf32>
// CHECK-NEXT: %total = scf.for %row = %c0 to %c4 step %c1 iter_args(%total_1 = %0) -> (f32) {
// CHECK-NEXT: %max = scf.for %column = %c0 to %c16 step %c8 iter_args(%max_1 = %1) -> (vector<8xf32>) {
// CHECK-NEXT: %x_1 = vector.load %x[%row, %column] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %max_2 = arith.maximumf %max_1, %x_1 : vector<8xf32>
// CHECK-NEXT: scf.yield %max_2 : vector<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: %x_2 = vector.maskedload %x[%row, %c16], %tail, %2 : memref<4x20xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %3 = arith.select %tail, %x_2, %1 : vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %max_3 = arith.maximumf %max, %3 : vector<8xf32>
// CHECK-NEXT: %max_4 = vector.reduction <maximumf>, %max_3 fastmath<reassoc> : vector<8xf32> into f32
// CHECK-NEXT: %x_3 = vector.load %x[%row, %c0] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %max_5 = vector.broadcast %max_4 : f32 to vector<8xf32>
// CHECK-NEXT: %4 = arith.subf %x_3, %max_5 : vector<8xf32>
// CHECK-NEXT: %sum = math.exp %4 : vector<8xf32>
// CHECK-NEXT: vector.store %sum, %y[%row, %c0] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %x_4 = vector.load %x[%row, %c8] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %5 = arith.subf %x_4, %max_5 : vector<8xf32>
// CHECK-NEXT: %sum_1 = math.exp %5 : vector<8xf32>
// CHECK-NEXT: vector.store %sum_1, %y[%row, %c8] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %x_5 = vector.maskedload %x[%row, %c16], %tail, %2 : memref<4x20xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %6 = arith.subf %x_5, %max_5 : vector<8xf32>
// CHECK-NEXT: %7 = math.exp %6 : vector<8xf32>
// CHECK-NEXT: vector.maskedstore %y[%row, %c16], %tail, %7 : memref<4x20xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %8 = arith.select %tail, %7, %2 : vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %sum_2 = arith.addf %sum, %8 : vector<8xf32>
// CHECK-NEXT: %9 = arith.addf %sum_2, %sum_1 : vector<8xf32>
// CHECK-NEXT: %sum_3 = vector.reduction <add>, %9 fastmath<reassoc> : vector<8xf32> into f32
// CHECK-NEXT: %y_1 = vector.load %y[%row, %c0] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %sum_4 = vector.broadcast %sum_3 : f32 to vector<8xf32>
// CHECK-NEXT: %10 = arith.divf %y_1, %sum_4 : vector<8xf32>
// CHECK-NEXT: vector.store %10, %y[%row, %c0] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %y_2 = vector.load %y[%row, %c8] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %11 = arith.divf %y_2, %sum_4 : vector<8xf32>
// CHECK-NEXT: vector.store %11, %y[%row, %c8] : memref<4x20xf32>, vector<8xf32>
// CHECK-NEXT: %y_3 = vector.maskedload %y[%row, %c16], %tail, %2 : memref<4x20xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
// CHECK-NEXT: %12 = arith.divf %y_3, %sum_4 : vector<8xf32>
// CHECK-NEXT: vector.maskedstore %y[%row, %c16], %tail, %12 : memref<4x20xf32>, vector<8xi1>, vector<8xf32>
// CHECK-NEXT: %13 = math.log %sum_3 : f32
// CHECK-NEXT: %total_2 = arith.addf %total_1, %13 : f32
// CHECK-NEXT: scf.yield %total_2 : f32
// CHECK-NEXT: }
// CHECK-NEXT: memref.store %total, %loss[%c0] : memref<1xf32>
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<4x20xf32>, %output0: memref<4x20xf32>, %output1: memref<f32>) attributes {graph.arguments = ["input", "output", "output"]} {
// CHECK-NEXT: %output1_1 = memref.reinterpret_cast %output1 to offset: [0], sizes: [1], strides: [1] : memref<f32> to memref<1xf32>
// CHECK-NEXT: func.call @main_kernel_0(%x, %output0, %output1_1) : (memref<4x20xf32>, memref<4x20xf32>, memref<1xf32>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
