"""Which operands a kernel may overwrite with a result."""

from __future__ import annotations

import pytest

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.source import parse
from pullback.passes.lowering.kinds import may_replace

KERNEL = """
{names} = graph.kernel %x, %v schedule<kind = {kind}, parallel = [{parallel}], reduce = [{reduce}]>
    : (tensor<4x4xf32>, tensor<4xf32>) -> {results} {{
^bb0(%a: tensor<4x4xf32>, %b: tensor<4xf32>):
  {body}
  graph.yield {values}
}}
"""
SQUARE, LINE = "tensor<4x4xf32>", "tensor<4xf32>"


def kernel(kind: str, result: str, body: str) -> Kernel:
    parallel, reduce = ("4, 4", "") if kind == "pointwise" else ("4", "4")
    names = ["%y", "%z"] if "%z = " in body else ["%y"]
    types = ", ".join([result] * len(names))
    results = types if len(names) == 1 else f"({types})"
    text = KERNEL.format(
        names=", ".join(names),
        kind=kind,
        parallel=parallel,
        reduce=reduce,
        results=results,
        body=body,
        values=f"{', '.join(names)} : {types}",
    )
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
    "an element of the row, for two results of the row": (
        True,
        "rows",
        LINE,
        f"{SUM} %z = graph.subtract %b, %s : {LINE} %y = graph.tanh %z : {LINE}",
        1,
    ),
    "an element of the row, for the row's result and one after a total": (
        False,
        "rows",
        LINE,
        f"{SUM} %t = graph.sum %s {{axes = array<i64: 0>}} : ({LINE}) -> tensor<f32> "
        f"%y = graph.subtract %b, %s : {LINE} %z = graph.multiply %b, %t : ({LINE}, tensor<f32>) -> {LINE}",
        1,
    ),
    "the row itself, gone through once": (False, "rows", SQUARE, f"{SUM} %y = graph.tanh %a : {SQUARE}", 0),
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


def test_what_every_row_stores_again_is_not_in_place() -> None:
    """`%y` has the extents of a row: each row would read what the one before it has written."""
    text = """
    func.func @f(%x: tensor<4x3xf32>, %v: tensor<3xf32>) {
      %s, %y = graph.kernel %x, %v schedule<kind = rows, parallel = [4], reduce = [3]>
          : (tensor<4x3xf32>, tensor<3xf32>) -> (tensor<4xf32>, tensor<3xf32>) {
      ^bb0(%a: tensor<4x3xf32>, %b: tensor<3xf32>):
        %s = graph.sum %a {axes = array<i64: 1>} : (tensor<4x3xf32>) -> tensor<4xf32>
        %y = graph.tanh %b : tensor<3xf32>
        graph.yield %s, %y : tensor<4xf32>, tensor<3xf32>
      }
      func.return
    }
    """
    (found,) = (op for op in parse(context(), text).module.walk() if isinstance(op, Kernel))
    assert not may_replace(found, 1, 1)
