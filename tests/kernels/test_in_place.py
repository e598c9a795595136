"""Which operands a kernel may overwrite with a result."""

from __future__ import annotations

import pytest

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.source import parse
from pullback.passes.lowering.kinds import may_replace

KERNEL = """
%y = graph.kernel %x, %v schedule<kind = {kind}, parallel = [{parallel}], reduce = [{reduce}]>
    : (tensor<4x4xf32>, tensor<4xf32>) -> {result} {{
^bb0(%a: tensor<4x4xf32>, %b: tensor<4xf32>):
  {body}
  graph.yield %y : {result}
}}
"""
SQUARE, LINE = "tensor<4x4xf32>", "tensor<4xf32>"


def kernel(kind: str, result: str, body: str) -> Kernel:
    parallel, reduce = ("4, 4", "") if kind == "pointwise" else ("4", "4")
    text = KERNEL.format(kind=kind, parallel=parallel, reduce=reduce, result=result, body=body)
    text = f"func.func @f(%x: {SQUARE}, %v: {LINE}) {{ {text} func.return }}"
    return next(op for op in parse(context(), text).module.walk() if isinstance(op, Kernel))


SUM = f"%s = graph.sum %a {{axes = array<i64: 1>}} : ({SQUARE}) -> {LINE}"
CASES = {
    "read at its own index": (True, "pointwise", SQUARE, f"%y = graph.tanh %a : {SQUARE}", 0),
    "read twice at its own index": (
        True,
        "pointwise",
        SQUARE,
        f"%t = graph.tanh %a : {SQUARE} %y = graph.multiply %t, %a : {SQUARE}",
        0,
    ),
    "read transposed": (
        False,
        "pointwise",
        SQUARE,
        f"%t = graph.transpose %a {{permutation = array<i64: 1, 0>}} : {SQUARE} %y = graph.add %t, %a : {SQUARE}",
        0,
    ),
    "read for every row": (
        False,
        "pointwise",
        SQUARE,
        f"%y = graph.add %a, %b : ({SQUARE}, {LINE}) -> {SQUARE}",
        1,
    ),
    "an element of the row, for the row's result": (
        True,
        "rows",
        LINE,
        f"{SUM} %y = graph.subtract %b, %s : {LINE}",
        1,
    ),
    "the row itself, for the row's result": (False, "rows", LINE, f"{SUM} %y = graph.tanh %s : {LINE}", 0),
    "the row itself, which later stages read again": (
        False,
        "rows",
        SQUARE,
        f"%s = graph.sum %a {{axes = array<i64: 1>, keepdims}} : ({SQUARE}) -> tensor<4x1xf32> "
        f"%y = graph.divide %a, %s : ({SQUARE}, tensor<4x1xf32>) -> {SQUARE}",
        0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_in_place(case: str) -> None:
    expected, kind, result, body, operand = CASES[case]
    assert may_replace(kernel(kind, result, body), operand, 0) is expected
