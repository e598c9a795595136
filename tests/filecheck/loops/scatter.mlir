// Slices are subtracted from a variable in its own memory: only the rows that they name are touched.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%g: tensor<2x8xf32>, %i: tensor<2xi32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<5x8xf32>>
  %r = graph.read %w {memory = [#graph.buffer<variable, "w">]} : (!graph.ref<tensor<5x8xf32>>) -> tensor<5x8xf32>
  %u = graph.kernel %g, %i, %r schedule<kind = scatter, parallel = [2, 8]> {memory = [#graph.buffer<variable, "w">]} : (tensor<2x8xf32>, tensor<2xi32>, tensor<5x8xf32>) -> tensor<5x8xf32> {
  ^bb0(%0: tensor<2x8xf32>, %1: tensor<2xi32>, %2: tensor<5x8xf32>):
    %3 = graph.make_slices %0, %1 : (tensor<2x8xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x8xf32>, tensor<2xi32>, tensor<5x8xf32>>
    %4 = graph.densify %3 : (!graph.slices<tensor<2x8xf32>, tensor<2xi32>, tensor<5x8xf32>>) -> tensor<5x8xf32>
    %5 = graph.subtract %2, %4 : tensor<5x8xf32>
    graph.yield %5 : tensor<5x8xf32>
  }
  graph.assign %w, %u : !graph.ref<tensor<5x8xf32>>, tensor<5x8xf32>
  func.return
}

// CHECK:      func.func private @main_kernel_0(%r: memref<40xf32>, %g: memref<2x8xf32>, %i: memref<2xi32>) {
// CHECK-NEXT: %c0 = arith.constant 0 : index
// CHECK-NEXT: %c2 = arith.constant 2 : index
// CHECK-NEXT: %c1 = arith.constant 1 : index
// CHECK-NEXT: %c8 = arith.constant 8 : index
// CHECK-NEXT: scf.for %slice = %c0 to %c2 step %c1 {
// CHECK-NEXT: %i_1 = memref.load %i[%slice] : memref<2xi32>
// CHECK-NEXT: %0 = arith.constant 5 : i32
// CHECK-NEXT: %inside = arith.cmpi ult, %i_1, %0 : i32
// CHECK-NEXT: scf.if %inside {
// CHECK-NEXT: %row = arith.index_cast %i_1 : i32 to index
// CHECK-NEXT: %g_1 = vector.load %g[%slice, %c0] : memref<2x8xf32>, vector<8xf32>
// CHECK-NEXT: %at = arith.muli %row, %c8 : index
// CHECK-NEXT: %r_1 = vector.load %r[%at] : memref<40xf32>, vector<8xf32>
// CHECK-NEXT: %1 = arith.subf %r_1, %g_1 : vector<8xf32>
// CHECK-NEXT: vector.store %1, %r[%at] : memref<40xf32>, vector<8xf32>
// CHECK-NEXT: }
// CHECK-NEXT: }
// CHECK-NEXT: func.return
// CHECK-NEXT: }
// CHECK-NEXT: func.func @main(%g: memref<2x8xf32>, %i: memref<2xi32>, %w: memref<5x8xf32>) attributes {graph.arguments = ["input", "input", "variable:w"]} {
// CHECK-NEXT: %w_1 = memref.reinterpret_cast %w to offset: [0], sizes: [40], strides: [1] : memref<5x8xf32> to memref<40xf32>
// CHECK-NEXT: func.call @main_kernel_0(%w_1, %g, %i) : (memref<40xf32>, memref<2x8xf32>, memref<2xi32>) -> ()
// CHECK-NEXT: func.return
// CHECK-NEXT: }
