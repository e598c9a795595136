// Sums of fewer terms than are written, and slices and stacks that are opened as soon as they are made.
// RUN: pullback-opt %s -p canonicalize,dce --no-locations | filecheck %s

func.func @reduction_over_one(%x: tensor<4x1xf32>) -> (tensor<4xf32>, tensor<4x1xf32>, tensor<4x1xf32>) {
  %a = graph.sum %x {axes = array<i64: 1>} : (tensor<4x1xf32>) -> tensor<4xf32>
  %b = graph.max %x {axes = array<i64: 1>, keepdims} : tensor<4x1xf32>
  %c = graph.sum %x {axes = array<i64>} : tensor<4x1xf32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4x1xf32>, tensor<4x1xf32>
}
// CHECK-LABEL: func.func @reduction_over_one(
// CHECK-NEXT: %a = graph.reshape %x : (tensor<4x1xf32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a, %x, %x : tensor<4xf32>, tensor<4x1xf32>, tensor<4x1xf32>
// CHECK-NEXT: }

// 100 times 0.1 is rounded on the way.
func.func @sum_of_fill() -> (tensor<f32>, tensor<f32>) {
  %two = graph.fill {value = 2.0 : f32} : tensor<100xf32>
  %tenth = graph.fill {value = 0.1 : f32} : tensor<100xf32>
  %a = graph.sum %two {axes = array<i64: 0>} : (tensor<100xf32>) -> tensor<f32>
  %b = graph.sum %tenth {axes = array<i64: 0>} : (tensor<100xf32>) -> tensor<f32>
  func.return %a, %b : tensor<f32>, tensor<f32>
}
// CHECK-LABEL: func.func @sum_of_fill(
// CHECK-NEXT: %tenth = graph.fill {value = 1.000000e-01 : f32} : tensor<100xf32>
// CHECK-NEXT: %a = graph.fill {value = 2.000000e+02 : f32} : tensor<f32>
// CHECK-NEXT: %b = graph.sum %tenth {axes = array<i64: 0>} : (tensor<100xf32>) -> tensor<f32>
// CHECK-NEXT: func.return %a, %b : tensor<f32>, tensor<f32>
// CHECK-NEXT: }

func.func @reduction_of_broadcast(%x: tensor<4x1xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<f32>) {
  %wide = graph.broadcast_to %x : (tensor<4x1xf32>) -> tensor<3x4x5xf32>
  %a = graph.sum %wide {axes = array<i64: 0, 2>} : (tensor<3x4x5xf32>) -> tensor<4xf32>
  %b = graph.max %wide {axes = array<i64: 0, 2>} : (tensor<3x4x5xf32>) -> tensor<4xf32>
  // The 4 elements differ.
  %c = graph.sum %wide {axes = array<i64: 0, 1, 2>} : (tensor<3x4x5xf32>) -> tensor<f32>
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<f32>
}
// CHECK-LABEL: func.func @reduction_of_broadcast(
// CHECK-NEXT: %wide = graph.broadcast_to %x : (tensor<4x1xf32>) -> tensor<3x4x5xf32>
// CHECK-NEXT: %0 = graph.reshape %x : (tensor<4x1xf32>) -> tensor<4xf32>
// CHECK-NEXT: %1 = graph.fill {value = 1.500000e+01 : f32} : tensor<f32>
// CHECK-NEXT: %a = graph.multiply %0, %1 : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
// CHECK-NEXT: %b = graph.reshape %x : (tensor<4x1xf32>) -> tensor<4xf32>
// CHECK-NEXT: %c = graph.sum %wide {axes = array<i64: 0, 1, 2>} : (tensor<3x4x5xf32>) -> tensor<f32>
// CHECK-NEXT: func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<f32>
// CHECK-NEXT: }

