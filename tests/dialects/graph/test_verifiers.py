"""Each verifier refuses what breaks its constraint, and says which one by its label."""

from __future__ import annotations

import re

import pytest
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.context import context
from pullback.dialects.graph import OPS
from pullback.dialects.ir.source import parse
from pullback.tests.ops import collected

X, V, S = "tensor<2x3xf32>", "tensor<3xf32>", "tensor<f32>"
REF = f"!graph.ref<{X}>"
P = f"!graph.slices<tensor<4x3xf32>, tensor<4xi32>, {X}>"

BROKEN = [
    ("rank_c1", "%x: tensor<1x1x1x1x1x1x1x1x1xf32>", "graph.tanh %x : tensor<1x1x1x1x1x1x1x1x1xf32>"),
    ("dtype_c1", "%x: tensor<3xi32>", "graph.tanh %x : tensor<3xi32>"),
    ("dtype_c1", "%x: tensor<3xi1>", "graph.add %x, %x : tensor<3xi1>"),
    ("dtype_c1", "%x: tensor<3xi1>", "graph.sum %x {axes = array<i64: 0>} : (tensor<3xi1>) -> tensor<i1>"),
    ("dtype_c2", f"%x: {X}, %y: tensor<2x3xf64>", f"graph.add %x, %y : ({X}, tensor<2x3xf64>) -> {X}"),
    ("dtype_c2", f"%c: tensor<i1>, %x: {X}, %y: tensor<i32>", f"graph.where %c, %x, %y : (tensor<i1>, {X}, tensor<i32>) -> {X}"),
    ("dtype_c3", f"%x: {X}", f"graph.where %x, %x, %x : ({X}, {X}, {X}) -> {X}"),
    ("dtype_c4", f"%x: {X}", f"graph.gather %x, %x : ({X}, {X}) -> tensor<2x3x3xf32>"),
    ("broadcast_c1", f"%x: {X}, %y: tensor<2xf32>", f"graph.add %x, %y : ({X}, tensor<2xf32>) -> {X}"),
    ("broadcast_c2", f"%x: {X}", f"graph.broadcast_to %x : ({X}) -> tensor<4x3xf32>"),
    ("broadcast_c2", f"%x: {X}", f"graph.sum_to %x : ({X}) -> tensor<2xf32>"),
    ("results_c2", f"%x: {X}", f"graph.exp %x : ({X}) -> tensor<3x2xf32>"),
    ("results_c2", f"%x: {X}", f"graph.sum %x {{axes = array<i64: 1>}} : ({X}) -> {V}"),
    ("results_c1", f"%x: {X}", f"graph.split %x {{axis = 1 : i64, sizes = array<i64: 1, 2>}} : ({X}) -> tensor<2x1xf32>"),
    ("axes_c1", f"%x: {X}", f"graph.sum %x {{axes = array<i64: 2>}} : ({X}) -> {X}"),
    ("axes_c1", f"%x: {X}", f"graph.max %x {{axes = array<i64: 1, 0>}} : ({X}) -> {S}"),
    ("axes_c1", f"%x: {V}", f"graph.expand_dims %x {{axes = array<i64: 3>}} : ({V}) -> tensor<3x1xf32>"),
    ("axis_c1", f"%x: {X}", f"graph.split %x {{axis = 2 : i64, sizes = array<i64: 1>}} : ({X}) -> {X}"),
    ("sizes_c1", f"%x: {X}", f"graph.split %x {{axis = 0 : i64, sizes = array<i64: 1>}} : ({X}) -> tensor<1x3xf32>"),
    ("concat_c1", f"%x: {X}", f"graph.concat {{axis = 0 : i64}} : () -> {X}"),
    ("concat_c2", f"%x: {X}, %y: tensor<2x2xf32>", f"graph.concat %x, %y {{axis = 0 : i64}} : ({X}, tensor<2x2xf32>) -> {X}"),
    ("permutation_c1", f"%x: {X}", f"graph.transpose %x {{permutation = array<i64: 0, 0>}} : ({X}) -> {X}"),
    ("shape_c1", f"%x: {X}", f"graph.cast %x : ({X}) -> tensor<6xi32>"),
    ("shape_c1", f"%x: {X}", f"graph.broadcast_to %x : ({X}) -> tensor<?x2x3xf32>"),
    ("shape_c2", "%n: tensor<3xi64>", "graph.fill %n {value = 1.0 : f32} : (tensor<3xi64>) -> tensor<?xf32>"),
    ("shape_c3", f"%x: {X}", f"graph.reshape %x : ({X}) -> tensor<5xf32>"),
    ("value_c1", "", "graph.fill {value = 1 : i32} : tensor<2xf32>"),
    ("rank_c2", f"%x: {V}", f"graph.matmul %x, %x : ({V}, {V}) -> {S}"),
    ("inner_c1", f"%x: {X}", f"graph.matmul %x, %x : ({X}, {X}) -> tensor<2x3xf32>"),
    ("rank_c3", f"%x: {S}, %i: tensor<2xi32>", f"graph.gather %x, %i : ({S}, tensor<2xi32>) -> tensor<2xf32>"),
    ("variable_c1", "", 'graph.variable {variable = "w"} : !graph.ref<tensor<?xf32>>'),
    ("variable_c3", f"%w: {REF}, %v: {V}", f"graph.assign %w, %v : {REF}, {V}"),
    ("variable_c4", f"%w: {REF}, %p: {P}", f"graph.assign %w, %p : {REF}, {P}"),
    ("variable_c5", f"%w: {REF}, %x: {X}", f"graph.scatter_update %w, %x : {REF}, {X}"),
    ("variable_c6", "%w: !graph.ref<tensor<i1>>, %x: tensor<i1>", "graph.assign_add %w, %x : !graph.ref<tensor<i1>>, tensor<i1>"),
    ("dtype_c4", f"%w: {REF}, %x: {V}", f"graph.read_rows %w, %x : ({REF}, {V}) -> tensor<3x3xf32>"),
    ("slices_c8", f"%v: {V}, %p: {P}", f"graph.replace_rows %v, %p : ({V}, {P}) -> {V}"),
    ("rank_c4", "%i: tensor<2x2xi32>", "graph.unique %i : (tensor<2x2xi32>) -> (tensor<2x2xi32>, tensor<2x2xi32>)"),
    ("dtype_c5", f"%x: {V}", f"graph.unique %x : ({V}) -> ({V}, {V})"),
    ("sum_c2", f"%x: {X}, %v: {V}", f"graph.add_n %x, %v : ({X}, {V}) -> {X}"),
    ("seeds_c2", f"%x: {X}", f'"graph.gradients"(%x, %x, %x) <{{seed_of = array<i64: 1>, operandSegmentSizes = array<i32: 1, 1, 1, 0>}}> : ({X}, {X}, {X}) -> {X}'),
    ("results_c2", f"%x: {X}, %v: {V}", f"graph.gradients of (%x) wrt (%v) : ({X}, {V}) -> {X}"),
    ("while_c3", f"%x: {X}", f"""graph.while %x : {X} {{
      ^bb0(%a: {X}):
        %c = graph.constant dense<true> : tensor<i1>
        graph.condition %c : tensor<i1>
      }} do {{
      ^bb0(%a: {V}):
        graph.yield %x : {X}
      }}"""),
    ("while_c4", f"%x: {X}", f"""graph.while %x : {X} {{
      ^bb0(%a: {X}):
        graph.condition %a : {X}
      }} do {{
      ^bb0(%a: {X}):
        graph.yield %a : {X}
      }}"""),
    ("kernel_c1", f"%x: {X}", f"""graph.kernel %x : {X} {{
      ^bb0(%a: {V}):
        graph.yield %a : {V}
      }}"""),
    ("stack_c2", f"%k: !graph.stack<{V}>, %x: {X}", f"graph.push %k, %x : (!graph.stack<{V}>, {X}) -> !graph.stack<{V}>"),
]  # fmt: skip
BROKEN.extend(collected.BROKEN)

