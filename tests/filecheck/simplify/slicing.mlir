// Slices that need not be taken, or not twice.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @block(%x: tensor<4x5xf32>) -> (tensor<2x5xf32>, tensor<4x5xf32>) {
  %a = graph.slice %x {begin = array<i64: 1, 0>, size = array<i64: 2, -1>} : (tensor<4x5xf32>) -> tensor<2x5xf32>
  %b = graph.slice %x {begin = array<i64: 0, 0>, size = array<i64: 4, -1>} : tensor<4x5xf32>
  func.return %a, %b : tensor<2x5xf32>, tensor<4x5xf32>
}
// CHECK-LABEL: func.func @block(
// CHECK-NEXT: %a = graph.strided_slice %x {begin = array<i64: 1, 0>, end = array<i64: 3, 5>, strides = array<i64: 1, 1>} : (tensor<4x5xf32>) -> tensor<2x5xf32>
// CHECK-NEXT: func.return %a, %x : tensor<2x5xf32>, tensor<4x5xf32>
// CHECK-NEXT: }

func.func @whole(%x: tensor<4x5xf32>, %y: tensor<?x5xf32>) -> (tensor<4x5xf32>, tensor<?x5xf32>, tensor<4x5xf32>, tensor<4x5xf32>) {
  %a = graph.strided_slice %x {begin = array<i64: 0, -5>, end = array<i64: 9, 5>, strides = array<i64: 1, 1>} : tensor<4x5xf32>
  %b = graph.strided_slice %y {begin = array<i64: 0, 0>, end = array<i64: 9223372036854775807, 5>, strides = array<i64: 1, 1>} : tensor<?x5xf32>
  %c = graph.strided_slice_gradient %x {begin = array<i64: 0, 0>, end = array<i64: 4, 5>, strides = array<i64: 1, 1>} : tensor<4x5xf32>
  // Backwards it is all elements, too, but reversed.
  %d = graph.strided_slice %x {begin = array<i64: 3, 0>, end = array<i64: -5, 5>, strides = array<i64: -1, 1>} : tensor<4x5xf32>
  func.return %a, %b, %c, %d : tensor<4x5xf32>, tensor<?x5xf32>, tensor<4x5xf32>, tensor<4x5xf32>
}
// CHECK-LABEL: func.func @whole(
// CHECK-NEXT: %d = graph.strided_slice %x {begin = array<i64: 3, 0>, end = array<i64: -5, 5>, strides = array<i64: -1, 1>} : tensor<4x5xf32>
// CHECK-NEXT: func.return %x, %y, %x, %d : tensor<4x5xf32>, tensor<?x5xf32>, tensor<4x5xf32>, tensor<4x5xf32>
// CHECK-NEXT: }

func.func @known_bounds(%x: tensor<4x5xf32>) -> tensor<2x2xf32> {
  %a = graph.strided_slice %x {begin = array<i64: -3, 1>, end = array<i64: -1, 99>, strides = array<i64: 1, 2>} : (tensor<4x5xf32>) -> tensor<2x2xf32>
  func.return %a : tensor<2x2xf32>
}
// CHECK-LABEL: func.func @known_bounds(
// CHECK-NEXT: %a = graph.strided_slice %x {begin = array<i64: 1, 1>, end = array<i64: 3, 4>, strides = array<i64: 1, 2>} : (tensor<4x5xf32>) -> tensor<2x2xf32>
// CHECK-NEXT: func.return %a : tensor<2x2xf32>
// CHECK-NEXT: }

