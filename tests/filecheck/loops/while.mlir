// A loop: carried tensors stay in their buffers and change places through scratch memory, a stack grows.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<4xf32>, %n: tensor<i32>) -> (tensor<4xf32>, tensor<i32>) attributes {graph.arena = 256 : i64} {
  %s0 = graph.empty_stack : !graph.stack<tensor<4xf32>>
  %i, %a, %b, %s = graph.while %n, %x, %x, %s0 {memory = [#graph.buffer<output, 1>, #graph.buffer<output, 0>, #graph.buffer<arena, 0>, #graph.buffer<none>]} : tensor<i32>, tensor<4xf32>, tensor<4xf32>, !graph.stack<tensor<4xf32>> {
  ^bb0(%i: tensor<i32>, %a: tensor<4xf32>, %b: tensor<4xf32>, %s: !graph.stack<tensor<4xf32>>):
    %c = graph.kernel %i schedule<kind = pointwise, parallel = []> {memory = [#graph.buffer<arena, 64>]} : (tensor<i32>) -> tensor<i1> {
    ^bb1(%0: tensor<i32>):
      %zero = graph.fill {value = 0 : i32} : tensor<i32>
      %1 = graph.greater %0, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
      graph.yield %1 : tensor<i1>
    }
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<4xf32>, %b: tensor<4xf32>, %s: !graph.stack<tensor<4xf32>>):
    %s1 = graph.push %s, %a : (!graph.stack<tensor<4xf32>>, tensor<4xf32>) -> !graph.stack<tensor<4xf32>>
    %j = graph.kernel %i schedule<kind = pointwise, parallel = []> {memory = [#graph.buffer<output, 1>]} : tensor<i32> {
    ^bb1(%0: tensor<i32>):
      %one = graph.fill {value = 1 : i32} : tensor<i32>
      %1 = graph.subtract %0, %one : tensor<i32>
      graph.yield %1 : tensor<i32>
    }
    graph.yield %j, %b, %a, %s1 : tensor<i32>, tensor<4xf32>, tensor<4xf32>, !graph.stack<tensor<4xf32>>
  }
  func.return %a, %i : tensor<4xf32>, tensor<i32>
}

// CHECK:      func.func private @main_kernel_0(%i: memref<1xi32>, %c: memref<1xi8>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %0 = arith.constant 0 : i32
// CHECK-NEXT: %i_1 = memref.load %i[%c0] : memref<1xi32>
// CHECK-NEXT: %1 = arith.cmpi sgt, %i_1, %0 : i32
// CHECK-NEXT: %2 = arith.extui %1 : i1 to i8
// CHECK-NEXT: memref.store %2, %c[%c0] : memref<1xi8>
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func private @main_kernel_1(%i: memref<1xi32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %0 = arith.constant 1 : i32
// CHECK-NEXT: %i_1 = memref.load %i[%c0] : memref<1xi32>
// CHECK-NEXT: %1 = arith.subi %i_1, %0 : i32
// CHECK-NEXT: memref.store %1, %i[%c0] : memref<1xi32>
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%x: memref<4xf32>, %n: memref<i32>, %output0: memref<4xf32>, %output1: memref<i32>, %arena: memref<272xi8>) attributes {graph.arguments = ["input", "input", "output", "output", "arena"]} {
// CHECK-NEXT: %c16 = arith.constant 16 : index
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %buffer = memref.view %arena[%c0][] : memref<272xi8> to memref<4xf32>
// CHECK-NEXT: %output1_1 = memref.reinterpret_cast %output1 to offset: [0], sizes: [1], strides: [1] : memref<i32> to memref<1xi32>
// CHECK-NEXT: %c64 = arith.constant 64 : index
// CHECK-NEXT: %buffer_1 = memref.view %arena[%c64][] : memref<272xi8> to memref<1xi8>
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: %c256 = arith.constant 256 : index
// CHECK-NEXT: %scratch = memref.view %arena[%c256][] : memref<272xi8> to memref<4xf32>
// CHECK-NEXT: %rows = memref.alloc(%c16) : memref<?x4xf32>
// CHECK-NEXT: memref.copy %n, %output1 : memref<i32> to memref<i32>
// CHECK-NEXT: memref.copy %x, %output0 : memref<4xf32> to memref<4xf32>
// CHECK-NEXT: memref.copy %x, %buffer : memref<4xf32> to memref<4xf32>
// CHECK-NEXT: %rows_1, %size, %room = scf.while (%rows_2 = %rows, %size_1 = %c0, %room_1 = %c16) : (memref<?x4xf32>, index, index) -> (memref<?x4xf32>, index, index) {
// CHECK-NEXT: func.call @main_kernel_0(%output1_1, %buffer_1) : (memref<1xi32>, memref<1xi8>) -> ()
// CHECK-NEXT: %buffer_2 = memref.load %buffer_1[%c0] : memref<1xi8>
// CHECK-NEXT: %0 = arith.constant 0 : i8
// CHECK-NEXT: %1 = arith.cmpi ne, %buffer_2, %0 : i8
// CHECK-NEXT: scf.condition(%1) %rows_2, %size_1, %room_1 : memref<?x4xf32>, index, index
// CHECK-NEXT: } do {
// CHECK-NEXT: ^bb0(%rows_3: memref<?x4xf32>, %size_2: index, %room_2: index):
// CHECK-NEXT: %full = arith.cmpi eq, %size_2, %room_2 : index
// CHECK-NEXT: %rows_4, %room_3 = scf.if %full -> (memref<?x4xf32>, index) {
// CHECK-NEXT: %room_4 = arith.addi %room_2, %room_2 : index
// CHECK-NEXT: %rows_5 = memref.alloc(%room_4) : memref<?x4xf32>
// CHECK-NEXT: %rows_6 = memref.subview %rows_5[0, 0] [%room_2, 4] [1, 1] : memref<?x4xf32> to memref<?x4xf32, strided<[4, 1]>>
// CHECK-NEXT: memref.copy %rows_3, %rows_6 : memref<?x4xf32> to memref<?x4xf32, strided<[4, 1]>>
// CHECK-NEXT: memref.dealloc %rows_3 : memref<?x4xf32>
// CHECK-NEXT: scf.yield %rows_5, %room_4 : memref<?x4xf32>, index
// CHECK-NEXT: } else {
// CHECK-NEXT: scf.yield %rows_3, %room_2 : memref<?x4xf32>, index
// CHECK-NEXT: }
// CHECK-NEXT: %row = memref.subview %rows_4[%size_2, 0] [1, 4] [1, 1] : memref<?x4xf32> to memref<4xf32, strided<[1], offset: ?>>
// CHECK-NEXT: memref.copy %output0, %row : memref<4xf32> to memref<4xf32, strided<[1], offset: ?>>
// CHECK-NEXT: %size_3 = arith.addi %size_2, %c1 : index
// CHECK-NEXT: func.call @main_kernel_1(%output1_1) : (memref<1xi32>) -> ()
// CHECK-NEXT: memref.copy %output0, %scratch : memref<4xf32> to memref<4xf32>
// CHECK-NEXT: memref.copy %buffer, %output0 : memref<4xf32> to memref<4xf32>
// CHECK-NEXT: memref.copy %scratch, %buffer : memref<4xf32> to memref<4xf32>
// CHECK-NEXT: scf.yield %rows_4, %size_3, %room_3 : memref<?x4xf32>, index, index
// CHECK-NEXT: }
// CHECK-NEXT: memref.dealloc %rows_1 : memref<?x4xf32>
// CHECK-NEXT: func.return
// CHECK-NEXT: }
