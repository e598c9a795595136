# ruff: noqa: E501
"""Programs whose schedules and memory plans are edited: kernels of every kind, loops, updates, empty tensors."""

from __future__ import annotations

PROGRAMS: dict[str, str] = {
    "chain": """
func.func @main(%x: tensor<4x6xf32>, %b: tensor<6xf32>) -> (tensor<4x6xf32>, tensor<24xf32>, tensor<6xf32>) {
  %t = graph.tanh %x : tensor<4x6xf32>
  %s = graph.add %t, %b : (tensor<4x6xf32>, tensor<6xf32>) -> tensor<4x6xf32>
  %r = graph.reshape %s : (tensor<4x6xf32>) -> tensor<24xf32>
  %q = graph.exp %r : tensor<24xf32>
  %e = graph.exp %b : tensor<6xf32>
  func.return %s, %q, %e : tensor<4x6xf32>, tensor<24xf32>, tensor<6xf32>
}
""",
    "softmax": """
func.func @main(%x: tensor<4x6xf32>) -> (tensor<4x6xf32>, tensor<4xf32>, tensor<f32>, tensor<6xf32>) {
  %max = graph.max %x {axes = array<i64: 1>, keepdims} : (tensor<4x6xf32>) -> tensor<4x1xf32>
  %d = graph.subtract %x, %max : (tensor<4x6xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
  %e = graph.exp %d : tensor<4x6xf32>
  %sum = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<4x6xf32>) -> tensor<4x1xf32>
  %p = graph.divide %e, %sum : (tensor<4x6xf32>, tensor<4x1xf32>) -> tensor<4x6xf32>
  %l = graph.log %sum : tensor<4x1xf32>
  %f = graph.reshape %l : (tensor<4x1xf32>) -> tensor<4xf32>
  %loss = graph.sum %l {axes = array<i64: 0, 1>} : (tensor<4x1xf32>) -> tensor<f32>
  %c = graph.sum %p {axes = array<i64: 0>} : (tensor<4x6xf32>) -> tensor<6xf32>
  func.return %p, %f, %loss, %c : tensor<4x6xf32>, tensor<4xf32>, tensor<f32>, tensor<6xf32>
}
""",
    "square": """
func.func @main(%x: tensor<4x4xf32>, %b: tensor<4xf32>) -> (tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %s = graph.sum %x {axes = array<i64: 1>} : (tensor<4x4xf32>) -> tensor<4xf32>
  %k = graph.max %x {axes = array<i64: 1>, keepdims} : (tensor<4x4xf32>) -> tensor<4x1xf32>
  %d = graph.subtract %x, %k : (tensor<4x4xf32>, tensor<4x1xf32>) -> tensor<4x4xf32>
  %c = graph.sum %d {axes = array<i64: 0>} : (tensor<4x4xf32>) -> tensor<4xf32>
  %y = graph.multiply %s, %b : tensor<4xf32>
  func.return %d, %y, %c : tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>
}
""",
    "cube": """
func.func @main(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<4xf32>) {
  %s = graph.sum %x {axes = array<i64: 2>, keepdims} : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32>
  %y = graph.divide %x, %s : (tensor<2x3x4xf32>, tensor<2x3x1xf32>) -> tensor<2x3x4xf32>
  %r = graph.reshape %s : (tensor<2x3x1xf32>) -> tensor<2x3xf32>
  %c = graph.max %y {axes = array<i64: 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4xf32>
  func.return %y, %r, %c : tensor<2x3x4xf32>, tensor<2x3xf32>, tensor<4xf32>
}
""",
    "columns": """
func.func @main(%x: tensor<3x2x4xf32>) -> (tensor<3x2x4xf32>, tensor<2x4xf32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<2x4xf32>>
  %s = graph.sum %x {axes = array<i64: 0>} : (tensor<3x2x4xf32>) -> tensor<2x4xf32>
  %y = graph.divide %x, %s : (tensor<3x2x4xf32>, tensor<2x4xf32>) -> tensor<3x2x4xf32>
  graph.assign_sub %w, %s : !graph.ref<tensor<2x4xf32>>, tensor<2x4xf32>
  func.return %y, %s : tensor<3x2x4xf32>, tensor<2x4xf32>
}
""",
    "temps": """
func.func @main(%x: tensor<4x6xf32>) -> (tensor<4x6xf32>, tensor<f32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<4x6xf32>>
  %r = graph.read %w : (!graph.ref<tensor<4x6xf32>>) -> tensor<4x6xf32>
  %a = graph.exp %x : tensor<4x6xf32>
  %g = graph.gate %a : tensor<4x6xf32>
  %t = graph.transpose %g {permutation = array<i64: 1, 0>} : (tensor<4x6xf32>) -> tensor<6x4xf32>
  %u = graph.tanh %t : tensor<6x4xf32>
  %h = graph.gate %u : tensor<6x4xf32>
  %v = graph.reshape %h : (tensor<6x4xf32>) -> tensor<4x6xf32>
  %z = graph.multiply %v, %g : tensor<4x6xf32>
  %s = graph.sum %z {axes = array<i64: 0, 1>} : (tensor<4x6xf32>) -> tensor<f32>
  %i = graph.gate %s : tensor<f32>
  %q = graph.multiply %i, %z : (tensor<f32>, tensor<4x6xf32>) -> tensor<4x6xf32>
  graph.assign %w, %z : !graph.ref<tensor<4x6xf32>>, tensor<4x6xf32>
  %o = graph.add %q, %r : tensor<4x6xf32>
  func.return %o, %i : tensor<4x6xf32>, tensor<f32>
}
""",
    "product": """
func.func @main(%x: tensor<4x3xf32>, %v: tensor<3x4xf32>) -> (tensor<4x4xf32>, tensor<4x3xf32>) {
  %p = graph.matmul %x, %v : (tensor<4x3xf32>, tensor<3x4xf32>) -> tensor<4x4xf32>
  %t = graph.tanh %p : tensor<4x4xf32>
  %q = graph.matmul %t, %x : (tensor<4x4xf32>, tensor<4x3xf32>) -> tensor<4x3xf32>
  %s = graph.sum %q {axes = array<i64: 0>} : (tensor<4x3xf32>) -> tensor<3xf32>
  %y = graph.subtract %q, %s : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  func.return %t, %y : tensor<4x4xf32>, tensor<4x3xf32>
}
""",
    "batch": """
func.func @main(%x: tensor<2x3x4xf32>, %v: tensor<2x4x3xf32>) -> (tensor<2x3x3xf32>) {
  %p = graph.matmul %x, %v : (tensor<2x3x4xf32>, tensor<2x4x3xf32>) -> tensor<2x3x3xf32>
  %t = graph.exp %p : tensor<2x3x3xf32>
  func.return %t : tensor<2x3x3xf32>
}
""",
    "rows": """
func.func @main(%x: tensor<3x4xf32>, %i: tensor<5xi32>) -> (tensor<3x4xf32>, tensor<8x4xf32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<3x4xf32>>
  %r = graph.read %w : (!graph.ref<tensor<3x4xf32>>) -> tensor<3x4xf32>
  %g = graph.gather %r, %i : (tensor<3x4xf32>, tensor<5xi32>) -> tensor<5x4xf32>
  %e = graph.exp %g : tensor<5x4xf32>
  %s = graph.make_slices %e, %i : (tensor<5x4xf32>, tensor<5xi32>) -> !graph.slices<tensor<5x4xf32>, tensor<5xi32>, tensor<3x4xf32>>
  graph.assign_sub %w, %s : !graph.ref<tensor<3x4xf32>>, !graph.slices<tensor<5x4xf32>, tensor<5xi32>, tensor<3x4xf32>>
  %c = graph.concat %x, %e {axis = 0 : i64} : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<8x4xf32>
  %n = graph.read %w : (!graph.ref<tensor<3x4xf32>>) -> tensor<3x4xf32>
  %z = graph.tanh %n : tensor<3x4xf32>
  func.return %z, %c : tensor<3x4xf32>, tensor<8x4xf32>
}
""",
    "empty": """
func.func @main(%x: tensor<0x5xf32>, %z: tensor<5x0xf32>) -> (tensor<5xf32>, tensor<0x5xf32>, tensor<5xf32>) {
  %s = graph.sum %x {axes = array<i64: 0>} : (tensor<0x5xf32>) -> tensor<5xf32>
  %e = graph.exp %x : tensor<0x5xf32>
  %u = graph.sum %z {axes = array<i64: 1>} : (tensor<5x0xf32>) -> tensor<5xf32>
  func.return %s, %e, %u : tensor<5xf32>, tensor<0x5xf32>, tensor<5xf32>
}
""",
    "ones": """
func.func @main(%x: tensor<1x5x1xf32>, %y: tensor<5xf32>) -> (tensor<1x5x1xf32>, tensor<5xf32>) {
  %e = graph.exp %x : tensor<1x5x1xf32>
  %s = graph.sum %e {axes = array<i64: 0, 1, 2>} : (tensor<1x5x1xf32>) -> tensor<f32>
  %a = graph.add %y, %s : (tensor<5xf32>, tensor<f32>) -> tensor<5xf32>
  %t = graph.tanh %a : tensor<5xf32>
  func.return %e, %t : tensor<1x5x1xf32>, tensor<5xf32>
}
""",
    "loop": """
func.func @main(%x: tensor<4xf32>) -> (tensor<4xf32>) {
  %z = graph.fill {value = 0 : i32} : tensor<i32>
  %n, %y = graph.while %z, %x : tensor<i32>, tensor<4xf32> {
  ^bb0(%i: tensor<i32>, %a: tensor<4xf32>):
    %k = graph.fill {value = 3 : i32} : tensor<i32>
    %c = graph.less %i, %k : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: tensor<4xf32>):
    %o = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.add %i, %o : tensor<i32>
    %e = graph.exp %a : tensor<4xf32>
    %s = graph.sum %e {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    %b = graph.divide %e, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
    graph.yield %j, %b : tensor<i32>, tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}
""",
}
"""Level `graph`, by name."""
ON_CPU_ALONE = {"batch", "loop", "product", "rows"}
"""What GPUs have no kernels for: products, rows that are added, loops."""
