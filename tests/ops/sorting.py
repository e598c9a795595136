"""Cases of sorting: argsort, top_k, searchsorted."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.along_axes.sorting import ArgSort, SearchSorted, TopK
from pullback.dialects.graph.tensor.attributes import flag
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case


def _top(x: Tensor, k: int) -> list[Tensor]:
    return [Tensor(r) for r in TopK.emit([x.value], {"k": IntegerAttr(k, i64)}).results]


def _expected(x: Any, k: int) -> list[Any]:
    order = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    return [np.take_along_axis(x, order, -1), order]


def _ascending(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return np.sort(_among(rng, shape))


def _among(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Numbers of which some are the same."""
    return rng.integers(-3, 4, shape)


CASES: dict[str, list[Case]] = {
    "graph.top_k": [
        Case(("2x5xf64",), lambda x: _top(x, 3), lambda x: _expected(x, 3)),
        Case(("?x4xf64",), lambda x: _top(x, 1), lambda x: _expected(x, 1)),
        Case(("7xf64",), lambda x: _top(x, 0), lambda x: _expected(x, 0)),
        Case(("2x5xi32",), lambda x: _top(x, 5), lambda x: _expected(x, 5), orders=()),
    ],
    "graph.searchsorted": [
        Case(
            ("5xf64", "2x3xf64"),
            SearchSorted.of,
            lambda line, x: np.sum(line < x[..., None], -1),
            (_ascending, _among),
            orders=(),
        ),
        Case(
            ("?xi32", "?xi32"),
            lambda line, x: SearchSorted.of(line, x, **flag(True, "right")),
            lambda line, x: np.sum(line <= x[..., None], -1),
            (_ascending, _among),
            orders=(),
        ),
        Case(("0xf64", "3xf64"), SearchSorted.of, lambda line, x: np.zeros(3), orders=()),
    ],
    "graph.argsort": [
        Case(("3x7xf64",), ArgSort.of, lambda x: np.argsort(x, kind="stable"), orders=()),
        Case(
            ("3x7xi32",),
            lambda x: ArgSort.of(x, **flag(True, "descending")),
            lambda x: np.argsort(-x, kind="stable"),
            orders=(),
        ),
        Case(("0xf64",), ArgSort.of, lambda x: np.argsort(x), orders=()),
    ],
}

ROW, ROWS = "tensor<3xf32>", "tensor<2x3xf32>"

BROKEN = [
    ("line_c1", f"%x: {ROWS}", f"graph.searchsorted %x, %x : ({ROWS}, {ROWS}) -> tensor<2x3xi64>"),
    ("dtype_c2", f"%x: {ROW}, %y: tensor<f64>", f"graph.searchsorted %x, %y : ({ROW}, tensor<f64>) -> tensor<i64>"),
    ("rank_c3", "%x: tensor<f32>", "graph.argsort %x : (tensor<f32>) -> tensor<i64>"),
    ("dtype_c1", "%x: tensor<3xcomplex<f32>>", "graph.argsort %x : (tensor<3xcomplex<f32>>) -> tensor<3xi64>"),
    ("k_c1", "%x: tensor<3xf32>", "graph.top_k %x {k = 4 : i64} : (tensor<3xf32>) -> (tensor<4xf32>, tensor<4xi32>)"),
    ("seed_c1", "%x: tensor<3xi64>", "graph.random_bits %x : (tensor<3xi64>) -> tensor<3xi32>"),
    ("dtype_c1", "%x: tensor<2xi64>", "graph.random_uniform %x : (tensor<2xi64>) -> tensor<3xi32>"),
]  # fmt: skip
