// Slices are read in place, and copies of their surroundings are pieces of a concat.
// RUN: pullback-opt %s -p gradients,finish,form-kernels,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p gradients,finish,form-kernels -o %t && pullback-opt %t -p form-kernels | diff %t -

// CHECK-LABEL: @main
// CHECK:       graph.kernel %x schedule<kind = pointwise, parallel = [7]
// CHECK:       graph.strided_slice {{.*}} {begin = array<i64: 1>, end = array<i64: 8>, strides = array<i64: 1>}
// CHECK-NEXT:  graph.strided_slice {{.*}} {begin = array<i64: 6>, end = array<i64: -9>, strides = array<i64: -1>}
// CHECK-NEXT:  graph.multiply
// CHECK:       graph.kernel %x schedule<kind = concat, parallel = [8]
// CHECK:       graph.strided_slice
// CHECK-NEXT:  graph.fill
// CHECK-NEXT:  graph.concat
// CHECK:       graph.kernel
// CHECK-NOT:   graph.strided_slice_gradient
func.func @main(%x: tensor<8xf32>) -> (tensor<7xf32>, tensor<8xf32>) {
  %a = graph.slice %x {begin = array<i64: 1>, size = array<i64: -1>} : (tensor<8xf32>) -> tensor<7xf32>
  %b = graph.strided_slice %x {begin = array<i64: -2>, end = array<i64: -9>, strides = array<i64: -1>} : (tensor<8xf32>) -> tensor<7xf32>
  %y = graph.multiply %a, %b : tensor<7xf32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<7xf32>, tensor<8xf32>) -> tensor<8xf32>
  func.return %y, %dx : tensor<7xf32>, tensor<8xf32>
}
