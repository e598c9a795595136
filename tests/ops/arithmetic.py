"""Cases of arithmetic beyond sums and products."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.elementwise.arithmetic import (
    Abs,
    Clip,
    Copysign,
    DivNoNan,
    Hypot,
    MulNoNan,
    NextAfter,
    Reciprocal,
    Sign,
    Square,
    SquaredDifference,
)
from pullback.dialects.graph.elementwise.basic import Minimum
from pullback.tests.ops.case import Case, Sampler

Z = "2x3xcomplex<f64>"


def signed(scale: float = 1.0) -> Sampler:
    """Values of both signs, away from 0."""
    return lambda rng, shape: scale * rng.uniform(0.2, 2, shape) * rng.choice([-1, 1], shape)


def above_or_below(rng: np.random.Generator, shape: tuple[int, ...]) -> object:
    """Values that are all larger or all smaller than those that are drawn by default: no tie is near."""
    return rng.choice([0.0, 3.0], shape)


def integers(low: int = -9, high: int = 10) -> Sampler:
    return lambda rng, shape: rng.integers(low, high, shape)


def _one_step(a: Any, b: Any) -> Any:
    """The next number, by its bits: for numbers of one sign they are in order of magnitude."""
    a, b = np.broadcast_arrays(a, b)
    bits = np.int64 if a.dtype == np.float64 else np.int32
    return (a.view(bits) + np.where((b > a) == (a > 0), 1, -1).astype(bits)).view(a.dtype)


CASES: dict[str, list[Case]] = {
    "graph.abs": [
        Case(("2x3xf64",), Abs.of, np.abs, (signed(),)),
        Case((Z,), Abs.of, np.abs),
        Case(("5xi32",), Abs.of, np.abs, (integers(),), orders=()),
    ],
    "graph.sign": [
        Case(("17xf64",), Sign.of, np.sign, (signed(),)),
        Case((Z,), Sign.of, lambda z: z / np.abs(z)),
        Case(("5xi64",), Sign.of, np.sign, (integers(),), orders=()),
    ],
    "graph.square": [
        Case(("2x3xf64",), Square.of, lambda x: x * x),
        Case((Z,), Square.of, lambda x: x * x),
        Case(("?xf64",), Square.of, lambda x: x * x),
        Case(("7xi32",), Square.of, lambda x: x * x, (integers(),), orders=()),
    ],
    "graph.squared_difference": [
        Case(("2x3xf64", "3xf64"), SquaredDifference.of, lambda a, b: (a - b) ** 2),
        Case(("?x3xf64", "?x1xf64"), SquaredDifference.of, lambda a, b: (a - b) ** 2),
    ],
    "graph.reciprocal": [
        Case(("2x3xf64",), Reciprocal.of, lambda x: 1 / x, (signed(),)),
        Case((Z,), Reciprocal.of, lambda x: 1 / x),
    ],
    "graph.div_no_nan": [
        Case(("2x3xf64", "3xf64"), DivNoNan.of, lambda a, b: a / b, (signed(), signed())),
        Case((Z, "3xcomplex<f64>"), DivNoNan.of, lambda a, b: a / b),
    ],
    "graph.mul_no_nan": [
        Case(("2x3xf64", "3xf64"), MulNoNan.of, lambda a, b: a * b, (signed(), signed())),
        Case((Z, "3xcomplex<f64>"), MulNoNan.of, lambda a, b: a * b),
    ],
    "graph.minimum": [
        Case(("2x3xf64", "3xf64"), Minimum.of, lambda a, b: np.where(b < a, b, a), (None, above_or_below)),
        Case(("6xi64", "i64"), Minimum.of, lambda a, b: np.where(b < a, b, a), (integers(),), orders=()),
    ],
    "graph.copysign": [
        Case(
            ("9x3xf64", "3xf64"),
            Copysign.of,
            lambda a, b: np.where((a < 0) == (b < 0), a, -a),
            (signed(), signed()),
        )
    ],
    "graph.nextafter": [
        Case(
            (f"9x3x{dtype}", f"3x{dtype}"),
            NextAfter.of,
            _one_step,
            (signed(), signed()),
            orders=(),
        )
        for dtype in ("f32", "f64")
    ],
    "graph.hypot": [
        Case(("9x3xf64", "3xf64"), Hypot.of, lambda a, b: np.sqrt(a * a + b * b), (signed(), signed())),
        Case(("9x3xf64", "3xf64"), Hypot.of, np.hypot, (signed(1e200), signed(1e200)), orders=()),
        Case(
            ("9x3xf32", "3xf32"),
            Hypot.of,
            np.hypot,
            (signed(1e-30), signed(1e-30)),
            orders=(),
            tolerance=1e-6,
        ),
    ],
    "graph.clip": [
        Case(
            ("4x5xf64", "5xf64", "f64"),
            Clip.of,
            lambda x, low, high: np.where(
                np.where(x > high, high, x) < low, low, np.where(x > high, high, x)
            ),
            (signed(), lambda rng, shape: rng.uniform(-1, -0.5, shape), lambda rng, shape: 1.1),
        ),
        Case(("6xi32",), lambda x: Clip.of(x, -3, 4), lambda x: np.clip(x, -3, 4), (integers(),), orders=()),
    ],
}

V = "tensor<3xf32>"
BROKEN: list[tuple[str, str, str]] = [
    ("dtype_c2", f"%x: {V}, %b: tensor<f64>", f"graph.clip %x, %x, %b : ({V}, {V}, tensor<f64>) -> {V}"),
    ("dtype_c1", "%c: tensor<3xi1>", "graph.clip %c, %c, %c : tensor<3xi1>"),
    (
        "broadcast_c1",
        f"%x: {V}, %y: tensor<2xf32>",
        f"graph.clip %x, %y, %x : ({V}, tensor<2xf32>, {V}) -> {V}",
    ),
    ("dtype_c1", "%i: tensor<3xi32>", "graph.sqrt %i : tensor<3xi32>"),
    ("dtype_c1", f"%x: {V}", f"graph.logical_not %x : ({V}) -> tensor<3xi1>"),
    ("dtype_c1", f"%x: {V}", f"graph.bitwise_and %x, %x : {V}"),
    ("results_c2", f"%x: {V}", f"graph.equal %x, %x : {V}"),
    ("results_c2", "%z: tensor<3xcomplex<f32>>", "graph.abs %z : tensor<3xcomplex<f32>>"),
]
