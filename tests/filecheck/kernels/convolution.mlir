// A convolution is a contraction that reads windows where they lie, whatever its strides, dilations and groups are.
// RUN: pullback-opt %s -p gradients,finish,form-kernels,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p gradients,finish,form-kernels -o %t && pullback-opt %t -p form-kernels | diff %t -

// The gradient of the images is a convolution of dy with the filters turned around.
// CHECK-LABEL: @strides_of_one
// CHECK:       %y, {{.*}} = graph.kernel [[PADDED:%[0-9]+]], {{.*}} schedule<kind = matmul, parallel = [2, 6, 6, 16], reduce = [3, 3, 8]
// CHECK:       graph.contract {{.*}} {parallel = array<i64: 2, 6, 6, 16>, reduce = array<i64: 3, 3, 8>,
// CHECK-SAME:      affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, (d1 + d4), (d2 + d5), d6)>
// CHECK-SAME:      affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, d5, d6, d3)>
// CHECK-NEXT:  graph.relu
// CHECK:       %dx = graph.kernel {{.*}} schedule<kind = matmul, parallel = [2, 6, 6, 8], reduce = [3, 3, 16]
// CHECK:       graph.kernel [[PADDED]], {{.*}} schedule<kind = matmul, parallel = [3, 3, 8, 16], reduce = [2, 6, 6]
// CHECK:       graph.contract {{.*}}affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d4, (d0 + d5), (d1 + d6), d2)>
// CHECK:       func.return
func.func @strides_of_one(%x: tensor<2x6x6x8xf32>, %f: tensor<3x3x8x16xf32>) -> (tensor<2x6x6x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) {
  %c = graph.conv2d %x, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = "SAME"} : (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> tensor<2x6x6x16xf32>
  %y = graph.relu %c : tensor<2x6x6x16xf32>
  %dx, %df = graph.gradients of (%y) wrt (%x, %f) : (tensor<2x6x6x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>)
  func.return %y, %dx, %df : tensor<2x6x6x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>
}

// With strides of two the images have four phases, which 4, 2, 2 and 1 positions of a window reach.
// CHECK-LABEL: @strides_of_two
// CHECK:       graph.contract {{.*}} (d0, ((d1 * 2) + d4), ((d2 * 2) + d5), d6)
// CHECK:       schedule<kind = matmul, parallel = [2, 3, 3, 8], reduce = [2, 2, 16]
// CHECK:       schedule<kind = matmul, parallel = [2, 3, 3, 8], reduce = [2, 1, 16]
// CHECK:       schedule<kind = matmul, parallel = [2, 3, 3, 8], reduce = [1, 2, 16]
// CHECK:       schedule<kind = matmul, parallel = [2, 3, 3, 8], reduce = [1, 1, 16]
// CHECK:       %dx = graph.kernel {{.*}} schedule<kind = concat
// CHECK:       graph.interleave {{.*}} {steps = array<i64: 1, 2, 2, 1>}
// CHECK:       func.return
func.func @strides_of_two(%x: tensor<2x6x6x8xf32>, %f: tensor<3x3x8x16xf32>) -> (tensor<2x3x3x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) {
  %y = graph.conv2d %x, %f {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding = "SAME"} : (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> tensor<2x3x3x16xf32>
  %dx, %df = graph.gradients of (%y) wrt (%x, %f) : (tensor<2x3x3x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>)
  func.return %y, %dx, %df : tensor<2x3x3x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>
}

// Groups are a dim of both operands and of the result.
// CHECK-LABEL: @groups
// CHECK:       schedule<kind = matmul, parallel = [2, 6, 6, 4, 3], reduce = [3, 3, 2]
// CHECK:       graph.contract {{.*}} -> (d0, (d1 + (d5 * 2)), (d2 + (d6 * 2)), d3, d7)>, affine_map<{{.*}} -> (d5, d6, d7, d3, d4)>
// CHECK:       func.return
func.func @groups(%x: tensor<2x10x10x8xf32>, %f: tensor<3x3x2x12xf32>) -> tensor<2x6x6x12xf32> {
  %y = graph.conv2d %x, %f {strides = array<i64: 1, 1>, dilations = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>} : (tensor<2x10x10x8xf32>, tensor<3x3x2x12xf32>) -> tensor<2x6x6x12xf32>
  func.return %y : tensor<2x6x6x12xf32>
}

// Each channel alone: a sum of views times what the filters have for them, in one kernel.
// CHECK-LABEL: @depthwise
// CHECK:       graph.kernel {{.*}} schedule<kind = pointwise
// CHECK-COUNT-9: graph.multiply
// CHECK-NOT:   graph.kernel
// CHECK:       func.return
func.func @depthwise(%x: tensor<2x8x8x16xf32>, %f: tensor<3x3x16x1xf32>) -> tensor<2x6x6x16xf32> {
  %y = graph.depthwise_conv2d %x, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<2x8x8x16xf32>, tensor<3x3x16x1xf32>) -> tensor<2x6x6x16xf32>
  func.return %y : tensor<2x6x6x16xf32>
}

// The gradients of that are sums of views as well: one for each position in a window for the filters.
// CHECK-LABEL: @depthwise_gradients
// CHECK-COUNT-9: schedule<kind = columns
// CHECK:       %dx = graph.kernel {{.*}} schedule<kind = pointwise
// CHECK:       func.return
func.func @depthwise_gradients(%x: tensor<2x8x8x16xf32>, %f: tensor<3x3x16x1xf32>) -> (tensor<2x8x8x16xf32>, tensor<3x3x16x1xf32>) {
  %y = graph.depthwise_conv2d %x, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 0, 0, 0>} : (tensor<2x8x8x16xf32>, tensor<3x3x16x1xf32>) -> tensor<2x6x6x16xf32>
  %dx, %df = graph.gradients of (%y) wrt (%x, %f) : (tensor<2x6x6x16xf32>, tensor<2x8x8x16xf32>, tensor<3x3x16x1xf32>) -> (tensor<2x8x8x16xf32>, tensor<3x3x16x1xf32>)
  func.return %dx, %df : tensor<2x8x8x16xf32>, tensor<3x3x16x1xf32>
}
