// Movements of elements that cancel or merge.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @own_shape(%x: tensor<4xf32>, %y: tensor<?xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?xf32>) {
  %a = graph.reshape %x : (tensor<4xf32>) -> tensor<4xf32>
  %b = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<4xf32>
  %c = graph.sum_to %x : (tensor<4xf32>) -> tensor<4xf32>
  %shape = graph.shape_of %y : (tensor<?xf32>) -> tensor<1xi64>
  %d = graph.sum_to %y, %shape : (tensor<?xf32>, tensor<1xi64>) -> tensor<?xf32>
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?xf32>
}
// CHECK-LABEL: func.func @own_shape(
// CHECK-NEXT: func.return %x, %x, %x, %y : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?xf32>
// CHECK-NEXT: }

func.func @known_shape(%x: tensor<4xf32>, %shape: tensor<2xi64>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %a = graph.broadcast_to %x, %shape : (tensor<4xf32>, tensor<2xi64>) -> tensor<2x4xf32>
  %b = graph.fill %shape {value = 1.0 : f32} : (tensor<2xi64>) -> tensor<2x4xf32>
  func.return %a, %b : tensor<2x4xf32>, tensor<2x4xf32>
}
// CHECK-LABEL: func.func @known_shape(
// CHECK-NEXT: %a = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %b = graph.fill {value = 1.000000e+00 : f32} : tensor<2x4xf32>
// CHECK-NEXT: func.return %a, %b : tensor<2x4xf32>, tensor<2x4xf32>
// CHECK-NEXT: }

func.func @shape_without_values(%x: tensor<?xf32>, %s: tensor<1xi64>) -> (tensor<1xi64>, tensor<1xi64>) {
  %t = graph.tanh %x : tensor<?xf32>
  %a = graph.shape_of %t : (tensor<?xf32>) -> tensor<1xi64>
  %f = graph.fill %s {value = 1.0 : f32} : (tensor<1xi64>) -> tensor<?xf32>
  %b = graph.shape_of %f : (tensor<?xf32>) -> tensor<1xi64>
  func.return %a, %b : tensor<1xi64>, tensor<1xi64>
}
// CHECK-LABEL: func.func @shape_without_values(
// CHECK-NEXT: %a = graph.shape_of %x : (tensor<?xf32>) -> tensor<1xi64>
// CHECK-NEXT: func.return %a, %s : tensor<1xi64>, tensor<1xi64>
// CHECK-NEXT: }

func.func @reshape_of_reshape(%x: tensor<12xf32>) -> (tensor<3x4xf32>, tensor<2x6xf32>, tensor<1x3x4xf32>) {
  %a = graph.reshape %x : (tensor<12xf32>) -> tensor<2x6xf32>
  %b = graph.reshape %a : (tensor<2x6xf32>) -> tensor<3x4xf32>
  %c = graph.expand_dims %x {axes = array<i64: 0>} : (tensor<12xf32>) -> tensor<1x12xf32>
  %d = graph.reshape %c : (tensor<1x12xf32>) -> tensor<2x6xf32>
  %e = graph.expand_dims %b {axes = array<i64: 0>} : (tensor<3x4xf32>) -> tensor<1x3x4xf32>
  func.return %b, %d, %e : tensor<3x4xf32>, tensor<2x6xf32>, tensor<1x3x4xf32>
}
// CHECK-LABEL: func.func @reshape_of_reshape(
// CHECK-NEXT: %b = graph.reshape %x : (tensor<12xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: %d = graph.reshape %x : (tensor<12xf32>) -> tensor<2x6xf32>
// CHECK-NEXT: %e = graph.reshape %x : (tensor<12xf32>) -> tensor<1x3x4xf32>
// CHECK-NEXT: func.return %b, %d, %e : tensor<3x4xf32>, tensor<2x6xf32>, tensor<1x3x4xf32>
// CHECK-NEXT: }

