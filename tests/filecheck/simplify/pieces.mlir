// Pieces that were one, and what is put together of pieces.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @empty_pieces(%x: tensor<0x2xf32>, %y: tensor<3x2xf32>, %z: tensor<1x2xf32>) -> (tensor<4x2xf32>, tensor<3x2xf32>) {
  %a = graph.concat %y, %x, %z {axis = 0 : i64} : (tensor<3x2xf32>, tensor<0x2xf32>, tensor<1x2xf32>) -> tensor<4x2xf32>
  %b = graph.concat %x, %y {axis = 0 : i64} : (tensor<0x2xf32>, tensor<3x2xf32>) -> tensor<3x2xf32>
  func.return %a, %b : tensor<4x2xf32>, tensor<3x2xf32>
}
// CHECK-LABEL: func.func @empty_pieces(
// CHECK-NEXT: %a = graph.concat %y, %z {axis = 0 : i64} : (tensor<3x2xf32>, tensor<1x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT: func.return %a, %y : tensor<4x2xf32>, tensor<3x2xf32>
// CHECK-NEXT: }

func.func @concat_of_concat(%x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<7xf32> {
  %i = graph.concat %x, %y {axis = 0 : i64} : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  %a = graph.concat %i, %x {axis = 0 : i64} : (tensor<5xf32>, tensor<2xf32>) -> tensor<7xf32>
  func.return %a : tensor<7xf32>
}
// CHECK-LABEL: func.func @concat_of_concat(
// CHECK-NEXT: %a = graph.concat %x, %y, %x {axis = 0 : i64} : (tensor<2xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<7xf32>
// CHECK-NEXT: func.return %a : tensor<7xf32>
// CHECK-NEXT: }

func.func @concat_of_split(%x: tensor<5xf32>) -> (tensor<5xf32>, tensor<5xf32>) {
  %p, %q = graph.split %x {axis = 0 : i64, sizes = array<i64: 2, 3>} : (tensor<5xf32>) -> (tensor<2xf32>, tensor<3xf32>)
  %a = graph.concat %p, %q {axis = 0 : i64} : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  // In another order.
  %b = graph.concat %q, %p {axis = 0 : i64} : (tensor<3xf32>, tensor<2xf32>) -> tensor<5xf32>
  func.return %a, %b : tensor<5xf32>, tensor<5xf32>
}
// CHECK-LABEL: func.func @concat_of_split(
// CHECK-NEXT: %p, %q = graph.split %x {axis = 0 : i64, sizes = array<i64: 2, 3>} : (tensor<5xf32>) -> (tensor<2xf32>, tensor<3xf32>)
// CHECK-NEXT: %b = graph.concat %q, %p {axis = 0 : i64} : (tensor<3xf32>, tensor<2xf32>) -> tensor<5xf32>
// CHECK-NEXT: func.return %x, %b : tensor<5xf32>, tensor<5xf32>
// CHECK-NEXT: }

func.func @consecutive_slices(%x: tensor<6x2xf32>) -> (tensor<6x2xf32>, tensor<4x2xf32>, tensor<5x2xf32>) {
  %p = graph.strided_slice %x {begin = array<i64: 0, 0>, end = array<i64: 1, 2>, strides = array<i64: 1, 1>} : (tensor<6x2xf32>) -> tensor<1x2xf32>
  %q = graph.strided_slice %x {begin = array<i64: 1, 0>, end = array<i64: 4, 2>, strides = array<i64: 1, 1>} : (tensor<6x2xf32>) -> tensor<3x2xf32>
  %r = graph.strided_slice %x {begin = array<i64: 4, 0>, end = array<i64: 6, 2>, strides = array<i64: 1, 1>} : (tensor<6x2xf32>) -> tensor<2x2xf32>
  %a = graph.concat %p, %q, %r {axis = 0 : i64} : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<6x2xf32>
  %b = graph.concat %p, %q {axis = 0 : i64} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
  // The other way round.
  %c = graph.concat %r, %q {axis = 0 : i64} : (tensor<2x2xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  func.return %a, %b, %c : tensor<6x2xf32>, tensor<4x2xf32>, tensor<5x2xf32>
}
// CHECK-LABEL: func.func @consecutive_slices(
// CHECK-NEXT: %q = graph.strided_slice %x {begin = array<i64: 1, 0>, end = array<i64: 4, 2>, strides = array<i64: 1, 1>} : (tensor<6x2xf32>) -> tensor<3x2xf32>
// CHECK-NEXT: %r = graph.strided_slice %x {begin = array<i64: 4, 0>, end = array<i64: 6, 2>, strides = array<i64: 1, 1>} : (tensor<6x2xf32>) -> tensor<2x2xf32>
// CHECK-NEXT: %b = graph.strided_slice %x {begin = array<i64: 0, 0>, end = array<i64: 4, 2>, strides = array<i64: 1, 1>} : (tensor<6x2xf32>) -> tensor<4x2xf32>
// CHECK-NEXT: %c = graph.concat %r, %q {axis = 0 : i64} : (tensor<2x2xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
// CHECK-NEXT: func.return %x, %b, %c : tensor<6x2xf32>, tensor<4x2xf32>, tensor<5x2xf32>
// CHECK-NEXT: }

func.func @slice_of_concat(%x: tensor<2xf32>, %y: tensor<4xf32>) -> (tensor<2xf32>, tensor<3xf32>) {
  %w = graph.concat %x, %y {axis = 0 : i64} : (tensor<2xf32>, tensor<4xf32>) -> tensor<6xf32>
  %a = graph.strided_slice %w {begin = array<i64: 3>, end = array<i64: 5>, strides = array<i64: 1>} : (tensor<6xf32>) -> tensor<2xf32>
  // Across both.
  %b = graph.strided_slice %w {begin = array<i64: 1>, end = array<i64: 4>, strides = array<i64: 1>} : (tensor<6xf32>) -> tensor<3xf32>
  func.return %a, %b : tensor<2xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @slice_of_concat(
// CHECK-NEXT: %w = graph.concat %x, %y {axis = 0 : i64} : (tensor<2xf32>, tensor<4xf32>) -> tensor<6xf32>
// CHECK-NEXT: %a = graph.strided_slice %y {begin = array<i64: 1>, end = array<i64: 3>, strides = array<i64: 1>} : (tensor<4xf32>) -> tensor<2xf32>
// CHECK-NEXT: %b = graph.strided_slice %w {begin = array<i64: 1>, end = array<i64: 4>, strides = array<i64: 1>} : (tensor<6xf32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %a, %b : tensor<2xf32>, tensor<3xf32>
// CHECK-NEXT: }
