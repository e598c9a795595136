// A convolution on GPUs: what threads copy to the tile of the first factor, they read where windows lie.
// RUN: pullback-opt %s -p kernels,gpu --no-locations | filecheck %s

func.func @main(%x: tensor<2x9x9x4xf32>, %f: tensor<3x3x4x16xf32>) -> tensor<2x4x4x16xf32> {
  %y = graph.conv2d %x, %f {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<2x9x9x4xf32>, tensor<3x3x4x16xf32>) -> tensor<2x4x4x16xf32>
  func.return %y : tensor<2x4x4x16xf32>
}

// CHECK:      gpu.func @main_kernel_0(%x: memref<648xf32>, %f: memref<576xf32>, %y: memref<512xf32>) kernel
// The window of a place of the tile, and the element of the window that a term is: 4 of them are side by side.
// CHECK:        %place = arith.addi %first_row, %across : index
// CHECK-NEXT:   %outer = arith.divui %place, %c16 : index
// CHECK-NEXT:   arith.muli %outer, %c324 : index
// CHECK:        [[ROW:%outer_[0-9]+]] = arith.divui %term, %c12 : index
// CHECK-NEXT:   arith.muli [[ROW]], %c36 : index
// CHECK:        arith.remui %term, %c12 : index
// CHECK:        vector.load %x{{.*}} : memref<648xf32>, vector<4xf32>
