"""Cases of gathers and scatters."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.by_index.gather_nd import GatherNd, ScatterNd
from pullback.dialects.graph.by_index.take_along_axis import AddAlongAxis, TakeAlongAxis
from pullback.dialects.graph.by_index.tensor_scatter import IsLast, TensorScatterAdd, TensorScatterUpdate
from pullback.tests.ops.case import Case, Sampler


def below(n: int) -> Sampler:
    """Integers from -1, which is out of range, up to `n`, which is so too."""
    return lambda rng, shape: rng.integers(-1, n + 1, shape)


def _gather_nd(params: Any, indices: Any) -> Any:
    depth = indices.shape[-1]
    result = np.zeros((*indices.shape[:-1], *params.shape[depth:]), params.dtype)
    for at in np.ndindex(*indices.shape[:-1]):
        row = tuple(map(int, indices[at]))
        if all(0 <= i < n for i, n in zip(row, params.shape, strict=False)):
            result[at] = params[row]
    return result


def _scatter(tensor: Any, indices: Any, updates: Any, add: bool) -> Any:
    result = tensor.copy()
    for at in np.ndindex(*indices.shape[:-1]):
        row = tuple(map(int, indices[at]))
        if all(0 <= i < n for i, n in zip(row, tensor.shape, strict=False)):
            result[row] = result[row] + updates[at] if add else updates[at]
    return result


def _is_last(indices: Any) -> Any:
    rows = [tuple(r) for r in indices.reshape(-1, indices.shape[-1])]
    return np.array([r not in rows[i + 1 :] for i, r in enumerate(rows)]).reshape(indices.shape[:-1])


def _take(x: Any, indices: Any, axis: int) -> Any:
    result = np.zeros(indices.shape, x.dtype)
    for at in np.ndindex(*indices.shape):
        source = list(at)
        source[axis] = int(indices[at])
        if 0 <= source[axis] < x.shape[axis]:
            result[at] = x[tuple(source)]
    return result


CASES: dict[str, list[Case]] = {
    "graph.gather_nd": [
        Case(("3x4x2xf64", "5x2xi32"), GatherNd.of, _gather_nd, (None, below(4))),
        Case(("3x4xf64", "2x2x2xi64"), GatherNd.of, _gather_nd, (None, below(3))),
        Case(("?x4xf64", "?x1xi32"), GatherNd.of, _gather_nd, (None, below(3))),
        Case(("0x2xf64", "3x1xi32"), GatherNd.of, _gather_nd, (None, below(2))),
    ],
    "graph.scatter_nd": [
        Case(
            ("5x2xi32", "5x3xf64"),
            lambda i, u: ScatterNd.to(i, u, (2, 3, 3)),
            lambda i, u: _scatter(np.zeros((2, 3, 3)), i, u, add=True),
            (below(3), None),
        ),
        Case(
            ("?x1xi32", "?x2xf64"),
            lambda i, u: ScatterNd.to(i, u, (4, 2)),
            lambda i, u: _scatter(np.zeros((4, 2)), i, u, add=True),
            (below(4), None),
        ),
    ],
    "graph.tensor_scatter_add": [
        Case(
            ("3x2xf64", "4x1xi32", "4x2xf64"),
            TensorScatterAdd.of,
            lambda t, i, u: _scatter(t, i, u, add=True),
            (None, below(3), None),
        )
    ],
    "graph.tensor_scatter_update": [
        Case(
            ("3x2xf64", "6x1xi32", "6x2xf64"),
            TensorScatterUpdate.of,
            lambda t, i, u: _scatter(t, i, u, add=False),
            (None, below(3), None),
        ),
        Case(
            ("2x3xf64", "5x2xi64", "5xf64"),
            TensorScatterUpdate.of,
            lambda t, i, u: _scatter(t, i, u, add=False),
            (None, below(3), None),
        ),
    ],
    "graph.is_last": [
        Case(("7x2xi32",), IsLast.of, _is_last, (below(1),), orders=()),
        Case(("2x3x1xi32",), IsLast.of, _is_last, (below(2),), orders=()),
        Case(("0x2xi32",), IsLast.of, _is_last, orders=()),
    ],
    "graph.take_along_axis": [
        Case(
            ("2x5xf64", "2x3xi32"),
            lambda x, i: TakeAlongAxis.over(x, i, 1),
            lambda x, i: _take(x, i, 1),
            (None, below(5)),
        ),
        Case(
            ("?x2xf64", "4x2xi64"),
            lambda x, i: TakeAlongAxis.over(x, i, 0),
            lambda x, i: _take(x, i, 0),
            (None, below(3)),
        ),
        Case(
            ("0x2xf64", "1x2xi64"),
            lambda x, i: TakeAlongAxis.over(x, i, 0),
            lambda x, i: _take(x, i, 0),
        ),
    ],
    "graph.add_along_axis": [
        Case(
            ("2x3xi32", "2x3xf64", "2x5xf64"),
            lambda i, u, x: AddAlongAxis.like(i, u, x, 1) * x,
            None,
            (below(5), None, None),
        )
    ],
}

X, V3, I41, I42 = "tensor<2x3xf32>", "tensor<3xf32>", "tensor<4x1xi32>", "tensor<4x2xi32>"

BROKEN = [
    ("dtype_c4", f"%x: {X}", f"graph.gather_nd %x, %x : {X}"),
    ("indices_c1", f"%x: {X}, %i: tensor<?xi32>", f"graph.gather_nd %x, %i : ({X}, tensor<?xi32>) -> {X}"),
    ("indices_c1", "%i: tensor<i32>", "graph.is_last %i : (tensor<i32>) -> tensor<i1>"),
    ("indices_c2", f"%x: tensor<2xf32>, %i: {I42}", f"graph.gather_nd %x, %i : (tensor<2xf32>, {I42}) -> {X}"),
    ("updates_c1", f"%u: {V3}, %i: {I41}", f"graph.scatter_nd %i, %u : ({I41}, {V3}) -> tensor<5xf32>"),
    ("dtype_c2", f"%u: tensor<4xf64>, %i: {I41}", f"graph.scatter_nd %i, %u : ({I41}, tensor<4xf64>) -> tensor<5xf32>"),
    ("indices_c3", f"%x: {X}, %i: {I41}", f"graph.take_along_axis %x, %i {{axis = 1 : i64}} : ({X}, {I41}) -> {X}"),
]  # fmt: skip
