"""Cases of rounding, of the division that rounds down, and of operations on bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.dialects.graph import OPS
from pullback.dialects.graph.elementwise.rounding import Remainder
from pullback.tests.ops.arithmetic import integers, signed
from pullback.tests.ops.case import Case

HALVES = [
    -2.5,
    -1.5,
    -0.5,
    -0.0,
    0.0,
    0.5,
    1.5,
    2.5,
    0.49999999999999994,
    2.0**60,
    1e30,
    np.inf,
    -np.inf,
    np.nan,
]


def halves(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Ties and other special values, and what lies between."""
    return np.where(rng.integers(0, 2, shape) == 0, rng.choice(HALVES, shape), rng.normal(size=shape) * 9)


def _by_python(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """Python's function, which refuses what is not finite."""
    return np.vectorize(lambda x: function(x) if math.isfinite(x) else x, otypes=[np.float64])


def _rounding(name: str, function: Callable[[float], float]) -> list[Case]:
    op = OPS[f"graph.{name}"]
    return [
        Case((f"99x{t}",), op.of, _by_python(function), (halves,), orders=(), tolerance=0)
        for t in ("f64", "f32")
    ] + [Case(("9xi32",), op.of, lambda x: x, (integers(),), orders=())]


def _python(operation: Callable[[Any, Any], Any], by_zero: Any) -> Callable[[Any, Any], Any]:
    """Python's operation on each pair of numbers; what it gives where the divisor is 0."""

    def apply(a: Any, b: Any) -> Any:
        if b == 0:
            return by_zero(a)
        return operation(a, b) if math.isfinite(a) else math.nan

    def on_arrays(a: Any, b: Any) -> Any:
        return np.vectorize(lambda x, y: apply(x, y), otypes=[a.dtype])(a, b)

    return on_arrays


def divisors(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice([0.1, -0.1, 0.3, 2.5, -7.0, 1e-3, np.inf, 0.0], shape)


def _bits(name: str, function: Callable[[Any, Any], Any], types: tuple[str, ...]) -> list[Case]:
    return [
        Case((f"17x9x{t}", f"9x{t}"), OPS[f"graph.{name}"].of, function, (integers(),) * 2, orders=())
        for t in types
    ]


def _shift(width: int, function: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    def wrapped(a: Any, b: Any) -> int:
        shifted = function(int(a), int(b) if 0 <= b < width else width)
        return (shifted + (1 << width - 1)) % (1 << width) - (1 << width - 1)

    return lambda a, b: np.vectorize(wrapped, otypes=[a.dtype])(a, b)


def _shifts(name: str, function: Callable[[int, int, int], int]) -> list[Case]:
    return [
        Case(
            (f"9x16xi{width}", f"16xi{width}"),
            OPS[f"graph.{name}"].of,
            _shift(width, lambda a, b, width=width: function(a, b, width)),
            (integers(-(2 ** (width - 1)), 2 ** (width - 1)), integers(-3, width + 3)),
            orders=(),
        )
        for width in (8, 32, 64)
    ]


CASES: dict[str, list[Case]] = {
    "graph.floor": _rounding("floor", math.floor),
    "graph.ceil": _rounding("ceil", math.ceil),
    "graph.round": [
        *_rounding("round", round),
        Case(
            ("9xcomplex<f64>",),
            OPS["graph.round"].of,
            lambda x: np.vectorize(lambda z: complex(round(z.real), round(z.imag)))(x),
            (lambda rng, shape: rng.integers(-9, 9, shape) / 2 + 1j * rng.integers(-9, 9, shape) / 2,),
            orders=(),
        ),
    ],
    "graph.trunc": _rounding("trunc", math.trunc),
    "graph.floor_divide": [
        Case(
            ("17x9xi32", "9xi32"),
            OPS["graph.floor_divide"].of,
            _python(lambda a, b: a // b, lambda a: 0),
            (integers(), integers(-2, 3)),
            orders=(),
        ),
        Case(
            ("17x9xf64", "9xf64"),
            OPS["graph.floor_divide"].of,
            _python(lambda a, b: a // b, lambda a: math.copysign(math.inf, a) if a == a and a else math.nan),
            (halves, divisors),
            orders=(),
        ),
    ],
    "graph.remainder": [
        Case(
            ("17x9xi64", "9xi64"),
            Remainder.of,
            _python(lambda a, b: a % b, lambda a: 0),
            (integers(), integers(-2, 3)),
            orders=(),
        ),
        Case(
            ("17x9xf64", "9xf64"),
            Remainder.of,
            _python(lambda a, b: a % b, lambda a: math.nan),
            (halves, divisors),
            orders=(),
        ),
        Case(("2x3xf64", "3xf64"), Remainder.of, lambda a, b: a - b * np.floor(a / b), (signed(5), signed())),
    ],
    "graph.bitwise_and": _bits("bitwise_and", lambda a, b: a & b, ("i32", "i64", "i8", "i1")),
    "graph.bitwise_or": _bits("bitwise_or", lambda a, b: a | b, ("i32", "i64", "i8", "i1")),
    "graph.bitwise_xor": _bits("bitwise_xor", lambda a, b: a ^ b, ("i32", "i64", "i8", "i1")),
    "graph.bitwise_invert": [
        Case(("9xi32",), OPS["graph.bitwise_invert"].of, lambda x: -1 - x, (integers(),), orders=()),
        Case(("9xi1",), OPS["graph.bitwise_invert"].of, lambda x: x == 0, orders=()),
    ],
    "graph.bitwise_left_shift": _shifts("bitwise_left_shift", lambda a, b, width: a << b),
    "graph.bitwise_right_shift": _shifts("bitwise_right_shift", lambda a, b, width: a >> b),
    "graph.right_shift_logical": _shifts("right_shift_logical", lambda a, b, width: (a % (1 << width)) >> b),
}