func.func @expanded_twice(%x: tensor<?x5xf32>) -> tensor<1x?x1x5x1xf32> {
  %a = graph.expand_dims %x {axes = array<i64: 1, 3>} : (tensor<?x5xf32>) -> tensor<?x1x5x1xf32>
  %b = graph.expand_dims %a {axes = array<i64: 0>} : (tensor<?x1x5x1xf32>) -> tensor<1x?x1x5x1xf32>
  func.return %b : tensor<1x?x1x5x1xf32>
}
// CHECK-LABEL: func.func @expanded_twice(
// CHECK-NEXT: %b = graph.expand_dims %x {axes = array<i64: 0, 2, 4>} : (tensor<?x5xf32>) -> tensor<1x?x1x5x1xf32>
// CHECK-NEXT: func.return %b : tensor<1x?x1x5x1xf32>
// CHECK-NEXT: }

func.func @broadcast_twice(%x: tensor<4xf32>) -> tensor<3x2x4xf32> {
  %a = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<2x4xf32>
  %b = graph.broadcast_to %a : (tensor<2x4xf32>) -> tensor<3x2x4xf32>
  func.return %b : tensor<3x2x4xf32>
}
// CHECK-LABEL: func.func @broadcast_twice(
// CHECK-NEXT: %b = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<3x2x4xf32>
// CHECK-NEXT: func.return %b : tensor<3x2x4xf32>
// CHECK-NEXT: }

func.func @fill_in_another_shape() -> (tensor<3x2xf32>, tensor<2x1xf32>, tensor<1x2xf32>) {
  %f = graph.fill {value = 5.0 : f32} : tensor<2xf32>
  %a = graph.broadcast_to %f : (tensor<2xf32>) -> tensor<3x2xf32>
  %b = graph.expand_dims %f {axes = array<i64: 1>} : (tensor<2xf32>) -> tensor<2x1xf32>
  %c = graph.transpose %b {permutation = array<i64: 1, 0>} : (tensor<2x1xf32>) -> tensor<1x2xf32>
  func.return %a, %b, %c : tensor<3x2xf32>, tensor<2x1xf32>, tensor<1x2xf32>
}
// CHECK-LABEL: func.func @fill_in_another_shape(
// CHECK-NEXT: %a = graph.fill {value = 5.000000e+00 : f32} : tensor<3x2xf32>
// CHECK-NEXT: %b = graph.fill {value = 5.000000e+00 : f32} : tensor<2x1xf32>
// CHECK-NEXT: %c = graph.fill {value = 5.000000e+00 : f32} : tensor<1x2xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<3x2xf32>, tensor<2x1xf32>, tensor<1x2xf32>
// CHECK-NEXT: }

