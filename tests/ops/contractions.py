"""Cases of contractions, of interleaving and of mosaics."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.movement.interleaving import Interleave
from pullback.dialects.graph.movement.mosaic import Mosaic
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.tensor.attributes import integers
from pullback.tests.ops.case import Case


def dims(rank: int) -> list[Affine]:
    """The dims of a contraction."""
    return [Affine.dim(rank, d) for d in range(rank)]


def _windows(x: Any, filters: Any) -> Any:
    """Windows of 3, two elements of a window two apart, the next one 2 further: a convolution along one axis."""
    made = [np.einsum("njc,jco->no", x[:, at : at + 5 : 2], filters) for at in range(0, 5, 2)]
    return np.stack(made, axis=1)


def _convolution() -> Case:
    n, w, o, j, c = dims(5)
    return Case(
        ("2x9x3xf64", "3x3x4xf64"),
        lambda a, b: Contract.at((a, b), ((n, w * 2 + j * 2, c), (j, c, o)), (2, 3, 4), (3, 3)),
        _windows,
    )


def _in_batches() -> Case:
    """The dims of the batch are neither first nor neighbours."""
    m, g, o, k = dims(4)
    return Case(
        ("5x2x3xf64", "3x2x4xf64"),
        lambda a, b: Contract.at((a, b), ((m, g, k), (k, g, o)), (5, 2, 4), (3,)),
        lambda a, b: np.einsum("mgk,kgo->mgo", a, b),
    )


def _backwards() -> Case:
    """From the last term to the first, of every other row from the second on; the second factor has a diagonal."""
    m, n, k = dims(3)
    return Case(
        ("7x4xf64", "4x4xf64"),
        lambda a, b: Contract.at((a, b), ((m * 2 + 1, 3 - k), (k, n)), (3, 4), (4,)),
        lambda a, b: a[1::2, ::-1] @ b,
    )


def _interleaved(*pieces: Any) -> Any:
    whole = np.zeros((5, 5))
    for number, piece in enumerate(pieces):
        whole[number // 3 :: 2, number % 3 :: 3] = piece
    return whole


CASES: dict[str, list[Case]] = {
    "graph.contract": [_convolution(), _in_batches(), _backwards()],
    "graph.interleave": [
        Case(
            ("3x2xf64", "3x2xf64", "3x1xf64", "2x2xf64", "2x2xf64", "2x1xf64"),
            lambda *pieces: Interleave.at(pieces, (2, 3)),
            _interleaved,
        ),
        Case(
            ("2xf32", "1xf32"),
            lambda a, b: Interleave.at((a, b), (2,)),
            lambda a, b: np.array([a[0], b[0], a[1]]),
        ),
    ],
    "graph.mosaic": [
        Case(
            ("2x3xf64", "2x1xf64", "1x4xf64"),
            lambda *pieces: Mosaic.of(*pieces, offsets=integers([0, 0, 0, 3, 2, 0])),
            lambda a, b, c: np.block([[a, b], [c]]),
        ),
        Case(
            ("2x3x1xf64",),
            lambda a: Mosaic.around(a, ((1, 0), (2, 1), (0, 3)), 1.5),
            lambda a: np.pad(a, ((1, 0), (2, 1), (0, 3)), constant_values=1.5),
        ),
    ],
}

A, B, Y = "tensor<4x3xf32>", "tensor<3x2xf32>", "tensor<4x2xf32>"
LHS, RHS = "affine_map<(m, n, k) -> (m, k)>", "affine_map<(m, n, k) -> (k, n)>"


def _broken(
    label: str, maps: str = f"{LHS}, {RHS}", reduce: str = "3", a: str = A, more: str = ""
) -> tuple[str, str, str]:
    properties = (
        f"{{parallel = array<i64: 4, 2>, reduce = array<i64: {reduce}>, indexing_maps = [{maps}]{more}}}"
    )
    return label, f"%a: {a}, %b: {B}", f"graph.contract %a, %b {properties} : ({a}, {B}) -> {Y}"


def _piece(label: str, steps: str, second: str = "tensor<1x3xf32>") -> tuple[str, str, str]:
    types = f"(tensor<2x3xf32>, {second}) -> tensor<3x3xf32>"
    return (
        label,
        f"%a: tensor<2x3xf32>, %b: {second}",
        f"graph.interleave %a, %b {{steps = array<i64: {steps}>}} : {types}",
    )


def _mosaic(label: str, offsets: str, second: str = "tensor<1x3xf32>") -> tuple[str, str, str]:
    types = f"(tensor<2x3xf32>, {second}) -> tensor<3x3xf32>"
    return (
        label,
        f"%a: tensor<2x3xf32>, %b: {second}",
        f"graph.mosaic %a, %b {{offsets = array<i64: {offsets}>}} : {types}",
    )


BROKEN: list[tuple[str, str, str]] = [
    _broken("shape_c3", a="tensor<?x3xf32>"),
    _broken("dtype_c2", a="tensor<4x3xf64>"),
    _broken("extents_c2", reduce="-1"),
    _broken("maps_c1", maps=LHS),
    _broken("maps_c2", maps=f"{LHS}, affine_map<(m, n, k) -> (k + 1, n)>"),
    _broken("maps_c2", maps=f"affine_map<(m, n, k) -> (m mod 2, k)>, {RHS}"),
    _broken("maps_c3", maps=f"affine_map<(m, n, k) -> (n, k)>, {RHS}"),
    _broken("nonzero_c4", more=", nonzero = array<i64: 0, 4>"),
    _broken("nonzero_c4", more=", nonzero = array<i64: 0, 4, 0, 4>"),
    _broken("nonzero_c4", more=", nonzero = array<i64: 0, 4, 2, 1>"),
    _broken("one_in_c5", more=", one_in = array<i64: 2>"),
    _broken("one_in_c5", more=", one_in = array<i64: 3, 1>"),
    _broken("one_in_c5", more=", one_in = array<i64: 0>"),
    _piece("steps_c1", "3, 1"),
    _piece("steps_c2", "2"),
    _piece("steps_c3", "2, 1", "tensor<2x2xf32>"),
    _mosaic("mosaic_c2", "0, 0, 2"),
    _mosaic("mosaic_c3", "0, 0, 2, 0", "tensor<?x3xf32>"),
    _mosaic("mosaic_c4", "0, 0, 1, 0"),
    _mosaic("mosaic_c5", "0, 0, 2, 1"),
]
