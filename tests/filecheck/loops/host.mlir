// The host function: constants, views of the arena, a copy of what is read before an update, one call a kernel.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) attributes {graph.arena = 64 : i64} {
  %c = graph.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<2x4xf32>>
  %r = graph.read %w {memory = [#graph.buffer<arena, 0>]} : (!graph.ref<tensor<2x4xf32>>) -> tensor<2x4xf32>
  %u = graph.kernel %r, %c schedule<kind = pointwise, parallel = [2, 4]> {memory = [#graph.buffer<variable, "w">]} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32> {
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<4xf32>):
    %2 = graph.multiply %0, %1 : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    graph.yield %2 : tensor<2x4xf32>
  }
  graph.assign %w, %u : !graph.ref<tensor<2x4xf32>>, tensor<2x4xf32>
  %y = graph.kernel %r, %x schedule<kind = pointwise, parallel = [2, 4]> {memory = [#graph.buffer<output, 0>]} : tensor<2x4xf32> {
  ^bb0(%0: tensor<2x4xf32>, %1: tensor<2x4xf32>):
    %2 = graph.add %0, %1 : tensor<2x4xf32>
    graph.yield %2 : tensor<2x4xf32>
  }
  func.return %y, %x : tensor<2x4xf32>, tensor<2x4xf32>
}

// CHECK:      memref.global "private" constant @main_constant_0 : memref<4xf32> = dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00]> {alignment = 64 : i64}
// CHECK-NEXT: func.func private @main_kernel_0(%r: memref<2x4xf32>, %c: memref<4xf32>, %u: memref<2x4xf32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c2 = arith.constant 2 : index
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: scf.parallel (%row) = (%c0) to (%c2) step (%c1) {
// CHECK-NEXT: %r_1 = vector.load %r[%row, %c0] : memref<2x4xf32>, vector<4xf32>
// CHECK-NEXT: %c_1 = vector.load %c[%c0] : memref<4xf32>, vector<4xf32>
// CHECK-NEXT: %0 = arith.mulf %r_1, %c_1 : vector<4xf32>
// CHECK-NEXT: vector.store %0, %u[%row, %c0] : memref<2x4xf32>, vector<4xf32>
// CHECK-NEXT: scf.reduce
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func private @main_kernel_1(%r: memref<8xf32>, %x: memref<8xf32>, %y: memref<8xf32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c8 = arith.constant 8 : index
// CHECK-NEXT: scf.parallel (%i) = (%c0) to (%c8) step (%c8) {
// CHECK-NEXT: %r_1 = vector.load %r[%i] : memref<8xf32>, vector<8xf32>
// CHECK-NEXT: %x_1 = vector.load %x[%i] : memref<8xf32>, vector<8xf32>
// CHECK-NEXT: %0 = arith.addf %r_1, %x_1 : vector<8xf32>
// CHECK-NEXT: vector.store %0, %y[%i] : memref<8xf32>, vector<8xf32>
// CHECK-NEXT: scf.reduce
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<2x4xf32>, %w: memref<2x4xf32>, %output0: memref<2x4xf32>, %output1: memref<2x4xf32>, %arena: memref<64xi8>) attributes {graph.arguments = ["input", "variable:w", "output", "output", "arena"]} {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %buffer = memref.view %arena[%c0][] : memref<64xi8> to memref<2x4xf32>
// CHECK-NEXT: %constant = memref.get_global @main_constant_0 : memref<4xf32>
// CHECK-NEXT: %buffer_1 = memref.view %arena[%c0][] : memref<64xi8> to memref<8xf32>
// CHECK-NEXT: %x_1 = memref.reinterpret_cast %x to offset: [0], sizes: [8], strides: [1] : memref<2x4xf32> to memref<8xf32>
// CHECK-NEXT: %output0_1 = memref.reinterpret_cast %output0 to offset: [0], sizes: [8], strides: [1] : memref<2x4xf32> to memref<8xf32>
// CHECK-NEXT: memref.copy %w, %buffer : memref<2x4xf32> to memref<2x4xf32>
// CHECK-NEXT: func.call @main_kernel_0(%buffer, %constant, %w) : (memref<2x4xf32>, memref<4xf32>, memref<2x4xf32>) -> ()
// CHECK-NEXT: func.call @main_kernel_1(%buffer_1, %x_1, %output0_1) : (memref<8xf32>, memref<8xf32>, memref<8xf32>) -> ()
// CHECK-NEXT: memref.copy %x, %output1 : memref<2x4xf32> to memref<2x4xf32>
// CHECK-NEXT: func.return
// CHECK-NEXT: }
