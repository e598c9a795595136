// A convolution with strides of two, in place: the rows of a block are windows, four elements of the images apart.
// RUN: pullback-opt %s -p lower-to-loops{vector-bits=256},verify-level{level=loops} --no-locations | filecheck %s

func.func @main(%x: tensor<2x9x9x2xf32>, %f: tensor<3x3x2x16xf32>) -> tensor<2x4x4x16xf32> {
  %y = graph.kernel %x, %f schedule<kind = matmul, parallel = [2, 4, 4, 16], reduce = [3, 3, 2]> {memory = [#graph.buffer<output, 0>]} : (tensor<2x9x9x2xf32>, tensor<3x3x2x16xf32>) -> tensor<2x4x4x16xf32> {
  ^bb0(%0: tensor<2x9x9x2xf32>, %1: tensor<3x3x2x16xf32>):
    %2 = graph.contract %0, %1 {parallel = array<i64: 2, 4, 4, 16>, reduce = array<i64: 3, 3, 2>, indexing_maps = [
        affine_map<(n, h, w, o, i, j, c) -> (n, 2 * h + i, 2 * w + j, c)>,
        affine_map<(n, h, w, o, i, j, c) -> (i, j, c, o)>]}
        : (tensor<2x9x9x2xf32>, tensor<3x3x2x16xf32>) -> tensor<2x4x4x16xf32>
    graph.yield %2 : tensor<2x4x4x16xf32>
  }
  func.return %y : tensor<2x4x4x16xf32>
}

// A row of a window is one run of 6 elements, of images and of filters: two dims are merged.
// CHECK:      func.func private @main_kernel_0(%x: memref<324xf32>, %f: memref<3x6x16xf32>, %y: memref<2x4x4x16xf32>) {
// CHECK:      scf.parallel (%i0, %i1) = (%c0, %c0) to (%c2, %c4) step (%c1, %c1) {
// CHECK:        scf.for %panel = %c0 to %c16 step %c16 {
// CHECK-NEXT:     scf.for %row = %c0 to %c4 step %c4 {
// CHECK:            scf.for %k = %c0 to %c3 step %c1 iter_args
// CHECK-NEXT:         scf.for %k_1 = %c0 to %c6 step %c1 iter_args
// CHECK:                [[AT:%at_[0-9]+]] = arith.addi {{.*}}, %k_1 : index
// CHECK-NEXT:           [[COLUMNS:%f_[0-9]+]] = vector.load %f[%k, %k_1, %panel] : memref<3x6x16xf32>, vector<16xf32>
// CHECK-NEXT:           [[VIEW:%x_[0-9]+]] = memref.reinterpret_cast %x to offset: {{.}}[[AT]]], sizes: [4], strides: [4]
// CHECK-NEXT:           [[ROWS:%x_[0-9]+]] = vector.transfer_read [[VIEW]][%c0], {{.*}}, vector<4xf32>
// CHECK-NEXT:           vector.outerproduct [[ROWS]], [[COLUMNS]], {{.*}} : vector<4xf32>, vector<16xf32>
// CHECK:              vector.transfer_write {{.*}}, %y[%i0, %i1, %row, %panel] {{.*}} : vector<4x16xf32>, memref<2x4x4x16xf32>
