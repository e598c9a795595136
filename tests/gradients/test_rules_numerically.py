"""Every rule against finite differences, orders 1 and 2, by random projection, static and dynamic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph import OPS
from pullback.dialects.graph.creation import Constant
from pullback.dialects.graph.elementwise import Cast, Exp, Identity, Log, Maximum, Tanh, Where
from pullback.dialects.graph.indexing import ConcatSlices, Densify, Gather, MakeSlices, SliceValues
from pullback.dialects.graph.linalg import MatMul
from pullback.dialects.graph.markers import (
    Accumulate,
    AddN,
    Backward,
    Gate,
    GradientResults,
    SumGradients,
    dense,
)
from pullback.dialects.graph.pieces import Concat, SplitLike, split_like
from pullback.dialects.graph.policies import Unconnected
from pullback.dialects.graph.reductions import Max, Sum
from pullback.dialects.graph.shapes import BroadcastTo, ExpandDims, Reshape, SumTo, Transpose, integers
from pullback.dialects.graph.value import Tensor
from pullback.passes.gradients.registry import State, state_of
from pullback.tests.graphs import Function, build, sample

CASES: dict[str, list[tuple[tuple[str, ...], Callable[..., Any]]]] = {
    "graph.negative": [(("2x3xf64",), lambda x: -x)],
    "graph.exp": [(("2x3xf64",), Exp.of)],
    "graph.log": [(("2x3xf64",), Log.of)],
    "graph.tanh": [(("2x3xf64",), Tanh.of)],
    "graph.identity": [(("3xf64",), Identity.of)],
    "graph.cast": [(("3xf64",), lambda x: Cast.emit_as([x.value], x.type))],
    "graph.add": [(("2x3xf64", "3xf64"), lambda a, b: a + b), (("?x3xf64", "?x3xf64"), lambda a, b: a + b)],
    "graph.subtract": [(("2x1xf64", "1x3xf64"), lambda a, b: a - b)],
    "graph.multiply": [
        (("2x3xf64", "3xf64"), lambda a, b: a * b),
        (("f64", "2xf64"), lambda a, b: a * b),
        (("?xf64", "1xf64"), lambda a, b: a * b),
    ],
    "graph.divide": [(("2x3xf64", "2x1xf64"), lambda a, b: a / b)],
    "graph.maximum": [(("2x3xf64", "3xf64"), Maximum.of)],
    "graph.where": [(("4xi1", "4xf64", "1xf64"), Where.of)],
    "graph.sum": [
        (("2x3xf64",), lambda x: Sum.over(x, 1)),
        (("2x3xf64",), lambda x: Sum.over(x, (0, 1))),
        (("?x3xf64",), lambda x: Sum.over(x, 0, keepdims=True)),
    ],
    "graph.max": [
        (("2x4xf64",), lambda x: Max.over(x, 1)),
        (("?x3xf64",), lambda x: Max.over(x, 0, keepdims=True)),
    ],
    "graph.broadcast_to": [(("3xf64",), lambda x: BroadcastTo.to(x, (2, 3)))],
    "graph.sum_to": [(("2x3xf64",), lambda x: SumTo.to(x, (3,)))],
    "graph.reshape": [
        (("2x3xf64",), lambda x: Reshape.to(x, (3, 2))),
        (("?x2xf64",), lambda x: Reshape.to(x, (DYNAMIC_INDEX,))),
    ],
    "graph.expand_dims": [(("?x2xf64",), lambda x: ExpandDims.at(x, (0, 2)))],
    "graph.transpose": [(("2x3x2xf64",), lambda x: Transpose.of(x, permutation=integers((1, 2, 0))))],
    "graph.split": [(("5x2xf64",), lambda x: split_like(x, [_rows(x, 2), _rows(x, 3)], 0)[1])],
    "graph.split_like": [
        (
            ("?x2xf64",),
            lambda x: Tensor(SplitLike.emit([x.value, x.value], {"axis": IntegerAttr(0, i64)}).results[0]),
        )
    ],
    "graph.concat": [
        (("2x2xf64", "1x2xf64"), lambda a, b: Concat.of(a, b, axis=IntegerAttr(0, i64))),
        (("?x2xf64", "1x2xf64"), lambda a, b: Concat.of(a, b, axis=IntegerAttr(0, i64))),
    ],
    "graph.matmul": [
        (("2x3xf64", "3x4xf64"), MatMul.product),
        (("3x2xf64", "3x4xf64"), lambda a, b: MatMul.product(a, b, True, False)),
        (("2x3xf64", "4x3xf64"), lambda a, b: MatMul.product(a, b, False, True)),
        (("3x2xf64", "4x3xf64"), lambda a, b: MatMul.product(a, b, True, True)),
    ],
    "graph.gather": [
        (("2x3xf64", "4xi32"), Gather.of),
        (("2x3xf64", "2x2xi64"), Gather.of),
        (("?x3xf64", "?xi32"), Gather.of),
    ],
    "graph.make_slices": [
        (("4x3xf64", "4xi32", "2x3xf64"), lambda v, i, d: Densify.of(MakeSlices.make(v, i, d)))
    ],
    "graph.densify": [
        (("4x3xf64", "4xi32", "2x3xf64"), lambda v, i, d: Densify.of(MakeSlices.make(v, i, d)) * d)
    ],
    "graph.slice_values": [
        (("4xf64", "4xi32", "2xf64"), lambda v, i, d: SliceValues.of(MakeSlices.make(v, i, d)))
    ],
    "graph.concat_slices": [
        (
            ("4xf64", "4xi32", "2xf64"),
            lambda v, i, d: Densify.of(
                ConcatSlices.of(MakeSlices.make(v, i, d), MakeSlices.make(v * v, i, d))
            ),
        )
    ],
    "graph.sum_gradients": [
        (("3xf64", "3xf64"), SumGradients.of),
        (("2xf64", "4xf64", "4xi32"), lambda d, v, i: SumGradients.of(d, MakeSlices.make(v, i, d))),
        (
            ("2xf64", "4xf64", "4xi32"),
            lambda d, v, i: Densify.of(
                SumGradients.of(MakeSlices.make(v, i, d), MakeSlices.make(v * v, i, d))
            ),
        ),
    ],
    "graph.add_n": [(("3xf64", "3xf64", "3xf64"), AddN.of)],
    "graph.accumulate": [(("3xf64", "3xf64"), Accumulate.of)],
    "graph.backward": [(("3xf64", "2xf64"), lambda a, b: Backward.mark([a, b])[0])],
    "graph.gradient_results": [(("3xf64", "2xf64"), lambda a, b: GradientResults.mark([a, b])[1])],
    "graph.gate": [(("3xf64", "2xf64"), lambda a, b: Gate.mark([a, b])[0])],
}
ELSEWHERE = {
    "graph.while": "test_loops.py",
    "graph.push": "test_loops.py",
    "graph.pop": "test_loops.py",
    "graph.read": "test_engine.py",
}


def _rows(x: Tensor, count: int) -> Tensor:
    return Constant.from_array(np.zeros((count, *x.extents[1:])))


def test_every_differentiable_op_is_checked() -> None:
    with_rule = {name for name, op in OPS.items() if state_of(op) is State.RULE}
    assert with_rule == set(CASES) | set(ELSEWHERE)


def test_no_op_is_left_without_a_decision() -> None:
    assert not [name for name, op in OPS.items() if state_of(op) is State.NONE]


@pytest.mark.parametrize(
    ("types", "body"),
    [case for cases in CASES.values() for case in cases],
    ids=[f"{name[6:]}-{i}" for name, cases in CASES.items() for i in range(len(cases))],
)
@pytest.mark.parametrize("order", [1, 2])
def test_rule(types: tuple[str, ...], body: Callable[..., Any], order: int) -> None:
    rng = np.random.default_rng(len(types))
    function = build(types, lambda *xs: Tanh.of(body(*xs)))
    xs = [x for x in function.args if x.dtype == "f64"]
    ys, grads = function.ys, function.ys
    for _ in range(order):
        ys = grads
        found = function.gradients(ys, xs, unconnected=Unconnected.ZERO)
        grads = [g for g in found if g is not None]
    inputs = [sample(rng, x.type) for x in function.args]
    _check_projection(function, ys, grads, inputs, rng)


def _check_projection(
    function: Function, ys: list[Tensor], grads: list[Tensor], inputs: list[Any], rng: np.random.Generator
) -> None:
    """sum over xs of <gradient, direction> against the central difference of sum(ys) along the directions."""
    step = 1e-5
    directions = [rng.standard_normal(x.shape) if x.dtype == np.float64 else None for x in inputs]

    def total(sign: float) -> float:
        moved = [x if d is None else x + sign * step * d for x, d in zip(inputs, directions, strict=True)]
        return float(sum(np.sum(dense(y)) for y in function(*moved, results=ys)))

    expected = (total(1) - total(-1)) / (2 * step)
    values = iter(function(*inputs, results=grads))
    active = [d for d in directions if d is not None]
    got = sum(float(np.sum(dense(g) * d)) for g, d in zip(values, active, strict=True))
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-8)
