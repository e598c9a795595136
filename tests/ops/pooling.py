"""Cases of pooling, against plain loops over windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.windows.average_pooling import AvgPool2D, AvgPool2DGradient
from pullback.dialects.graph.windows.pooling import (
    MaxPool2D,
    MaxPool2DGradient,
    MaxPool2DSelect,
)
from pullback.dialects.graph.windows.windows import Padding, Pair
from pullback.tests.ops.case import Case, Sampler
from pullback.tests.ops.loops import WindowLoops

VALID: Padding = ((0, 0), (0, 0))
Window = tuple[Pair, Pair, Padding]
WINDOWS: list[tuple[str, Window]] = [
    ("2x4x4x2xf64", ((2, 2), (2, 2), VALID)),
    ("1x5x7x3xf64", ((2, 3), (1, 2), "SAME")),
    ("1x5x4x1xf64", ((3, 3), (2, 1), ((2, 0), (1, 1)))),
    ("?x?x5x2xf64", ((3, 2), (3, 3), "SAME")),
    ("0x4x4x2xf64", ((2, 2), (2, 2), VALID)),
    ("1x3x17x1xf64", ((3, 17), (1, 1), VALID)),
    ("1x9x7x2xf64", ((5, 4), (2, 1), "SAME")),
    ("1x2x102x1xf64", ((1, 51), (1, 51), VALID)),
    ("1x1x53x1xf64", ((1, 51), (1, 1), VALID)),
]
"""The last ones in two passes, as tiles of many places, and by the host."""


def _first_largest(values: Any) -> Any:
    """1 at the first largest element along the first axis."""
    return (np.arange(len(values))[:, None, None] == np.argmax(values, axis=0)).astype(float)


def _average(values: Any) -> Any:
    return np.full(values.shape, 1 / len(values))


def _signs_and_ties(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice([-np.inf, -1.0, 0.0, 2.0, np.nan], shape)


def _negative(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return -1 - rng.permutation(np.prod(shape)).reshape(shape)


def _max(
    type_: str, window: Window, sampler: Sampler | None = None, orders: tuple[int, ...] = (1, 2)
) -> Case:
    size, strides, padding = window
    loops = WindowLoops(strides, padding)
    return Case(
        (type_,),
        lambda x: MaxPool2D.apply(x, size, strides, padding),
        lambda x: loops.pooled(x, size, lambda values: np.max(values, axis=0)),
        (sampler,),
        orders,
    )


def _max_gradient(
    type_: str, window: Window, sampler: Sampler | None = None, orders: tuple[int, ...] = (1, 2)
) -> Case:
    """dy is what is pooled from another image."""
    size, strides, padding = window
    loops = WindowLoops(strides, padding)

    def body(x: Tensor, other: Tensor) -> Tensor:
        dy = AvgPool2D.apply(other, size, strides, padding)
        return MaxPool2DGradient.of(x, dy, **_of_max(x, window))

    def reference(x: Any, other: Any) -> Any:
        dy = loops.pooled(other, size, lambda values: np.mean(values, axis=0))
        return loops.spread(x, dy, size, _first_largest)

    return Case((type_, type_), body, reference, (sampler,), orders)


def _of_max(x: Tensor, window: Window) -> Any:
    return MaxPool2D.apply(x, *window).op.properties


def _select(type_: str, window: Window) -> Case:
    size, strides, padding = window
    loops = WindowLoops(strides, padding)

    def reference(x: Any, other: Any) -> Any:
        both = np.concatenate([x, other], axis=3)

        def selected(values: Any) -> Any:
            mine, others = np.split(values, 2, axis=2)
            one = np.sum(others * _first_largest(mine), axis=0)
            return np.concatenate([one, one], axis=1)

        return np.split(loops.pooled(both, size, selected), 2, axis=3)[0]

    return Case(
        (type_, type_), lambda x, other: MaxPool2DSelect.of(x, other, **_of_max(x, window)), reference
    )


def _avg(type_: str, window: Window) -> Case:
    size, strides, padding = window
    loops = WindowLoops(strides, padding)
    return Case(
        (type_,),
        lambda x: AvgPool2D.apply(x, size, strides, padding),
        lambda x: loops.pooled(x, size, lambda values: np.mean(values, axis=0)),
    )


def _avg_gradient(type_: str, window: Window) -> Case:
    size, strides, padding = window
    loops = WindowLoops(strides, padding)

    def body(x: Tensor) -> Tensor:
        y = AvgPool2D.apply(x, size, strides, padding)
        return AvgPool2DGradient.like(y * y, x, y.op.properties)

    def reference(x: Any) -> Any:
        y = loops.pooled(x, size, lambda values: np.mean(values, axis=0))
        return loops.spread(x, y * y, size, _average)

    return Case((type_,), body, reference)


TIES: tuple[str, Window] = ("1x4x5x2xf64", ((2, 2), (1, 2), "SAME"))

CASES: dict[str, list[Case]] = {
    "graph.max_pool2d": [
        *(_max(*case) for case in WINDOWS),
        _max(*TIES, _signs_and_ties, ()),
        _max("1x3x3x1xf64", ((2, 2), (2, 2), "SAME"), _negative),
        _max("1x3x3x1xi32", ((2, 2), (2, 2), "SAME"), _negative),
    ],
    "graph.max_pool2d_gradient": [
        *(_max_gradient(*case) for case in WINDOWS),
        _max_gradient(*TIES, _signs_and_ties, ()),
        _max_gradient("1x3x3x1xf64", ((2, 2), (2, 2), "SAME"), _negative),
    ],
    "graph.max_pool2d_select": [_select(*case) for case in WINDOWS],
    "graph.avg_pool2d": [
        *(_avg(*case) for case in WINDOWS),
        _avg("1x3x4x1xcomplex<f64>", ((2, 2), (1, 2), "SAME")),
    ],
    "graph.avg_pool2d_gradient": [_avg_gradient(*case) for case in WINDOWS],
}

X = "tensor<1x4x4x2xf32>"
WINDOW = "window = array<i64: 2, 2>, strides = array<i64: 2, 2>, padding = array<i64: 0, 0, 0, 0>"


def _broken(label: str, x: str, properties: str = WINDOW) -> tuple[str, str, str]:
    return label, f"%x: {x}", f"graph.max_pool2d %x {{{properties}}} : ({x}) -> {X}"


BROKEN: list[tuple[str, str, str]] = [
    _broken("rank_c4", "tensor<4x4x2xf32>"),
    _broken("dtype_c1", "tensor<1x4x4x2xcomplex<f32>>"),
    _broken("windows_c1", X, WINDOW.replace("window = array<i64: 2, 2>", "window = array<i64: 0, 2>")),
    _broken("windows_c2", X, WINDOW.replace("0, 0, 0, 0", "0, 0, 0")),
    _broken("windows_c3", X, WINDOW.replace("array<i64: 0, 0, 0, 0>", '"FULL"')),
    _broken("windows_c4", "tensor<1x1x4x2xf32>"),
    _broken("windows_c5", X, WINDOW.replace("0, 0, 0, 0", "2, 0, 0, 0")),
    (
        "gradient_c1",
        f"%x: {X}, %dy: tensor<1x2x3x2xf32>",
        f"graph.max_pool2d_gradient %x, %dy {{{WINDOW}}} : ({X}, tensor<1x2x3x2xf32>) -> {X}",
    ),
    (
        "dtype_c2",
        f"%x: {X}, %dy: tensor<1x2x2x2xf64>",
        f"graph.max_pool2d_gradient %x, %dy {{{WINDOW}}} : ({X}, tensor<1x2x2x2xf64>) -> {X}",
    ),
    (
        "others_c1",
        f"%x: {X}, %o: tensor<1x4x5x2xf32>",
        f"graph.max_pool2d_select %x, %o {{{WINDOW}}} : ({X}, tensor<1x4x5x2xf32>) -> tensor<1x2x2x2xf32>",
    ),
    (
        "gradient_c1",
        "%dy: tensor<1x3x2x2xf32>",
        f"graph.avg_pool2d_gradient %dy {{{WINDOW}}} : (tensor<1x3x2x2xf32>) -> {X}",
    ),
]
