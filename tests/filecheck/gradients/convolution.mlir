// A convolution, and its gradients: transposes of it, that have gradients themselves.
// RUN: pullback-opt %s -p generate-gradients --no-locations | filecheck %s

func.func @main(%x: tensor<2x5x5x3xf32>, %f: tensor<2x2x3x4xf32>) -> (tensor<2x5x5x3xf32>, tensor<2x2x3x4xf32>) {
  %y = graph.conv2d %x, %f {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 1, 0, 1>} : (tensor<2x5x5x3xf32>, tensor<2x2x3x4xf32>) -> tensor<2x3x3x4xf32>
  %dx, %df = graph.gradients of (%y) wrt (%x, %f) : (tensor<2x3x3x4xf32>, tensor<2x5x5x3xf32>, tensor<2x2x3x4xf32>) -> (tensor<2x5x5x3xf32>, tensor<2x2x3x4xf32>)
  func.return %dx, %df : tensor<2x5x5x3xf32>, tensor<2x2x3x4xf32>
}

// CHECK:      %1 = graph.conv2d_input_gradient %f, %0 {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 1, 0, 1>} : (tensor<2x2x3x4xf32>, tensor<2x3x3x4xf32>) -> tensor<2x5x5x3xf32>
// CHECK-NEXT: %2 = graph.conv2d_filter_gradient %x, %0 {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, padding = array<i64: 0, 1, 0, 1>} : (tensor<2x5x5x3xf32>, tensor<2x3x3x4xf32>) -> tensor<2x2x3x4xf32>
// CHECK-NEXT: %3, %4 = graph.backward %1, %2
// CHECK-NEXT: %dx, %df = graph.gradient_results %3, %4
