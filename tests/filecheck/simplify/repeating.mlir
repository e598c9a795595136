// Copies, other orders and paddings that change nothing, or are done twice.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @single_copies(%x: tensor<2x3xf32>, %y: tensor<?x3xf32>) -> (tensor<2x3xf32>, tensor<?x3xf32>, tensor<2x3xf32>) {
  %a = graph.tile %x {counts = array<i64: 1, 1>} : tensor<2x3xf32>
  %b = graph.repeat %y {counts = array<i64: 1, 1>} : tensor<?x3xf32>
  %c = graph.tile_gradient %x {counts = array<i64: 1, 1>} : tensor<2x3xf32>
  func.return %a, %b, %c : tensor<2x3xf32>, tensor<?x3xf32>, tensor<2x3xf32>
}
// CHECK-LABEL: func.func @single_copies(
// CHECK-NEXT: func.return %x, %y, %x : tensor<2x3xf32>, tensor<?x3xf32>, tensor<2x3xf32>
// CHECK-NEXT: }

func.func @copies_of_copies(%x: tensor<2xf32>) -> (tensor<12xf32>, tensor<12xf32>, tensor<12xf32>) {
  %t = graph.tile %x {counts = array<i64: 2>} : (tensor<2xf32>) -> tensor<4xf32>
  %a = graph.tile %t {counts = array<i64: 3>} : (tensor<4xf32>) -> tensor<12xf32>
  %r = graph.repeat %x {counts = array<i64: 2>} : (tensor<2xf32>) -> tensor<4xf32>
  %b = graph.repeat %r {counts = array<i64: 3>} : (tensor<4xf32>) -> tensor<12xf32>
  %c = graph.tile %r {counts = array<i64: 3>} : (tensor<4xf32>) -> tensor<12xf32>
  func.return %a, %b, %c : tensor<12xf32>, tensor<12xf32>, tensor<12xf32>
}
// CHECK-LABEL: func.func @copies_of_copies(
// CHECK-NEXT: %a = graph.tile %x {counts = array<i64: 6>} : (tensor<2xf32>) -> tensor<12xf32>
// CHECK-NEXT: %r = graph.repeat %x {counts = array<i64: 2>} : (tensor<2xf32>) -> tensor<4xf32>
// CHECK-NEXT: %b = graph.repeat %x {counts = array<i64: 6>} : (tensor<2xf32>) -> tensor<12xf32>
// CHECK-NEXT: %c = graph.tile %r {counts = array<i64: 3>} : (tensor<4xf32>) -> tensor<12xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<12xf32>, tensor<12xf32>, tensor<12xf32>
// CHECK-NEXT: }

func.func @flipped_twice(%x: tensor<2x3x1xf32>) -> (tensor<2x3x1xf32>, tensor<2x3x1xf32>) {
  %f = graph.flip %x {axes = array<i64: 0, 1>} : tensor<2x3x1xf32>
  %a = graph.flip %f {axes = array<i64: 0, 1>} : tensor<2x3x1xf32>
  %b = graph.flip %f {axes = array<i64: 1, 2>} : tensor<2x3x1xf32>
  func.return %a, %b : tensor<2x3x1xf32>, tensor<2x3x1xf32>
}
// CHECK-LABEL: func.func @flipped_twice(
// CHECK-NEXT: %b = graph.flip %x {axes = array<i64: 0>} : tensor<2x3x1xf32>
// CHECK-NEXT: func.return %x, %b : tensor<2x3x1xf32>, tensor<2x3x1xf32>
// CHECK-NEXT: }

func.func @rolled_twice(%x: tensor<2x3xf32>, %y: tensor<?xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<?xf32>) {
  %a = graph.roll %x {axes = array<i64: 0, 1>, shifts = array<i64: 2, -3>} : tensor<2x3xf32>
  %r = graph.roll %x {axes = array<i64: 0>, shifts = array<i64: 1>} : tensor<2x3xf32>
  %b = graph.roll %r {axes = array<i64: 0, 1>, shifts = array<i64: 1, -1>} : tensor<2x3xf32>
  %s = graph.roll %y {axes = array<i64: 0>, shifts = array<i64: 5>} : tensor<?xf32>
  %c = graph.roll %s {axes = array<i64: 0>, shifts = array<i64: -5>} : tensor<?xf32>
  func.return %a, %b, %c : tensor<2x3xf32>, tensor<2x3xf32>, tensor<?xf32>
}
// CHECK-LABEL: func.func @rolled_twice(
// CHECK-NEXT: %b = graph.roll %x {axes = array<i64: 1>, shifts = array<i64: 2>} : tensor<2x3xf32>
// CHECK-NEXT: func.return %x, %b, %y : tensor<2x3xf32>, tensor<2x3xf32>, tensor<?xf32>
// CHECK-NEXT: }

func.func @padded_by_nothing(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %a = graph.pad %x {low = array<i64: 0, 0>, high = array<i64: 0, 0>, value = 1.0 : f32} : tensor<2x3xf32>
  %b = graph.mirror_pad %x {low = array<i64: 0, 0>, high = array<i64: 0, 0>, mode = "reflect"} : tensor<2x3xf32>
  %c = graph.mirror_pad_gradient %x {low = array<i64: 0, 0>, high = array<i64: 0, 0>, mode = "reflect"} : tensor<2x3xf32>
  func.return %a, %b, %c : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}
// CHECK-LABEL: func.func @padded_by_nothing(
// CHECK-NEXT: func.return %x, %x, %x : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
// CHECK-NEXT: }

func.func @padded_with_its_value(%x: tensor<2xf32>) -> (tensor<6xf32>, tensor<6xf32>, tensor<5xf32>) {
  %p = graph.pad %x {low = array<i64: 1>, high = array<i64: 0>, value = 7.0 : f32} : (tensor<2xf32>) -> tensor<3xf32>
  %a = graph.pad %p {low = array<i64: 1>, high = array<i64: 2>, value = 7.0 : f32} : (tensor<3xf32>) -> tensor<6xf32>
  %b = graph.pad %p {low = array<i64: 1>, high = array<i64: 2>, value = 0.0 : f32} : (tensor<3xf32>) -> tensor<6xf32>
  %f = graph.fill {value = 7.0 : f32} : tensor<4xf32>
  %c = graph.pad %f {low = array<i64: 1>, high = array<i64: 0>, value = 7.0 : f32} : (tensor<4xf32>) -> tensor<5xf32>
  func.return %a, %b, %c : tensor<6xf32>, tensor<6xf32>, tensor<5xf32>
}
// CHECK-LABEL: func.func @padded_with_its_value(
// CHECK-NEXT: %p = graph.pad %x {low = array<i64: 1>, high = array<i64: 0>, value = 7.000000e+00 : f32} : (tensor<2xf32>) -> tensor<3xf32>
// CHECK-NEXT: %a = graph.pad %x {low = array<i64: 2>, high = array<i64: 2>, value = 7.000000e+00 : f32} : (tensor<2xf32>) -> tensor<6xf32>
// CHECK-NEXT: %b = graph.pad %p {low = array<i64: 1>, high = array<i64: 2>, value = 0.000000e+00 : f32} : (tensor<3xf32>) -> tensor<6xf32>
// CHECK-NEXT: %c = graph.fill {value = 7.000000e+00 : f32} : tensor<5xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<6xf32>, tensor<6xf32>, tensor<5xf32>
// CHECK-NEXT: }
