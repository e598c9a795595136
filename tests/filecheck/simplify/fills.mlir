// One value everywhere, zeros that are added up, and nothing at all.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

// Whatever moves elements of one value: the operations say so, there is no list.
func.func @one_value(%i: tensor<1x1xi32>, %j: tensor<2xi32>) -> (tensor<2xf32>, tensor<3x6xf32>, tensor<3x3xf32>, tensor<3x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<3x3xf32>, tensor<3x3xf32>, tensor<1x3xf32>) {
  %f = graph.fill {value = 5.0 : f32} : tensor<3x3xf32>
  %row = graph.fill {value = 5.0 : f32} : tensor<1x3xf32>
  %a = graph.strided_slice %f {begin = array<i64: 0, 0>, end = array<i64: 2, 1>, strides = array<i64: 1, 1>} : (tensor<3x3xf32>) -> tensor<2x1xf32>
  %b = graph.squeeze %a {axes = array<i64: 1>} : (tensor<2x1xf32>) -> tensor<2xf32>
  %c = graph.tile %f {counts = array<i64: 1, 2>} : (tensor<3x3xf32>) -> tensor<3x6xf32>
  %d = graph.flip %f {axes = array<i64: 1>} : tensor<3x3xf32>
  %e = graph.roll %f {axes = array<i64: 1>, shifts = array<i64: 1>} : tensor<3x3xf32>
  %g, %h = graph.split %f {axis = 0 : i64, sizes = array<i64: 2, 1>} : (tensor<3x3xf32>) -> (tensor<2x3xf32>, tensor<1x3xf32>)
  %k = graph.matrix_diag_part %f {offset = 0 : i64} : (tensor<3x3xf32>) -> tensor<3xf32>
  %l = graph.tensor_scatter_update %f, %i, %row : (tensor<3x3xf32>, tensor<1x1xi32>, tensor<1x3xf32>) -> tensor<3x3xf32>
  %m = graph.dynamic_update_slice %f, %row, %j : (tensor<3x3xf32>, tensor<1x3xf32>, tensor<2xi32>) -> tensor<3x3xf32>
  func.return %b, %c, %d, %e, %g, %k, %l, %m, %h : tensor<2xf32>, tensor<3x6xf32>, tensor<3x3xf32>, tensor<3x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<3x3xf32>, tensor<3x3xf32>, tensor<1x3xf32>
}
// CHECK-LABEL: func.func @one_value(
// CHECK-NEXT: %b = graph.fill {value = 5.000000e+00 : f32} : tensor<2xf32>
// CHECK-NEXT: %c = graph.fill {value = 5.000000e+00 : f32} : tensor<3x6xf32>
// CHECK-NEXT: %d = graph.fill {value = 5.000000e+00 : f32} : tensor<3x3xf32>
// CHECK-NEXT: %e = graph.fill {value = 5.000000e+00 : f32} : tensor<3x3xf32>
// CHECK-NEXT: %g = graph.fill {value = 5.000000e+00 : f32} : tensor<2x3xf32>
// CHECK-NEXT: %h = graph.fill {value = 5.000000e+00 : f32} : tensor<1x3xf32>
// CHECK-NEXT: %k = graph.fill {value = 5.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %l = graph.fill {value = 5.000000e+00 : f32} : tensor<3x3xf32>
// CHECK-NEXT: %m = graph.fill {value = 5.000000e+00 : f32} : tensor<3x3xf32>
// CHECK-NEXT: func.return %b, %c, %d, %e, %g, %k, %l, %m, %h : tensor<2xf32>, tensor<3x6xf32>, tensor<3x3xf32>, tensor<3x3xf32>, tensor<2x3xf32>, tensor<3xf32>, tensor<3x3xf32>, tensor<3x3xf32>, tensor<1x3xf32>
// CHECK-NEXT: }

