"""Cases of the operations that gradients themselves are made of."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64

from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.by_index.gather import ConcatSlices, Densify, Gather, MakeSlices, SliceValues
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Cast, Identity, Maximum, Where
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.markers import (
    Accumulate,
    AddN,
    Backward,
    Gate,
    GradientResults,
    SumGradients,
)
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape, SumTo
from pullback.dialects.graph.movement.split_concat import Concat, SplitLike, split_like
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.arithmetic import above_or_below
from pullback.tests.ops.case import Case

CASES: dict[str, list[Case]] = {
    "graph.negative": [Case(("2x3xf64",), lambda x: -x)],
    "graph.exp": [Case(("2x3xf64",), Exp.of)],
    "graph.log": [Case(("2x3xf64",), Log.of)],
    "graph.tanh": [Case(("2x3xf64",), Tanh.of)],
    "graph.identity": [Case(("3xf64",), Identity.of)],
    "graph.cast": [Case(("3xf64",), lambda x: Cast.emit_as([x.value], x.type))],
    "graph.add": [
        Case(("2x3xf64", "3xf64"), lambda a, b: a + b),
        Case(("?x3xf64", "?x3xf64"), lambda a, b: a + b),
    ],
    "graph.subtract": [Case(("2x1xf64", "1x3xf64"), lambda a, b: a - b)],
    "graph.multiply": [
        Case(("2x3xf64", "3xf64"), lambda a, b: a * b),
        Case(("f64", "2xf64"), lambda a, b: a * b),
        Case(("?xf64", "1xf64"), lambda a, b: a * b),
    ],
    "graph.divide": [Case(("2x3xf64", "2x1xf64"), lambda a, b: a / b)],
    "graph.maximum": [Case(("2x3xf64", "3xf64"), Maximum.of, samples=(None, above_or_below))],
    "graph.where": [Case(("4xi1", "4xf64", "1xf64"), Where.of)],
    "graph.sum": [
        Case(("2x3xf64",), lambda x: Sum.over(x, 1)),
        Case(("2x3xf64",), lambda x: Sum.over(x, (0, 1))),
        Case(("?x3xf64",), lambda x: Sum.over(x, 0, keepdims=True)),
    ],
    "graph.max": [
        Case(("2x4xf64",), lambda x: Max.over(x, 1)),
        Case(("?x3xf64",), lambda x: Max.over(x, 0, keepdims=True)),
    ],
    "graph.broadcast_to": [Case(("3xf64",), lambda x: BroadcastTo.to(x, (2, 3)))],
    "graph.sum_to": [Case(("2x3xf64",), lambda x: SumTo.to(x, (3,)))],
    "graph.reshape": [
        Case(("2x3xf64",), lambda x: Reshape.to(x, (3, 2))),
        Case(("?x2xf64",), lambda x: Reshape.to(x, (DYNAMIC_INDEX,))),
    ],
    "graph.expand_dims": [Case(("?x2xf64",), lambda x: ExpandDims.at(x, (0, 2)))],
    "graph.transpose": [Case(("2x3x2xf64",), lambda x: Transpose.of(x, permutation=integers((1, 2, 0))))],
    "graph.split": [Case(("5x2xf64",), lambda x: split_like(x, [_rows(x, 2), _rows(x, 3)], 0)[1])],
    "graph.split_like": [
        Case(
            ("?x2xf64",),
            lambda x: Tensor(SplitLike.emit([x.value, x.value], {"axis": IntegerAttr(0, i64)}).results[0]),
        )
    ],
    "graph.concat": [
        Case(("2x2xf64", "1x2xf64"), lambda a, b: Concat.of(a, b, axis=IntegerAttr(0, i64))),
        Case(("?x2xf64", "1x2xf64"), lambda a, b: Concat.of(a, b, axis=IntegerAttr(0, i64))),
    ],
    "graph.matmul": [
        Case(("2x3xf64", "3x4xf64"), MatMul.product),
        Case(("3x2xf64", "3x4xf64"), lambda a, b: MatMul.product(a, b, True, False)),
        Case(("2x3xf64", "4x3xf64"), lambda a, b: MatMul.product(a, b, False, True)),
        Case(("3x2xf64", "4x3xf64"), lambda a, b: MatMul.product(a, b, True, True)),
    ],
    "graph.gather": [
        Case(("2x3xf64", "4xi32"), Gather.of),
        Case(("2x3xf64", "2x2xi64"), Gather.of),
        Case(("?x3xf64", "?xi32"), Gather.of),
    ],
    "graph.make_slices": [
        Case(("4x3xf64", "4xi32", "2x3xf64"), lambda v, i, d: Densify.of(MakeSlices.make(v, i, d)))
    ],
    "graph.densify": [
        Case(("4x3xf64", "4xi32", "2x3xf64"), lambda v, i, d: Densify.of(MakeSlices.make(v, i, d)) * d)
    ],
    "graph.slice_values": [
        Case(("4xf64", "4xi32", "2xf64"), lambda v, i, d: SliceValues.of(MakeSlices.make(v, i, d)))
    ],
    "graph.concat_slices": [
        Case(
            ("4xf64", "4xi32", "2xf64"),
            lambda v, i, d: Densify.of(
                ConcatSlices.of(MakeSlices.make(v, i, d), MakeSlices.make(v * v, i, d))
            ),
        )
    ],
    "graph.sum_gradients": [
        Case(("3xf64", "3xf64"), SumGradients.of),
        Case(("2xf64", "4xf64", "4xi32"), lambda d, v, i: SumGradients.of(d, MakeSlices.make(v, i, d))),
        Case(
            ("2xf64", "4xf64", "4xi32"),
            lambda d, v, i: Densify.of(
                SumGradients.of(MakeSlices.make(v, i, d), MakeSlices.make(v * v, i, d))
            ),
        ),
    ],
    "graph.add_n": [Case(("3xf64", "3xf64", "3xf64"), AddN.of)],
    "graph.accumulate": [Case(("3xf64", "3xf64"), Accumulate.of)],
    "graph.backward": [Case(("3xf64", "2xf64"), lambda a, b: Backward.mark([a, b])[0])],
    "graph.gradient_results": [Case(("3xf64", "2xf64"), lambda a, b: GradientResults.mark([a, b])[1])],
    "graph.gate": [Case(("3xf64", "2xf64"), lambda a, b: Gate.mark([a, b])[0])],
}


def _rows(x: Tensor, count: int) -> Tensor:
    return Constant.from_array(np.zeros((count, *x.extents[1:])))