func.func @transposed_twice(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x2x3xf32>) {
  %a = graph.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %b = graph.transpose %a {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  %c = graph.transpose %a {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  func.return %b, %c : tensor<2x3x4xf32>, tensor<4x2x3xf32>
}
// CHECK-LABEL: func.func @transposed_twice(
// CHECK-NEXT: %c = graph.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: func.return %x, %c : tensor<2x3x4xf32>, tensor<4x2x3xf32>
// CHECK-NEXT: }

func.func @sum_to_known_shape(%x: tensor<2x3x4xf32>) -> (tensor<4xf32>, tensor<2x1x4xf32>, tensor<1x4xf32>) {
  %a = graph.sum_to %x : (tensor<2x3x4xf32>) -> tensor<4xf32>
  %b = graph.sum_to %x : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
  %c = graph.sum_to %x : (tensor<2x3x4xf32>) -> tensor<1x4xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<2x1x4xf32>, tensor<1x4xf32>
}
// CHECK-LABEL: func.func @sum_to_known_shape(
// CHECK-NEXT: %a = graph.sum %x {axes = array<i64: 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %b = graph.sum %x {axes = array<i64: 1>, keepdims} : (tensor<2x3x4xf32>) -> tensor<2x1x4xf32>
// CHECK-NEXT: %0 = graph.sum %x {axes = array<i64: 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4xf32>
// CHECK-NEXT: %c = graph.reshape %0 : (tensor<4xf32>) -> tensor<1x4xf32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<4xf32>, tensor<2x1x4xf32>, tensor<1x4xf32>
// CHECK-NEXT: }

func.func @concat_of_one(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.concat %x {axis = 0 : i64} : tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @concat_of_one(
// CHECK-NEXT: func.return %x : tensor<4xf32>
// CHECK-NEXT: }

func.func @split_at_known_places(%x: tensor<4xf32>, %y: tensor<1xf32>, %z: tensor<3xf32>) -> (tensor<1xf32>, tensor<3xf32>) {
  %a, %b = graph.split_like %x, %y, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<1xf32>, tensor<3xf32>) -> (tensor<1xf32>, tensor<3xf32>)
  func.return %a, %b : tensor<1xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @split_at_known_places(
// CHECK-NEXT: %a, %b = graph.split %x {axis = 0 : i64, sizes = array<i64: 1, 3>} : (tensor<4xf32>) -> (tensor<1xf32>, tensor<3xf32>)
// CHECK-NEXT: func.return %a, %b : tensor<1xf32>, tensor<3xf32>
// CHECK-NEXT: }

func.func @split_of_concat(%y: tensor<1xf32>, %z: tensor<3xf32>) -> (tensor<1xf32>, tensor<3xf32>, tensor<2xf32>) {
  %x = graph.concat %y, %z {axis = 0 : i64} : (tensor<1xf32>, tensor<3xf32>) -> tensor<4xf32>
  %a, %b = graph.split %x {axis = 0 : i64, sizes = array<i64: 1, 3>} : (tensor<4xf32>) -> (tensor<1xf32>, tensor<3xf32>)
  %f = graph.fill {value = 1.0 : f32} : tensor<3xf32>
  %c, %d = graph.split %f {axis = 0 : i64, sizes = array<i64: 1, 2>} : (tensor<3xf32>) -> (tensor<1xf32>, tensor<2xf32>)
  func.return %a, %b, %d : tensor<1xf32>, tensor<3xf32>, tensor<2xf32>
}
// CHECK-LABEL: func.func @split_of_concat(
// CHECK-NEXT: %d = graph.fill {value = 1.000000e+00 : f32} : tensor<2xf32>
// CHECK-NEXT: func.return %y, %z, %d : tensor<1xf32>, tensor<3xf32>, tensor<2xf32>
// CHECK-NEXT: }

func.func @transposed_batch(%a: tensor<5x3x2xf32>, %b: tensor<5x3x4xf32>) -> (tensor<5x2x4xf32>) {
  %t = graph.transpose %a {permutation = array<i64: 0, 2, 1>} : (tensor<5x3x2xf32>) -> tensor<5x2x3xf32>
  %c = graph.matmul %t, %b : (tensor<5x2x3xf32>, tensor<5x3x4xf32>) -> tensor<5x2x4xf32>
  func.return %c : tensor<5x2x4xf32>
}
// CHECK-LABEL: func.func @transposed_batch(
// CHECK-NEXT: %c = graph.matmul %a, %b {transpose_a} : (tensor<5x3x2xf32>, tensor<5x3x4xf32>) -> tensor<5x2x4xf32>
// CHECK-NEXT: func.return %c : tensor<5x2x4xf32>
// CHECK-NEXT: }

func.func @transposed_operands(%a: tensor<3x2xf32>, %b: tensor<3x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %t = graph.transpose %a {permutation = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %u = graph.transpose %b {permutation = array<i64: 1, 0>} : (tensor<3x4xf32>) -> tensor<4x3xf32>
  %c = graph.matmul %t, %b : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  %d = graph.matmul %t, %u {transpose_b} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  func.return %c, %d : tensor<2x4xf32>, tensor<2x4xf32>
}
// CHECK-LABEL: func.func @transposed_operands(
// CHECK-NEXT: %c = graph.matmul %a, %b {transpose_a} : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: %d = graph.matmul %a, %b {transpose_a} : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
// CHECK-NEXT: func.return %c, %d : tensor<2x4xf32>, tensor<2x4xf32>
// CHECK-NEXT: }

func.func @new_axes_in_front(%x: tensor<4xf32>) -> (tensor<2x3x4xf32>, tensor<4x3xf32>) {
  %e = graph.expand_dims %x {axes = array<i64: 0, 1>} : (tensor<4xf32>) -> tensor<1x1x4xf32>
  %a = graph.broadcast_to %e : (tensor<1x1x4xf32>) -> tensor<2x3x4xf32>
  %f = graph.expand_dims %x {axes = array<i64: 1>} : (tensor<4xf32>) -> tensor<4x1xf32>
  %b = graph.broadcast_to %f : (tensor<4x1xf32>) -> tensor<4x3xf32>
  func.return %a, %b : tensor<2x3x4xf32>, tensor<4x3xf32>
}
// CHECK-LABEL: func.func @new_axes_in_front(
// CHECK-NEXT: %a = graph.broadcast_to %x : (tensor<4xf32>) -> tensor<2x3x4xf32>
// CHECK-NEXT: %f = graph.expand_dims %x {axes = array<i64: 1>} : (tensor<4xf32>) -> tensor<4x1xf32>
// CHECK-NEXT: %b = graph.broadcast_to %f : (tensor<4x1xf32>) -> tensor<4x3xf32>
// CHECK-NEXT: func.return %a, %b : tensor<2x3x4xf32>, tensor<4x3xf32>
// CHECK-NEXT: }

func.func @squeeze_of_static_shape(%x: tensor<1x3x1xf32>, %y: tensor<3xf32>) -> (tensor<3xf32>, tensor<1x3x1xf32>, tensor<3xf32>) {
  %s = graph.squeeze %x {axes = array<i64: 0>} : (tensor<1x3x1xf32>) -> tensor<3x1xf32>
  %a = graph.squeeze %s {axes = array<i64: 1>} : (tensor<3x1xf32>) -> tensor<3xf32>
  %b = graph.expand_dims %a {axes = array<i64: 0, 2>} : (tensor<3xf32>) -> tensor<1x3x1xf32>
  %e = graph.expand_dims %y {axes = array<i64: 1>} : (tensor<3xf32>) -> tensor<3x1xf32>
  %c = graph.squeeze %e {axes = array<i64: 1>} : (tensor<3x1xf32>) -> tensor<3xf32>
  func.return %a, %b, %c : tensor<3xf32>, tensor<1x3x1xf32>, tensor<3xf32>
}
// CHECK-LABEL: func.func @squeeze_of_static_shape(
// CHECK-NEXT: %a = graph.reshape %x : (tensor<1x3x1xf32>) -> tensor<3xf32>
// CHECK-NEXT: func.return %a, %x, %y : tensor<3xf32>, tensor<1x3x1xf32>, tensor<3xf32>
// CHECK-NEXT: }

func.func @axes_there_and_back(%x: tensor<?xf32>, %y: tensor<?x1xf32>) -> (tensor<?xf32>, tensor<?x1xf32>) {
  %e = graph.expand_dims %x {axes = array<i64: 0>} : (tensor<?xf32>) -> tensor<1x?xf32>
  %a = graph.squeeze %e {axes = array<i64: 0>} : (tensor<1x?xf32>) -> tensor<?xf32>
  %s = graph.squeeze %y {axes = array<i64: 1>} : (tensor<?x1xf32>) -> tensor<?xf32>
  %b = graph.expand_dims %s {axes = array<i64: 1>} : (tensor<?xf32>) -> tensor<?x1xf32>
  func.return %a, %b : tensor<?xf32>, tensor<?x1xf32>
}
// CHECK-LABEL: func.func @axes_there_and_back(
// CHECK-NEXT: func.return %x, %y : tensor<?xf32>, tensor<?x1xf32>
// CHECK-NEXT: }

// Of any function of one operand, along an axis, or where an operand gives the shape.
func.func @shape_of_any_family(%x: tensor<?xf32>, %n: tensor<1xi64>) -> (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) {
  %r = graph.relu %x : tensor<?xf32>
  %a = graph.shape_of %r : (tensor<?xf32>) -> tensor<1xi64>
  %s = graph.softmax %x {axis = 0 : i64} : tensor<?xf32>
  %b = graph.shape_of %s : (tensor<?xf32>) -> tensor<1xi64>
  %t = graph.tile_gradient %x, %n {counts = array<i64: 2>} : (tensor<?xf32>, tensor<1xi64>) -> tensor<?xf32>
  %c = graph.shape_of %t : (tensor<?xf32>) -> tensor<1xi64>
  func.return %a, %b, %c : tensor<1xi64>, tensor<1xi64>, tensor<1xi64>
}
// CHECK-LABEL: func.func @shape_of_any_family(
// CHECK-NEXT: %a = graph.shape_of %x : (tensor<?xf32>) -> tensor<1xi64>
// CHECK-NEXT: %b = graph.shape_of %x : (tensor<?xf32>) -> tensor<1xi64>
// CHECK-NEXT: func.return %a, %b, %n : tensor<1xi64>, tensor<1xi64>, tensor<1xi64>
// CHECK-NEXT: }