func.func @pieces_of_one_value(%c: tensor<3xi1>) -> (tensor<4xf32>, tensor<3xf32>, tensor<2xf32>) {
  %f = graph.fill {value = 5.0 : f32} : tensor<3xf32>
  %g = graph.fill {value = 5.0 : f32} : tensor<1xf32>
  %other = graph.fill {value = -5.0 : f32} : tensor<1xf32>
  %a = graph.concat %f, %g {axis = 0 : i64} : (tensor<3xf32>, tensor<1xf32>) -> tensor<4xf32>
  %b = graph.where %c, %f, %g : (tensor<3xi1>, tensor<3xf32>, tensor<1xf32>) -> tensor<3xf32>
  %d = graph.concat %g, %other {axis = 0 : i64} : (tensor<1xf32>, tensor<1xf32>) -> tensor<2xf32>
  func.return %a, %b, %d : tensor<4xf32>, tensor<3xf32>, tensor<2xf32>
}
// CHECK-LABEL: func.func @pieces_of_one_value(
// CHECK-NEXT: %a = graph.fill {value = 5.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: %b = graph.fill {value = 5.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %d = graph.constant dense<[5.000000e+00, -5.000000e+00]> : tensor<2xf32>
// CHECK-NEXT: func.return %a, %b, %d : tensor<4xf32>, tensor<3xf32>, tensor<2xf32>
// CHECK-NEXT: }

// 0.0 and -0.0 are two values.
func.func @zeros_of_either_sign(%c: tensor<3xi1>) -> tensor<3xf32> {
  %f = graph.fill {value = 0.0 : f32} : tensor<f32>
  %g = graph.fill {value = -0.0 : f32} : tensor<f32>
  %a = graph.where %c, %f, %g : (tensor<3xi1>, tensor<f32>, tensor<f32>) -> tensor<3xf32>
  func.return %a : tensor<3xf32>
}
// CHECK-LABEL: func.func @zeros_of_either_sign(
// CHECK-NEXT: %f = graph.fill {value = 0.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %g = graph.fill {value = -0.000000e+00 : f32} : tensor<f32>
// CHECK-NEXT: %a = graph.where %c, %f, %g : (tensor<3xi1>, tensor<f32>, tensor<f32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %a : tensor<3xf32>
// CHECK-NEXT: }