func.func @fewer_terms(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %zeros = graph.fill {value = 0.0 : f32} : tensor<4xf32>
  %a = graph.add_n %zeros, %zeros : tensor<4xf32>
  %b = graph.add_n %x : tensor<4xf32>
  %c = graph.add_n %x, %zeros, %y : tensor<4xf32>
  %d = graph.add_n %x, %y, %zeros, %z : tensor<4xf32>
  func.return %a, %b, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @fewer_terms(
// CHECK-NEXT: %a = graph.fill {value = 0.000000e+00 : f32} : tensor<4xf32>
// CHECK-NEXT: %c = graph.add %x, %y : tensor<4xf32>
// CHECK-NEXT: %d = graph.add_n %x, %y, %z : tensor<4xf32>
// CHECK-NEXT: func.return %a, %x, %c, %d : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @accumulate_zero(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %zeros = graph.fill {value = 0.0 : f32} : tensor<4xf32>
  %a = graph.accumulate %zeros, %x : tensor<4xf32>
  %b = graph.accumulate %x, %zeros : tensor<4xf32>
  func.return %a, %b : tensor<4xf32>, tensor<4xf32>
}
// CHECK-LABEL: func.func @accumulate_zero(
// CHECK-NEXT: func.return %x, %x : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: }

func.func @parts_of_slices(%v: tensor<2x4xf32>, %i: tensor<2xi32>) -> (tensor<2x4xf32>, tensor<2xi32>) {
  %s = graph.make_slices %v, %i : (tensor<2x4xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
  %a = graph.slice_values %s : (!graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>) -> tensor<2x4xf32>
  %b = graph.slice_indices %s : (!graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>) -> tensor<2xi32>
  func.return %a, %b : tensor<2x4xf32>, tensor<2xi32>
}
// CHECK-LABEL: func.func @parts_of_slices(
// CHECK-NEXT: func.return %v, %i : tensor<2x4xf32>, tensor<2xi32>
// CHECK-NEXT: }

func.func @known_dense_shape(%v: tensor<2x4xf32>, %i: tensor<2xi32>, %n: tensor<2xi64>) -> tensor<9x4xf32> {
  %s = graph.make_slices %v, %i, %n : (tensor<2x4xf32>, tensor<2xi32>, tensor<2xi64>) -> !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
  %a = graph.densify %s : (!graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>) -> tensor<9x4xf32>
  func.return %a : tensor<9x4xf32>
}
// CHECK-LABEL: func.func @known_dense_shape(
// CHECK-NEXT: %s = graph.make_slices %v, %i : (tensor<2x4xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
// CHECK-NEXT: %a = graph.densify %s : (!graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>) -> tensor<9x4xf32>
// CHECK-NEXT: func.return %a : tensor<9x4xf32>
// CHECK-NEXT: }

func.func @densify_nothing(%v: tensor<0x4xf32>, %i: tensor<0xi32>) -> tensor<9x4xf32> {
  %s = graph.make_slices %v, %i : (tensor<0x4xf32>, tensor<0xi32>) -> !graph.slices<tensor<0x4xf32>, tensor<0xi32>, tensor<9x4xf32>>
  %a = graph.densify %s : (!graph.slices<tensor<0x4xf32>, tensor<0xi32>, tensor<9x4xf32>>) -> tensor<9x4xf32>
  func.return %a : tensor<9x4xf32>
}
// CHECK-LABEL: func.func @densify_nothing(
// CHECK-NEXT: %a = graph.fill {value = 0.000000e+00 : f32} : tensor<9x4xf32>
// CHECK-NEXT: func.return %a : tensor<9x4xf32>
// CHECK-NEXT: }

func.func @fewer_slices(%v: tensor<0x4xf32>, %i: tensor<0xi32>, %w: tensor<2x4xf32>, %j: tensor<2xi32>) -> !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>> {
  %s = graph.make_slices %v, %i : (tensor<0x4xf32>, tensor<0xi32>) -> !graph.slices<tensor<0x4xf32>, tensor<0xi32>, tensor<9x4xf32>>
  %t = graph.make_slices %w, %j : (tensor<2x4xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
  %a = graph.concat_slices %s, %t : (!graph.slices<tensor<0x4xf32>, tensor<0xi32>, tensor<9x4xf32>>, !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>) -> !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
  func.return %a : !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
}
// CHECK-LABEL: func.func @fewer_slices(
// CHECK-NEXT: %t = graph.make_slices %w, %j : (tensor<2x4xf32>, tensor<2xi32>) -> !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
// CHECK-NEXT: func.return %t : !graph.slices<tensor<2x4xf32>, tensor<2xi32>, tensor<9x4xf32>>
// CHECK-NEXT: }

func.func @pop_of_push(%x: tensor<4xf32>, %s: !graph.stack<tensor<4xf32>>) -> (!graph.stack<tensor<4xf32>>, tensor<4xf32>) {
  %p = graph.push %s, %x : (!graph.stack<tensor<4xf32>>, tensor<4xf32>) -> !graph.stack<tensor<4xf32>>
  %a, %b = graph.pop %p : (!graph.stack<tensor<4xf32>>) -> (!graph.stack<tensor<4xf32>>, tensor<4xf32>)
  func.return %a, %b : !graph.stack<tensor<4xf32>>, tensor<4xf32>
}
// CHECK-LABEL: func.func @pop_of_push(
// CHECK-NEXT: func.return %s, %x : !graph.stack<tensor<4xf32>>, tensor<4xf32>
// CHECK-NEXT: }

func.func @fewer_stacks(%s: !graph.stack<tensor<4xf32>>) -> !graph.stack<tensor<4xf32>> {
  %e = graph.empty_stack : !graph.stack<tensor<4xf32>>
  %a = graph.add_n %e, %s : !graph.stack<tensor<4xf32>>
  func.return %a : !graph.stack<tensor<4xf32>>
}
// CHECK-LABEL: func.func @fewer_stacks(
// CHECK-NEXT: func.return %s : !graph.stack<tensor<4xf32>>
// CHECK-NEXT: }

func.func @gate_of_one(%x: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.gate %x : tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @gate_of_one(
// CHECK-NEXT: func.return %x : tensor<4xf32>
// CHECK-NEXT: }

func.func @reduction_over_new_axes(%x: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x1xf32>, tensor<1x1x3xf32>) {
  %e = graph.expand_dims %x {axes = array<i64: 1>} : (tensor<?x3xf32>) -> tensor<?x1x3xf32>
  %a = graph.logsumexp %e {axes = array<i64: 1>} : (tensor<?x1x3xf32>) -> tensor<?x3xf32>
  %f = graph.expand_dims %x {axes = array<i64: 0, 2>} : (tensor<?x3xf32>) -> tensor<1x?x1x3xf32>
  %b = graph.sum %f {axes = array<i64: 0, 3>} : (tensor<1x?x1x3xf32>) -> tensor<?x1xf32>
  %c = graph.mean %e {axes = array<i64: 0, 1>, keepdims} : (tensor<?x1x3xf32>) -> tensor<1x1x3xf32>
  func.return %a, %b, %c : tensor<?x3xf32>, tensor<?x1xf32>, tensor<1x1x3xf32>
}
// CHECK-LABEL: func.func @reduction_over_new_axes(
// CHECK-NEXT: %0 = graph.sum %x {axes = array<i64: 1>} : (tensor<?x3xf32>) -> tensor<?xf32>
// CHECK-NEXT: %b = graph.expand_dims %0 {axes = array<i64: 1>} : (tensor<?xf32>) -> tensor<?x1xf32>
// CHECK-NEXT: %1 = graph.mean %x {axes = array<i64: 0>, keepdims} : (tensor<?x3xf32>) -> tensor<1x3xf32>
// CHECK-NEXT: %c = graph.expand_dims %1 {axes = array<i64: 1>} : (tensor<1x3xf32>) -> tensor<1x1x3xf32>
// CHECK-NEXT: func.return %x, %b, %c : tensor<?x3xf32>, tensor<?x1xf32>, tensor<1x1x3xf32>
// CHECK-NEXT: }

func.func @reduction_of_reduction(%x: tensor<2x3x4xf32>) -> (tensor<3xf32>, tensor<1x1x4xf32>) {
  %i = graph.sum %x {axes = array<i64: 0>} : (tensor<2x3x4xf32>) -> tensor<3x4xf32>
  %a = graph.sum %i {axes = array<i64: 1>} : (tensor<3x4xf32>) -> tensor<3xf32>
  %j = graph.max %x {axes = array<i64: 0>, keepdims} : (tensor<2x3x4xf32>) -> tensor<1x3x4xf32>
  %b = graph.max %j {axes = array<i64: 1>, keepdims} : (tensor<1x3x4xf32>) -> tensor<1x1x4xf32>
  func.return %a, %b : tensor<3xf32>, tensor<1x1x4xf32>
}
// CHECK-LABEL: func.func @reduction_of_reduction(
// CHECK-NEXT: %a = graph.sum %x {axes = array<i64: 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3xf32>
// CHECK-NEXT: %b = graph.max %x {axes = array<i64: 0, 1>, keepdims} : (tensor<2x3x4xf32>) -> tensor<1x1x4xf32>
// CHECK-NEXT: func.return %a, %b : tensor<3xf32>, tensor<1x1x4xf32>
// CHECK-NEXT: }

// The seed of the gradient of what is repeated.
func.func @combined_fill() -> (tensor<2xf32>, tensor<3xf32>, tensor<f32>, tensor<f32>, tensor<f32>) {
  %two = graph.fill {value = 2.0 : f32} : tensor<4x3xf32>
  %tenth = graph.fill {value = 0.1 : f32} : tensor<4x3xf32>
  %flat = graph.fill {value = 1.0 : f32} : tensor<6xf32>
  %a = graph.tile_gradient %flat {counts = array<i64: 3>} : (tensor<6xf32>) -> tensor<2xf32>
  %b = graph.mean %two {axes = array<i64: 0>} : (tensor<4x3xf32>) -> tensor<3xf32>
  %c = graph.prod %two {axes = array<i64: 0, 1>} : (tensor<4x3xf32>) -> tensor<f32>
  %d = graph.max %tenth {axes = array<i64: 0, 1>} : (tensor<4x3xf32>) -> tensor<f32>
  // This mean is rounded on the way.
  %e = graph.mean %tenth {axes = array<i64: 0, 1>} : (tensor<4x3xf32>) -> tensor<f32>
  func.return %a, %b, %c, %d, %e : tensor<2xf32>, tensor<3xf32>, tensor<f32>, tensor<f32>, tensor<f32>
}
// CHECK-LABEL: func.func @combined_fill(
// CHECK-NEXT: %tenth = graph.fill {value = 1.000000e-01 : f32} : tensor<4x3xf32>
// CHECK-NEXT: %a = graph.fill {value = 3.000000e+00 : f32} : tensor<2xf32>
// CHECK-NEXT: %b = graph.fill {value = 2.000000e+00 : f32} : tensor<3xf32>
// CHECK-NEXT: %c = graph.fill {value = 4.096000e+03 : f32} : tensor<f32>
// CHECK-NEXT: %d = graph.fill {value = 1.000000e-01 : f32} : tensor<f32>
// CHECK-NEXT: %e = graph.mean %tenth {axes = array<i64: 0, 1>} : (tensor<4x3xf32>) -> tensor<f32>
// CHECK-NEXT: func.return %a, %b, %c, %d, %e : tensor<2xf32>, tensor<3xf32>, tensor<f32>, tensor<f32>, tensor<f32>
// CHECK-NEXT: }

func.func @reduction_of_none(%x: tensor<0xf32>) -> (tensor<f32>, tensor<i1>) {
  %a = graph.max %x {axes = array<i64: 0>} : (tensor<0xf32>) -> tensor<f32>
  %f = graph.fill {value = true} : tensor<0xi1>
  %b = graph.any %f {axes = array<i64: 0>} : (tensor<0xi1>) -> tensor<i1>
  func.return %a, %b : tensor<f32>, tensor<i1>
}
// CHECK-LABEL: func.func @reduction_of_none(
// CHECK-NEXT: %a = graph.fill {value = 0xff800000 : f32} : tensor<f32>
// CHECK-NEXT: %b = graph.fill {value = false} : tensor<i1>
// CHECK-NEXT: func.return %a, %b : tensor<f32>, tensor<i1>
// CHECK-NEXT: }

func.func @mean_of_broadcast(%x: tensor<4x1xf32>) -> tensor<4xf32> {
  %w = graph.broadcast_to %x : (tensor<4x1xf32>) -> tensor<4x7xf32>
  %a = graph.mean %w {axes = array<i64: 1>} : (tensor<4x7xf32>) -> tensor<4xf32>
  func.return %a : tensor<4xf32>
}
// CHECK-LABEL: func.func @mean_of_broadcast(
// CHECK-NEXT: %a = graph.reshape %x : (tensor<4x1xf32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %a : tensor<4xf32>
// CHECK-NEXT: }