ALL = [*BROKEN, *collected.BROKEN]


@pytest.mark.parametrize(("label", "arguments", "op"), ALL, ids=[f"{b[0]}-{i}" for i, b in enumerate(ALL)])
def test_broken_constraint_is_named(label: str, arguments: str, op: str) -> None:
    definition = OPS[re.findall(r"graph\.\w+", op)[0]].get_irdl_definition()
    count = len(definition.results)
    results = f"%r{f':{count}' if count > 1 else ''} = " if count else ""
    text = f"func.func @main({arguments}) {{\n  {results}{op}\n  func.return\n}}"
    with pytest.raises(VerifyException, match=label):
        parse(context(), text).module.verify()


def test_slices_type_constraints() -> None:
    for label, type_ in (
        ("slices_c1", "!graph.slices<tensor<4x3xf32>, tensor<4xf32>, tensor<2x3xf32>>"),
        ("slices_c2", "!graph.slices<tensor<4x3xf64>, tensor<4xi32>, tensor<2x3xf32>>"),
        ("slices_c3", "!graph.slices<tensor<4x2xf32>, tensor<4xi32>, tensor<2x3xf32>>"),
    ):
        with pytest.raises(Exception, match=label):
            parse(context(), f"func.func @main(%x: {type_}) {{\n  func.return\n}}")