// Gradients of nothing: adjoints of what moves elements.
func.func @sums_of_zeros(%i: tensor<2x1xi32>, %j: tensor<2xi32>, %x: tensor<1x4x4x1xf32>, %n: tensor<1xi64>) -> (tensor<4x3xf32>, tensor<4x3xf32>, tensor<2x2xf32>, tensor<3xf32>, tensor<2x3xf32>, tensor<1x4x4x1xf32>, tensor<?xf32>, tensor<4x3xf32>) {
  %z = graph.fill {value = 0.0 : f32} : tensor<2x3xf32>
  %w = graph.fill {value = 0.0 : f32} : tensor<1x2x2x1xf32>
  %v = graph.fill {value = 0.0 : f32} : tensor<2xf32>
  %a = graph.scatter_nd %i, %z : (tensor<2x1xi32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %b = graph.strided_slice_gradient %z {begin = array<i64: 1, 0>, end = array<i64: 3, 3>, strides = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<4x3xf32>
  %c = graph.matrix_diag %v {offset = 0 : i64} : (tensor<2xf32>) -> tensor<2x2xf32>
  %d = graph.sum_to %z : (tensor<2x3xf32>) -> tensor<3xf32>
  %e = graph.cumsum %z {axis = 1 : i64, reverse} : tensor<2x3xf32>
  %f = graph.max_pool2d_gradient %x, %w {window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>} : (tensor<1x4x4x1xf32>, tensor<1x2x2x1xf32>) -> tensor<1x4x4x1xf32>
  %g = graph.strided_slice_gradient %v, %n {begin = array<i64: 1>, end = array<i64: 3>, strides = array<i64: 1>} : (tensor<2xf32>, tensor<1xi64>) -> tensor<?xf32>
  %s = graph.make_slices %z, %j : (tensor<2x3xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<4x3xf32>>
  %h = graph.densify %s : (!graph.slices<tensor<2x3xf32>, tensor<2xi32>, tensor<4x3xf32>>) -> tensor<4x3xf32>
  func.return %a, %b, %c, %d, %e, %f, %g, %h : tensor<4x3xf32>, tensor<4x3xf32>, tensor<2x2xf32>, tensor<3xf32>, tensor<2x3xf32>, tensor<1x4x4x1xf32>, tensor<?xf32>, tensor<4x3xf32>
}
// CHECK-LABEL: func.func @sums_of_zeros(
// CHECK-NEXT: %a = graph.fill {value = 0.000000e+00 : f32} : tensor<4x3xf32>
// CHECK-NEXT: %b = graph.fill {value = 0.000000e+00 : f32} : tensor<4x3xf32>
// CHECK-NEXT: %c = graph.fill {value = 0.000000e+00 : f32} : tensor<2x2xf32>
// CHECK-NEXT: %d = graph.fill {value = 0.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %e = graph.fill {value = 0.000000e+00 : f32} : tensor<2x3xf32>
// CHECK-NEXT: %f = graph.fill {value = 0.000000e+00 : f32} : tensor<1x4x4x1xf32>
// CHECK-NEXT: %g = graph.fill %n {value = 0.000000e+00 : f32} : (tensor<1xi64>) -> tensor<?xf32>
// CHECK-NEXT: %h = graph.fill {value = 0.000000e+00 : f32} : tensor<4x3xf32>
// CHECK-NEXT: func.return %a, %b, %c, %d, %e, %f, %g, %h : tensor<4x3xf32>, tensor<4x3xf32>, tensor<2x2xf32>, tensor<3xf32>, tensor<2x3xf32>, tensor<1x4x4x1xf32>, tensor<?xf32>, tensor<4x3xf32>
// CHECK-NEXT: }

// The other factor may be infinite or NaN.
func.func @products_of_zeros_stay(%x: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %z = graph.fill {value = 0.0 : f32} : tensor<2x3xf32>
  %a = graph.matmul %z, %x : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  func.return %a : tensor<2x4xf32>
}
// CHECK-LABEL: func.func @products_of_zeros_stay(
// CHECK-NEXT: %z = graph.fill {value = 0.000000e+00 : f32} : tensor<2x3xf32>
// CHECK-NEXT: %a = graph.matmul %z, %x : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: func.return %a : tensor<2x4xf32>
// CHECK-NEXT: }

// What has no elements, whatever computes it.
func.func @nothing_at_all(%x: tensor<0x3xf32>, %i: tensor<0xi32>, %t: tensor<4x3xf32>) -> (tensor<0x6xf32>, tensor<0x3xf32>, tensor<0xi64>) {
  %a = graph.tile %x {counts = array<i64: 1, 2>} : (tensor<0x3xf32>) -> tensor<0x6xf32>
  %b = graph.gather %t, %i : (tensor<4x3xf32>, tensor<0xi32>) -> tensor<0x3xf32>
  %c = graph.argmax %x {axis = 1 : i64} : (tensor<0x3xf32>) -> tensor<0xi64>
  func.return %a, %b, %c : tensor<0x6xf32>, tensor<0x3xf32>, tensor<0xi64>
}
// CHECK-LABEL: func.func @nothing_at_all(
// CHECK-NEXT: %a = graph.fill {value = 0.000000e+00 : f32} : tensor<0x6xf32>
// CHECK-NEXT: %b = graph.fill {value = 0.000000e+00 : f32} : tensor<0x3xf32>
// CHECK-NEXT: %c = graph.fill {value = 0 : i64} : tensor<0xi64>
// CHECK-NEXT: func.return %a, %b, %c : tensor<0x6xf32>, tensor<0x3xf32>, tensor<0xi64>
// CHECK-NEXT: }
