"""Every operation written down: what the round trips of the tests read, and what its documentation shows."""

from __future__ import annotations

import re

ARGUMENTS = """%x: MATRIX, %y: tensor<?x3xf32>, %v: VECTOR, %s: tensor<f32>, %i: tensor<4xi32>, %c: tensor<3xi1>,
  %n: tensor<2xi64>, %w: !graph.ref<MATRIX>, %d: tensor<4x3xf32>, %p: SLICES, %k: STACK"""
ALIASES = {
    "SLICES": "!graph.slices<tensor<4x3xf32>, tensor<4xi32>, tensor<2x3xf32>>",
    "STACK": "!graph.stack<tensor<3xf32>>",
    "MATRIX": "tensor<2x3xf32>",
    "VECTOR": "tensor<3xf32>",
}

EXAMPLES: dict[str, list[str]] = {
    "graph.constant": [
        "%r = graph.constant dense<[1.0, 2.5]> : tensor<2xf32>",
        "%r = graph.constant dense<true> : tensor<i1>",
    ],
    "graph.fill": [
        "%r = graph.fill {value = 1.0 : f32} : MATRIX",
        "%r = graph.fill %n {value = 7 : i32} : (tensor<2xi64>) -> tensor<?x3xi32>",
    ],
    "graph.negative": [
        "%r = graph.negative %x : MATRIX",
    ],
    "graph.exp": [
        "%r = graph.exp %x : MATRIX",
    ],
    "graph.log": [
        """%r = graph.log %x {device = "/gpu:0"} : MATRIX""",
    ],
    "graph.tanh": [
        "%r = graph.tanh %y : tensor<?x3xf32>",
    ],
    "graph.identity": [
        "%r = graph.identity %c : tensor<3xi1>",
    ],
    "graph.stop_gradient": [
        "%r = graph.stop_gradient %x : MATRIX",
    ],
    "graph.cast": [
        "%r = graph.cast %x : (MATRIX) -> tensor<2x3xi32>",
    ],
    "graph.add": [
        "%r = graph.add %x, %v : (MATRIX, VECTOR) -> MATRIX",
    ],
    "graph.subtract": [
        "%r = graph.subtract %x, %y : (MATRIX, tensor<?x3xf32>) -> MATRIX",
    ],
    "graph.multiply": [
        "%r = graph.multiply %x, %x : MATRIX",
    ],
    "graph.divide": [
        "%r = graph.divide %x, %s : (MATRIX, tensor<f32>) -> MATRIX",
    ],
    "graph.maximum": [
        "%r = graph.maximum %i, %i : tensor<4xi32>",
    ],
    "graph.greater": [
        "%r = graph.greater %v, %v : (VECTOR, VECTOR) -> tensor<3xi1>",
    ],
    "graph.where": [
        "%r = graph.where %c, %x, %s : (tensor<3xi1>, MATRIX, tensor<f32>) -> MATRIX",
    ],
    "graph.shape_of": [
        "%r = graph.shape_of %y : (tensor<?x3xf32>) -> tensor<2xi64>",
    ],
    "graph.size": [
        "%r = graph.size %y : (tensor<?x3xf32>) -> tensor<i64>",
    ],
    "graph.reshape": [
        "%r = graph.reshape %x : (MATRIX) -> tensor<6xf32>",
        "%r = graph.reshape %y, %n : (tensor<?x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>",
    ],
    "graph.broadcast_to": [
        "%r = graph.broadcast_to %v : (VECTOR) -> MATRIX",
    ],
    "graph.sum_to": [
        "%r = graph.sum_to %x : (MATRIX) -> tensor<1x3xf32>",
    ],
    "graph.expand_dims": [
        "%r = graph.expand_dims %v {axes = array<i64: 0, 2>} : (VECTOR) -> tensor<1x3x1xf32>",
    ],
    "graph.transpose": [
        "%r = graph.transpose %x {permutation = array<i64: 1, 0>} : (MATRIX) -> tensor<3x2xf32>",
    ],
    "graph.split": [
        """%r:2 = graph.split %v {axis = 0 : i64, sizes = array<i64: 1, 2>}
      : (VECTOR) -> (tensor<1xf32>, tensor<2xf32>)""",
    ],
    "graph.concat": [
        "%r = graph.concat %x, %d {axis = 0 : i64} : (MATRIX, tensor<4x3xf32>) -> tensor<6x3xf32>",
    ],
    "graph.split_like": [
        """%r:2 = graph.split_like %d, %x, %x {axis = 0 : i64}
      : (tensor<4x3xf32>, MATRIX, MATRIX) -> (MATRIX, MATRIX)""",
    ],
    "graph.sum": [
        "%r = graph.sum %x {axes = array<i64: 1>} : (MATRIX) -> tensor<2xf32>",
    ],
    "graph.max": [
        "%r = graph.max %x {axes = array<i64: 0>, keepdims} : (MATRIX) -> tensor<1x3xf32>",
    ],
    "graph.matmul": [
        "%r = graph.matmul %x, %d {transpose_b} : (MATRIX, tensor<4x3xf32>) -> tensor<2x4xf32>",
    ],
    "graph.gather": [
        "%r = graph.gather %x, %i : (MATRIX, tensor<4xi32>) -> tensor<4x3xf32>",
    ],
    "graph.make_slices": [
        "%r = graph.make_slices %d, %i : (tensor<4x3xf32>, tensor<4xi32>) -> SLICES",
    ],
    "graph.densify": [
        "%r = graph.densify %p : (SLICES) -> MATRIX",
    ],
    "graph.slice_values": [
        "%r = graph.slice_values %p : (SLICES) -> tensor<4x3xf32>",
    ],
    "graph.slice_indices": [
        "%r = graph.slice_indices %p : (SLICES) -> tensor<4xi32>",
    ],
    "graph.concat_slices": [
        """%r = graph.concat_slices %p, %p
      : (SLICES, SLICES) -> !graph.slices<tensor<8x3xf32>, tensor<8xi32>, MATRIX>""",
    ],
    "graph.variable": [
        """%r = graph.variable {variable = "w"} : !graph.ref<MATRIX>""",
    ],
    "graph.read": [
        "%r = graph.read %w : (!graph.ref<MATRIX>) -> MATRIX",
    ],
    "graph.assign": [
        "graph.assign %w, %x : !graph.ref<MATRIX>, MATRIX",
    ],
    "graph.assign_sub": [
        """graph.assign_sub %w, %p : !graph.ref<MATRIX>, SLICES""",
    ],
    "graph.while": [
        """%r:2 = graph.while %s, %v : tensor<f32>, VECTOR {
  ^bb0(%a: tensor<f32>, %b: VECTOR):
    %0 = graph.greater %a, %s : (tensor<f32>, tensor<f32>) -> tensor<i1>
    graph.condition %0 : tensor<i1>
  } do {
  ^bb0(%a: tensor<f32>, %b: VECTOR):
    graph.yield %a, %b : tensor<f32>, VECTOR
  }""",
    ],
    "graph.empty_stack": [
        "%r = graph.empty_stack : STACK",
    ],
    "graph.push": [
        "%r = graph.push %k, %v : (STACK, VECTOR) -> STACK",
    ],
    "graph.pop": [
        "%r:2 = graph.pop %k : (STACK) -> (STACK, VECTOR)",
    ],
    "graph.backward": [
        "%r:2 = graph.backward %x, %v {gate = #graph.gate<op>} : (MATRIX, VECTOR) -> (MATRIX, VECTOR)",
    ],
    "graph.gradient_results": [
        "%r = graph.gradient_results %x : MATRIX",
    ],
    "graph.gate": [
        "%r:2 = graph.gate %x, %v : (MATRIX, VECTOR) -> (MATRIX, VECTOR)",
    ],
    "graph.sum_gradients": [
        "%r = graph.sum_gradients %x, %p {aggregation = #graph.aggregation<tree>} : (MATRIX, SLICES) -> MATRIX",
    ],
    "graph.add_n": [
        "%r = graph.add_n %x, %x, %x : MATRIX",
    ],
    "graph.accumulate": [
        "%r = graph.accumulate %x, %x : MATRIX",
    ],
    "graph.gradients": [
        """%r:2 = graph.gradients of (%s, %v) wrt (%x, %w) seeds (_, %v) stop (%y)
      {aggregation = #graph.aggregation<tree>, gate = #graph.gate<graph>, unconnected = #graph.unconnected<zero>,
       colocate, scope = "g"}
      : (tensor<f32>, VECTOR, MATRIX, !graph.ref<MATRIX>, VECTOR, tensor<?x3xf32>) -> (MATRIX, MATRIX)""",
        "graph.gradients of () wrt () : () -> ()",
    ],
    "graph.kernel": [
        """%r = graph.kernel %x, %v schedule {kind = "pointwise", vector = 16 : i64} : (MATRIX, VECTOR) -> MATRIX {
  ^bb0(%a: MATRIX, %b: VECTOR):
    %0 = graph.add %a, %b : (MATRIX, VECTOR) -> MATRIX
    graph.yield %0 : MATRIX
  }""",
    ],
}

INSIDE_OTHERS = frozenset({"graph.condition", "graph.yield"})
"""Terminators: the examples of the operations around them show them."""


def spelled_out(text: str) -> str:
    """An example, or `ARGUMENTS`, with the aliases replaced by the types that they stand for."""
    for alias, type_ in ALIASES.items():
        text = re.sub(rf"\b{alias}\b", type_, text)
    return text


def program(example: str) -> str:
    """A function around an example, which gives it every value that examples use."""
    return spelled_out(f"func.func @main({ARGUMENTS}) {{\n  {example}\n  func.return\n}}")
