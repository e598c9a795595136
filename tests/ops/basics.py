"""Cases of the operations that gradients are made of, each against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, f64, i64

from pullback.dialects.graph.by_index.gather import (
    ConcatSlices,
    Densify,
    Gather,
    MakeSlices,
    SliceIndices,
    SliceValues,
)
from pullback.dialects.graph.by_index.take_along_axis import AddAlongAxis
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Identity, Maximum, StopGradient, Where
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape, ShapeOf, Size, SumTo
from pullback.dialects.graph.movement.split_concat import Concat, Split, SplitLike
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.tensor.attributes import integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import tensor_type
from pullback.tests.ops.case import Case
from pullback.tests.ops.gathering import below

AXIS = IntegerAttr(1, i64)
TABLE = np.arange(6.0).reshape(2, 3)


def _rows(table: Any, indices: Any) -> Any:
    zeros = np.zeros(table.shape[1:])
    return np.array([table[i] if 0 <= i < len(table) else zeros for i in indices])


def _added(values: Any, indices: Any, like: Any) -> Any:
    result = np.zeros_like(like)
    for row, i in zip(values, indices, strict=True):
        if 0 <= i < len(like):
            result[i] += row
    return result


def _added_along(indices: Any, updates: Any, like: Any) -> Any:
    result = np.zeros_like(like)
    for row, column in np.ndindex(*indices.shape):
        if 0 <= indices[row, column] < like.shape[1]:
            result[row, indices[row, column]] += updates[row, column]
    return result


def _results(op: Any) -> list[Tensor]:
    return [Tensor(result) for result in op.results]


SLICES = ("4x3xf64", "4xi32", "2x3xf64")
SAMPLES = (None, below(2), None)

CASES: dict[str, list[Case]] = {
    "graph.constant": [Case((), lambda: Constant.from_array(TABLE), lambda: TABLE, orders=())],
    "graph.fill": [
        Case(
            (),
            lambda: Fill.full(2.5, tensor_type(f64, (2, 0, 3))),
            lambda: np.full((2, 0, 3), 2.5),
            orders=(),
        ),
        Case((), lambda: Fill.full(-0.5, tensor_type(f64, (17,))), lambda: np.full(17, -0.5), orders=()),
    ],
    "graph.negative": [
        Case(("17xf64",), lambda x: -x, np.negative),
        Case(("0x2xi32",), lambda x: -x, np.negative),
    ],
    "graph.identity": [Case(("2x3xi1",), Identity.of, lambda x: x, orders=())],
    "graph.copy_to": [Case(("2x3xf64",), lambda x: CopyTo.to(x, "cuda:1"), lambda x: x)],
    "graph.stop_gradient": [Case(("2x3xf64",), StopGradient.of, lambda x: x, orders=())],
    "graph.add": [Case(("2x1xf64", "17xf64"), lambda a, b: a + b, np.add)],
    "graph.subtract": [Case(("1xf64", "0xf64"), lambda a, b: a - b, np.subtract)],
    "graph.maximum": [Case(("17xf64", "1xf64"), Maximum.of, np.maximum)],
    "graph.where": [Case(("17xi1", "17xf64", "f64"), Where.of, np.where)],
    "graph.shape_of": [Case(("?x0xf64",), ShapeOf.of, lambda x: np.array(x.shape), orders=())],
    "graph.size": [Case(("?x17xf64",), Size.of, np.size, orders=())],
    "graph.reshape": [Case(("3x4xf64",), lambda x: Reshape.to(x, (2, 6)), lambda x: x.reshape(2, 6))],
    "graph.broadcast_to": [
        Case(("3x1xf64",), lambda x: BroadcastTo.to(x, (2, 3, 17)), lambda x: np.broadcast_to(x, (2, 3, 17)))
    ],
    "graph.sum_to": [
        Case(("2x3x17xf64",), lambda x: SumTo.to(x, (3, 1)), lambda x: x.sum(axis=(0, 2)).reshape(3, 1))
    ],
    "graph.expand_dims": [
        Case(("2x3xf64",), lambda x: ExpandDims.at(x, (0, 3)), lambda x: np.expand_dims(x, (0, 3)))
    ],
    "graph.transpose": [
        Case(
            ("2x3x5xf64",),
            lambda x: Transpose.of(x, permutation=integers((2, 0, 1))),
            lambda x: np.transpose(x, (2, 0, 1)),
        )
    ],
    "graph.split": [
        Case(
            ("2x5xf64",),
            lambda x: _results(Split.emit([x.value], {"axis": AXIS, "sizes": integers((3, 0, 2))})),
            lambda x: np.split(x, (3, 3), axis=1),
        ),
        Case(
            ("2x?xf64",),
            lambda x: _results(Split.emit([x.value], {"axis": AXIS, "sizes": integers((-1, 1, -1))})),
            lambda x: np.split(x, (1, 2), axis=1),
        ),
    ],
    "graph.concat": [
        Case(
            ("2x1xf64", "2x0xf64", "2x4xf64"),
            lambda *x: Concat.of(*x, axis=AXIS),
            lambda *x: np.concatenate(x, 1),
        )
    ],
    "graph.split_like": [
        Case(
            ("2x5xf64", "1x2xf64", "1x3xf64"),
            lambda x, a, b: _results(SplitLike.emit([x.value, a.value, b.value], {"axis": AXIS})),
            lambda x, a, b: np.split(x, (2,), axis=1),
        )
    ],
    "graph.gather": [Case(("3x2xf64", "17xi64"), Gather.of, _rows, (None, below(3)))],
    "graph.make_slices": [
        Case(SLICES, lambda v, i, d: Densify.of(MakeSlices.make(v, i, d)), _added, SAMPLES),
    ],
    "graph.densify": [
        Case(
            SLICES,
            lambda v, i, d: 2.0 * Densify.of(MakeSlices.make(v, i, d)),
            lambda *x: 2 * _added(*x),
            SAMPLES,
        )
    ],
    "graph.slice_values": [
        Case(SLICES, lambda v, i, d: SliceValues.of(MakeSlices.make(v, i, d)), lambda v, i, d: v, SAMPLES)
    ],
    "graph.slice_indices": [
        Case(
            SLICES,
            lambda v, i, d: SliceIndices.of(MakeSlices.make(v, i, d)),
            lambda v, i, d: i,
            SAMPLES,
            orders=(),
        )
    ],
    "graph.concat_slices": [
        Case(
            SLICES,
            lambda v, i, d: Densify.of(ConcatSlices.of(MakeSlices.make(v, i, d), MakeSlices.make(-v, i, d))),
            lambda v, i, d: np.zeros_like(d),
            SAMPLES,
        )
    ],
    "graph.add_along_axis": [
        Case(
            ("2x4xi32", "2x4xf64", "2x3xf64"),
            lambda i, u, x: AddAlongAxis.like(i, u, x, 1),
            _added_along,
            (below(3), None, None),
        )
    ],
}

BROKEN: list[tuple[str, str, str]] = [
    ("copy_c1", "%x: tensor<3xf32>", "graph.copy_to %x : tensor<3xf32>"),
    (
        "copy_c2",
        "%w: !graph.ref<tensor<3xf32>>",
        'graph.copy_to %w {device = "cpu:0"} : !graph.ref<tensor<3xf32>>',
    ),
]
"""Wrong programs: the label that refuses it, the function's arguments, the operation."""
