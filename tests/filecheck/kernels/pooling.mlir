// Pooling reads the places of its windows as views: one kernel, of maxima or sums.
// RUN: pullback-opt %s -p gradients,finish,form-kernels,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p gradients,finish,form-kernels -o %t && pullback-opt %t -p form-kernels | diff %t -
// RUN: pullback-opt %s -p gradients,finish,kernels,loops | filecheck %s --check-prefix=LOCATIONS

// Windows that tile the image give back to its elements, which are counted by place, without adding anything up.
// One kernel finds the largest elements and their places, whose comparisons are the same.
// CHECK-LABEL: @largest
// CHECK-NEXT:  %y, [[FOUND:%[0-9]+]] = graph.kernel %x schedule<kind = pointwise, parallel = [2, 2, 3, 16]{{.*}}xi8>
// CHECK-COUNT-4: graph.strided_slice
// CHECK:       graph.isnan
// CHECK-NOT:   graph.maximum
// CHECK:       [[PLACES:%[0-9]+]] = graph.constant dense<{{\[\[\[\[\[\[0\], \[1\]\]\], \[\[\[2\], \[3\]\]\]\]\]\]}}>
// CHECK-NEXT:  graph.kernel [[FOUND]], [[PLACES]]{{.*}} schedule<kind = pointwise, parallel = [2, 2, 2, 3, 2, 16]
// CHECK:       graph.equal
// CHECK:       %dx = graph.reshape
// CHECK-NEXT:  func.return %y, %dx
func.func @largest(%x: tensor<2x4x6x16xf32>) -> (tensor<2x2x3x16xf32>, tensor<2x4x6x16xf32>) {
  %y = graph.max_pool2d %x {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = "SAME"} : (tensor<2x4x6x16xf32>) -> tensor<2x2x3x16xf32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<2x2x3x16xf32>, tensor<2x4x6x16xf32>) -> tensor<2x4x6x16xf32>
  func.return %y, %dx : tensor<2x2x3x16xf32>, tensor<2x4x6x16xf32>
}

// CHECK-LABEL: @average
// CHECK-NEXT:  %s, [[DY:%[0-9]+]] = graph.kernel %x schedule<kind = pointwise, parallel = [2, 2, 3, 16]
// CHECK:       graph.kernel [[DY]] schedule<kind = pointwise, parallel = [2, 2, 2, 3, 2, 16]
// CHECK-NOT:   graph.kernel
// CHECK:       %dx = graph.reshape
// CHECK-NEXT:  func.return %s, %dx
func.func @average(%x: tensor<2x4x6x16xf32>) -> (tensor<2x2x3x16xf32>, tensor<2x4x6x16xf32>) {
  %y = graph.avg_pool2d %x {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = "SAME"} : (tensor<2x4x6x16xf32>) -> tensor<2x2x3x16xf32>
  %s = graph.square %y : tensor<2x2x3x16xf32>
  %dx = graph.gradients of (%s) wrt (%x) : (tensor<2x2x3x16xf32>, tensor<2x4x6x16xf32>) -> tensor<2x4x6x16xf32>
  func.return %s, %dx : tensor<2x2x3x16xf32>, tensor<2x4x6x16xf32>
}

// Padding is never the largest. Windows that overlap give back in four phases, for strides of two:
// the kernel that puts them together computes all but the longest.
// CHECK-LABEL: @overlapping
// CHECK-NEXT:  %y = graph.kernel %x
// CHECK-COUNT-4: graph.padded_slice {{.*}}value = 0xff800000 : f32}
// CHECK:       graph.strided_slice
// CHECK-COUNT-4: graph.padded_slice {{.*}}value = 0xff800000 : f32}
// CHECK-COUNT-8: graph.maximum
// CHECK:       schedule<kind = pointwise, parallel = [2, 2, 2, 16]
// CHECK:       %dx = graph.kernel {{.*}} schedule<kind = concat
// CHECK:       graph.interleave {{.*}} {steps = array<i64: 1, 2, 2, 1>}
// LOCATIONS: func.func private @overlapping_kernel_4
// LOCATIONS: loc(fused["gradients/y_grad/", "gradient of y"])
func.func @overlapping(%x: tensor<2x5x5x16xf32>) -> (tensor<2x3x3x16xf32>, tensor<2x5x5x16xf32>) {
  %y = graph.max_pool2d %x {window = array<i64: 3, 3>, strides = array<i64: 2, 2>, padding = "SAME"} : (tensor<2x5x5x16xf32>) -> tensor<2x3x3x16xf32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<2x3x3x16xf32>, tensor<2x5x5x16xf32>) -> tensor<2x5x5x16xf32>
  func.return %y, %dx : tensor<2x3x3x16xf32>, tensor<2x5x5x16xf32>
}

// 169 places are pooled along rows, and what comes out along columns.
// CHECK-LABEL: @large
// CHECK-NEXT:  [[ROWS:%[0-9]+]] = graph.kernel %x schedule<kind = pointwise, parallel = [2, 13, 1, 16]
// CHECK-COUNT-12: graph.maximum
// CHECK-NOT:   graph.maximum
// CHECK:       %y = graph.kernel [[ROWS]] schedule<kind = pointwise, parallel = [2, 1, 1, 16]
// CHECK-COUNT-12: graph.maximum
// CHECK-NOT:   graph.maximum
// CHECK:       func.return %y
func.func @large(%x: tensor<2x13x13x16xf32>) -> tensor<2x1x1x16xf32> {
  %y = graph.max_pool2d %x {window = array<i64: 13, 13>, strides = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<2x13x13x16xf32>) -> tensor<2x1x1x16xf32>
  func.return %y : tensor<2x1x1x16xf32>
}