func.func @slice_of_slice(%x: tensor<9xf32>) -> (tensor<2xf32>, tensor<3xf32>) {
  %s = graph.strided_slice %x {begin = array<i64: 1>, end = array<i64: 9>, strides = array<i64: 2>} : (tensor<9xf32>) -> tensor<4xf32>
  %a = graph.strided_slice %s {begin = array<i64: 1>, end = array<i64: 3>, strides = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  %b = graph.strided_slice %s {begin = array<i64: 2>, end = array<i64: -5>, strides = array<i64: -1>} : (tensor<4xf32>) -> tensor<3xf32>
  func.return %a, %b : tensor<2xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @slice_of_slice(
// CHECK-NEXT: %a = graph.strided_slice %x {begin = array<i64: 3>, end = array<i64: 6>, strides = array<i64: 2>} : (tensor<9xf32>) -> tensor<2xf32>
// CHECK-NEXT: %b = graph.strided_slice %x {begin = array<i64: 5>, end = array<i64: 0>, strides = array<i64: -2>} : (tensor<9xf32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %a, %b : tensor<2xf32>, tensor<3xf32>
// CHECK-NEXT: }

func.func @gradient_of_slice_of_slice(%dy: tensor<2xf32>) -> tensor<9xf32> {
  %g = graph.strided_slice_gradient %dy {begin = array<i64: 1>, end = array<i64: 3>, strides = array<i64: 1>} : (tensor<2xf32>) -> tensor<4xf32>
  %a = graph.strided_slice_gradient %g {begin = array<i64: 1>, end = array<i64: 9>, strides = array<i64: 2>} : (tensor<4xf32>) -> tensor<9xf32>
  func.return %a : tensor<9xf32>
}
// CHECK-LABEL: func.func @gradient_of_slice_of_slice(
// CHECK-NEXT: %a = graph.strided_slice_gradient %dy {begin = array<i64: 3>, end = array<i64: 6>, strides = array<i64: 2>} : (tensor<2xf32>) -> tensor<9xf32>
// CHECK-NEXT: func.return %a : tensor<9xf32>
// CHECK-NEXT: }

// As the second derivative has it.
func.func @slice_of_its_gradient(%dy: tensor<2xf32>) -> tensor<2xf32> {
  %g = graph.strided_slice_gradient %dy {begin = array<i64: 1>, end = array<i64: 3>, strides = array<i64: 1>} : (tensor<2xf32>) -> tensor<4xf32>
  %a = graph.strided_slice %g {begin = array<i64: 1>, end = array<i64: 3>, strides = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
  func.return %a : tensor<2xf32>
}
// CHECK-LABEL: func.func @slice_of_its_gradient(
// CHECK-NEXT: func.return %dy : tensor<2xf32>
// CHECK-NEXT: }

func.func @slice_of_pad(%x: tensor<4xf32>) -> (tensor<2xf32>, tensor<4xf32>, tensor<2xf32>, tensor<3xf32>) {
  %p = graph.pad %x {low = array<i64: 2>, high = array<i64: 3>, value = 7.0 : f32} : (tensor<4xf32>) -> tensor<9xf32>
  %a = graph.strided_slice %p {begin = array<i64: 3>, end = array<i64: 5>, strides = array<i64: 1>} : (tensor<9xf32>) -> tensor<2xf32>
  %b = graph.strided_slice %p {begin = array<i64: 5>, end = array<i64: 1>, strides = array<i64: -1>} : (tensor<9xf32>) -> tensor<4xf32>
  %c = graph.strided_slice %p {begin = array<i64: 7>, end = array<i64: 9>, strides = array<i64: 1>} : (tensor<9xf32>) -> tensor<2xf32>
  // Partly inside.
  %d = graph.strided_slice %p {begin = array<i64: 1>, end = array<i64: 4>, strides = array<i64: 1>} : (tensor<9xf32>) -> tensor<3xf32>
  func.return %a, %b, %c, %d : tensor<2xf32>, tensor<4xf32>, tensor<2xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @slice_of_pad(
// CHECK-NEXT: %p = graph.pad %x {low = array<i64: 2>, high = array<i64: 3>, value = 7.000000e+00 : f32} : (tensor<4xf32>) -> tensor<9xf32>
// CHECK-NEXT: %a = graph.strided_slice %x {begin = array<i64: 1>, end = array<i64: 3>, strides = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
// CHECK-NEXT: %b = graph.strided_slice %x {begin = array<i64: 3>, end = array<i64: -5>, strides = array<i64: -1>} : tensor<4xf32>
// CHECK-NEXT: %c = graph.fill {value = 7.000000e+00 : f32} : tensor<2xf32>
// CHECK-NEXT: %d = graph.strided_slice %p {begin = array<i64: 1>, end = array<i64: 4>, strides = array<i64: 1>} : (tensor<9xf32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %a, %b, %c, %d : tensor<2xf32>, tensor<4xf32>, tensor<2xf32>, tensor<3xf32>
// CHECK-NEXT: }

func.func @slice_of_broadcast(%x: tensor<1x4xf32>) -> tensor<2x2x3xf32> {
  %w = graph.broadcast_to %x : (tensor<1x4xf32>) -> tensor<3x5x4xf32>
  %a = graph.strided_slice %w {begin = array<i64: 1, 0, 1>, end = array<i64: 3, 2, 4>, strides = array<i64: 1, 1, 1>} : (tensor<3x5x4xf32>) -> tensor<2x2x3xf32>
  func.return %a : tensor<2x2x3xf32>
}
// CHECK-LABEL: func.func @slice_of_broadcast(
// CHECK-NEXT: %0 = graph.strided_slice %x {begin = array<i64: 0, 1>, end = array<i64: 1, 4>, strides = array<i64: 1, 1>} : (tensor<1x4xf32>) -> tensor<1x3xf32>
// CHECK-NEXT: %a = graph.broadcast_to %0 : (tensor<1x3xf32>) -> tensor<2x2x3xf32>
// CHECK-NEXT: func.return %a : tensor<2x2x3xf32>
// CHECK-NEXT: }
