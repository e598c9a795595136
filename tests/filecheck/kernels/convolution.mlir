// A convolution is a product with what its windows read, laid out by a kernel that copies strided views.
// RUN: pullback-opt %s -p gradients,finish,form-kernels,verify-level{level=kernels} --no-locations | filecheck %s
// RUN: pullback-opt %s -p gradients,finish,form-kernels -o %t && pullback-opt %t -p form-kernels | diff %t -

// The gradient of the images is a convolution of dy with the filters turned around.
// CHECK-LABEL: @strides_of_one
// CHECK:       [[PATCHES:%[0-9]+]] = graph.kernel {{.*}} -> tensor<2x6x6x72xf32> {
// CHECK-COUNT-8: graph.strided_slice
// CHECK:       graph.concat
// CHECK:       %y, {{.*}} = graph.kernel [[PATCHES]], {{.*}} schedule<kind = matmul, parallel = [2, 6, 6, 16], reduce = [72]
// CHECK:       graph.matmul
// CHECK-NEXT:  graph.relu
// CHECK:       graph.concat {{.*}} -> tensor<2x6x6x144xf32>
// CHECK:       %dx = graph.kernel {{.*}} schedule<kind = matmul, parallel = [2, 6, 6, 8], reduce = [144]
// CHECK:       [[ROWS:%[0-9]+]] = graph.reshape [[PATCHES]] : (tensor<2x6x6x72xf32>) -> tensor<72x72xf32>
// CHECK:       graph.kernel [[ROWS]], {{.*}} schedule<kind = matmul, parallel = [72, 16], reduce = [72]
// CHECK:       graph.matmul {{.*}} {transpose_a}
// CHECK:       func.return
func.func @strides_of_one(%x: tensor<2x6x6x8xf32>, %f: tensor<3x3x8x16xf32>) -> (tensor<2x6x6x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) {
  %c = graph.conv2d %x, %f {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = "SAME"} : (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> tensor<2x6x6x16xf32>
  %y = graph.relu %c : tensor<2x6x6x16xf32>
  %dx, %df = graph.gradients of (%y) wrt (%x, %f) : (tensor<2x6x6x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>)
  func.return %y, %dx, %df : tensor<2x6x6x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>
}

// With longer strides dy would have to be spread out: that gradient is the host's.
// CHECK-LABEL: @strides_of_two
// CHECK:       graph.kernel {{.*}} schedule<kind = matmul
// CHECK:       %dx = graph.conv2d_input_gradient
// CHECK-NOT:   graph.conv2d_filter_gradient
// CHECK:       func.return
func.func @strides_of_two(%x: tensor<2x6x6x8xf32>, %f: tensor<3x3x8x16xf32>) -> (tensor<2x3x3x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) {
  %y = graph.conv2d %x, %f {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding = "SAME"} : (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> tensor<2x3x3x16xf32>
  %dx, %df = graph.gradients of (%y) wrt (%x, %f) : (tensor<2x3x3x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>) -> (tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>)
  func.return %y, %dx, %df : tensor<2x3x3x16xf32>, tensor<2x6x6x8xf32>, tensor<3x3x8x16xf32>
}

// Many windows: the gradient of the filters is a sum of products of blocks, each of which the cache holds.
// CHECK-LABEL: @many_windows
// CHECK:       graph.reshape {{.*}} -> tensor<7x896x72xf32>
// CHECK:       graph.kernel {{.*}} schedule<kind = matmul, parallel = [7, 72, 16], reduce = [896]
// CHECK:       graph.kernel {{.*}} schedule<kind = columns
// CHECK:       graph.sum
// CHECK:       func.return
func.func @many_windows(%x: tensor<8x28x28x8xf32>, %dy: tensor<8x28x28x16xf32>) -> tensor<3x3x8x16xf32> {
  %df = graph.conv2d_filter_gradient %x, %dy {strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, padding = "SAME"} : (tensor<8x28x28x8xf32>, tensor<8x28x28x16xf32>) -> tensor<3x3x8x16xf32>
  func.return %df : tensor<3x3x8x16xf32>
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
