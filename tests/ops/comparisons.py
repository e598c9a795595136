"""Cases of comparisons, tests and logic."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from pullback.dialects.graph import OPS
from pullback.tests.ops.arithmetic import integers
from pullback.tests.ops.case import Case

SPECIAL = [0.0, -0.0, 1.0, 2.0, np.inf, -np.inf, np.nan, 1e-310, 0.5]


def special(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice(SPECIAL, shape)


def _comparison(name: str, reference: Callable[..., Any], types: tuple[str, ...]) -> list[Case]:
    op = OPS[name]
    samples = {"f": special, "i": integers(0, 3), "c": special}
    return [
        Case((f"9x11x{t}", f"11x{t}"), op.of, reference, (samples[t[0]],) * 2 if t != "i1" else (), orders=())
        for t in types
    ]


ORDERED = ("f64", "f32", "i32", "i64", "i8")

CASES: dict[str, list[Case]] = {
    "graph.equal": _comparison("graph.equal", operator.eq, (*ORDERED, "i1", "complex<f64>")),
    "graph.not_equal": _comparison("graph.not_equal", operator.ne, (*ORDERED, "i1", "complex<f64>")),
    "graph.greater": _comparison("graph.greater", operator.gt, ORDERED),
    "graph.greater_equal": _comparison("graph.greater_equal", operator.ge, ORDERED),
    "graph.less": _comparison("graph.less", operator.lt, ORDERED),
    "graph.less_equal": _comparison("graph.less_equal", operator.le, ORDERED),
    **{
        f"graph.{name}": [
            Case(("99xf32",), OPS[f"graph.{name}"].of, function, (special,), orders=()),
            Case(("99xf64",), OPS[f"graph.{name}"].of, function, (special,), orders=()),
            Case(("17xcomplex<f64>",), OPS[f"graph.{name}"].of, function, (special,), orders=()),
            Case(("5xi32",), OPS[f"graph.{name}"].of, function, orders=()),
        ]
        for name, function in (("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite))
    },
    **{
        f"graph.{name}": [Case(("7x17xi1", "17xi1"), OPS[f"graph.{name}"].of, function, orders=())]
        for name, function in (
            ("logical_and", operator.and_),
            ("logical_or", operator.or_),
            ("logical_xor", operator.ne),
        )
    },
    "graph.signbit": [
        Case(
            (f"99x{dtype}",), OPS["graph.signbit"].of, lambda x: np.copysign(1, x) < 0, (special,), orders=()
        )
        for dtype in ("f32", "f64")
    ],
    "graph.logical_not": [Case(("17xi1",), OPS["graph.logical_not"].of, lambda x: x == 0, orders=())],
}
