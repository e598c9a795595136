"""Cases of bands and diagonals of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.linear_algebra.matrices import MatrixBandPart, MatrixDiag, MatrixDiagPart
from pullback.dialects.graph.movement.shapes import ShapeOf
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case


def _band(type_: str, lower: int | None, upper: int | None) -> Case:
    def reference(x: Any) -> Any:
        kept = x if upper is None else np.tril(x, upper)
        return kept if lower is None else np.triu(kept, -lower)

    return Case((type_,), lambda x: MatrixBandPart.within(x, lower, upper), reference)


def _part(type_: str, offset: int) -> Case:
    return Case((type_,), lambda x: MatrixDiagPart.at(x, offset), lambda x: _diagonal(x, offset))


def _diagonal(x: Any, offset: int) -> Any:
    """Element by element."""
    rows, columns = x.shape[-2:]
    places = [(i, i + offset) for i in range(rows) if 0 <= i + offset < columns]
    if not places:
        return np.zeros((*x.shape[:-2], 0), x.dtype)
    return np.stack([x[..., i, j] for i, j in places], axis=-1)


def _diag(type_: str, shape: tuple[int, ...], offset: int = 0) -> Case:
    def reference(x: Any) -> Any:
        y = np.zeros(shape, x.dtype)
        for k in range(x.shape[-1]):
            y[..., k + max(-offset, 0), k + max(offset, 0)] = x[..., k]
        return y

    return Case((type_,), lambda x: MatrixDiag.to(x, shape, offset), reference)


def _diag_as_other(x: Tensor, other: Tensor) -> Tensor:
    return MatrixDiag.to(x, (DYNAMIC_INDEX,) * 2, 0, ShapeOf.of(other))


CASES: dict[str, list[Case]] = {
    "graph.matrix_band_part": [
        _band("3x3xf64", 0, 0),
        _band("2x4x3xf64", None, 0),
        _band("2x3x5xf64", 1, None),
        _band("3x3xf64", None, -1),
        _band("3x4xf64", -1, 2),
        _band("?x?xf64", 1, 1),
        _band("0x3x3xf64", 0, None),
        _band("300x300xf64", 2, 3),
        _band("3x3xcomplex<f64>", 0, None),
        _band("3x3xi32", 0, 1),
        _band("3x3xi1", None, 0),
    ],
    "graph.matrix_diag_part": [
        _part("3x3xf64", 0),
        _part("2x4x3xf64", -1),
        _part("2x3x5xf64", 2),
        _part("3x3xf64", 3),
        _part("?x?x2xf64", 0),
        _part("0x0xf64", 0),
        _part("3x3xcomplex<f64>", 1),
    ],
    "graph.matrix_diag": [
        _diag("3xf64", (3, 3)),
        _diag("2x3xf64", (2, 4, 4), 1),
        _diag("2x3xf64", (2, 5, 4), -2),
        _diag("0xf64", (0, 0)),
        _diag("3xcomplex<f64>", (3, 3)),
        Case(("?xf64", "?x?xf64"), _diag_as_other, lambda x, other: np.diag(x)),
    ],
}

X, V = "tensor<2x3xf32>", "tensor<3xf32>"

BROKEN: list[tuple[str, str, str]] = [
    ("rank_c6", f"%v: {V}", f"graph.matrix_band_part %v : {V}"),
    ("rank_c6", f"%v: {V}", f"graph.matrix_diag_part %v {{offset = 0 : i64}} : ({V}) -> tensor<1xf32>"),
    ("diagonal_c1", f"%v: {V}", f"graph.matrix_diag %v {{offset = 0 : i64}} : ({V}) -> {X}"),
    ("dtype_c2", f"%v: {V}", f"graph.matrix_diag %v {{offset = 1 : i64}} : ({V}) -> tensor<4x4xf64>"),
    ("shape_c1", f"%v: {V}", f"graph.matrix_diag %v {{offset = 0 : i64}} : ({V}) -> tensor<?x?xf32>"),
]
