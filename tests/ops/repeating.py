"""Cases of tile, repeat, flip and roll."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.along_axes.repeating import (
    Flip,
    Repeat,
    RepeatGradient,
    Roll,
    SumOfCopies,
    Tile,
    TileGradient,
)
from pullback.dialects.graph.tensor.attributes import integers
from pullback.tests.ops.case import Case

X = "tensor<2x3xf32>"


def _tile(type_: str, *counts: int) -> Case:
    return Case((type_,), lambda x: Tile.of(x, counts=integers(counts)), lambda x: np.tile(x, counts))


def _repeat(type_: str, *counts: int) -> Case:
    return Case((type_,), lambda x: Repeat.of(x, counts=integers(counts)), lambda x: _repeated(x, counts))


def _repeated(x: Any, counts: tuple[int, ...]) -> Any:
    for axis, count in enumerate(counts):
        x = np.repeat(x, count, axis)
    return x


def _gradient(op: type[SumOfCopies], type_: str, inner: str, *counts: int) -> Case:
    """Sums over copies of a tensor of type `inner`, which gives the result's shape."""

    def reference(x: Any, like: Any) -> Any:
        places = np.arange(like.size).reshape(like.shape)
        copied = np.tile(places, counts) if op is TileGradient else _repeated(places, counts)
        total = np.zeros(like.size, x.dtype)
        np.add.at(total, copied, x)
        return total.reshape(like.shape) * like

    return Case(
        (type_, inner), lambda x, like: op.like(x, like, {"counts": integers(counts)}) * like, reference
    )


def _flip(type_: str, *axes: int) -> Case:
    return Case((type_,), lambda x: Flip.along(x, axes), lambda x: np.flip(x, axes))


def _roll(type_: str, **moves: tuple[int, ...]) -> Case:
    shifts, axes = moves["by"], moves["axes"]
    return Case((type_,), lambda x: Roll.by(x, shifts, axes), lambda x: np.roll(x, shifts, axes))


CASES: dict[str, list[Case]] = {
    "graph.tile": [
        _tile("2x3xf64", 2, 1),
        _tile("2x?xf64", 3, 2),
        _tile("2x3xf64", 0, 2),
        _tile("0x2xf64", 3, 2),
        _tile("1x1x2xcomplex<f64>", 2, 1, 3),
        _tile("1x1x1x1x1x1x1x2xf64", 2, 1, 1, 2, 1, 1, 1, 2),
        _tile("f64"),
        _tile("3xi1", 2),
        _tile("3xf32", 17),
    ],
    "graph.tile_gradient": [
        _gradient(TileGradient, "4x6xf64", "2x3xf64", 2, 2),
        _gradient(TileGradient, "?x2xf64", "?x2xf64", 1, 1),
        _gradient(TileGradient, "0x2xf64", "?x2xf64", 0, 1),
        _gradient(TileGradient, "6xcomplex<f64>", "2xcomplex<f64>", 3),
    ],
    "graph.repeat": [
        _repeat("2x3xf64", 2, 1),
        _repeat("2x?xf64", 3, 2),
        _repeat("2x3xf64", 1, 0),
        _repeat("0x2xf64", 3, 2),
        _repeat("2xcomplex<f64>", 3),
        _repeat("3xui8", 2),
        _repeat("3xf32", 17),
    ],
    "graph.repeat_gradient": [
        _gradient(RepeatGradient, "4x6xf64", "2x3xf64", 2, 2),
        _gradient(RepeatGradient, "?x2xf64", "?x2xf64", 1, 1),
        _gradient(RepeatGradient, "0x2xf64", "?x2xf64", 0, 1),
        _gradient(RepeatGradient, "6xcomplex<f64>", "2xcomplex<f64>", 3),
    ],
    "graph.flip": [
        _flip("2x3xf64", 1),
        _flip("?x3xf64", 0, 1),
        _flip("0x1x2xf64", 0, 2),
        _flip("17xcomplex<f64>", 0),
        _flip("5xi1", 0),
        _flip("3x2xf16", 0),
    ],
    "graph.roll": [
        _roll("2x3xf64", by=(1,), axes=(1,)),
        _roll("?x3xf64", by=(2, -1), axes=(0, 1)),
        _roll("0x3xf64", by=(1, 7), axes=(0, 1)),
        _roll("17xcomplex<f64>", by=(-40,), axes=(0,)),
        _roll("5xi8", by=(2,), axes=(0,)),
    ],
}

BROKEN = [
    ("counts_c1", f"%x: {X}", f"graph.tile %x {{counts = array<i64: 2>}} : ({X}) -> tensor<4x3xf32>"),
    ("counts_c1", f"%x: {X}", f"graph.repeat %x {{counts = array<i64: 2, -1>}} : ({X}) -> tensor<4x3xf32>"),
    (
        "counts_c2",
        f"%x: {X}",
        f"graph.tile_gradient %x {{counts = array<i64: 2, 1>}} : ({X}) -> tensor<2x3xf32>",
    ),
    (
        "dtype_c2",
        f"%x: {X}",
        f"graph.repeat_gradient %x {{counts = array<i64: 2, 1>}} : ({X}) -> tensor<1x3xf64>",
    ),
    ("axes_c1", f"%x: {X}", f"graph.flip %x {{axes = array<i64: 1, 0>}} : {X}"),
    ("shifts_c1", f"%x: {X}", f"graph.roll %x {{axes = array<i64: 0, 1>, shifts = array<i64: 1>}} : {X}"),
]
