"""Cases of trigonometric and hyperbolic functions, and of the error function."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from pullback.dialects.graph import OPS
from pullback.dialects.graph.elementwise.error_function import Gelu
from pullback.tests.ops.arithmetic import Z, signed
from pullback.tests.ops.case import Case, Sampler


def _python(function: Callable[..., Any], complex_function: Callable[..., Any]) -> Callable[..., Any]:
    """Python's function of each element."""
    return lambda x: np.vectorize(complex_function if x.dtype.kind == "c" else function, otypes=[x.dtype])(x)


def beyond_1(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.uniform(1.1, 3, shape)


SAMPLES: dict[str, Sampler] = {
    **dict.fromkeys(("sin", "cos", "tan"), signed(6)),
    **dict.fromkeys(("asin", "acos", "atanh"), signed(0.45)),
    **dict.fromkeys(("atan", "sinh", "cosh", "asinh"), signed(2)),
    "acosh": beyond_1,
}


def _cases(name: str, samples: Sampler) -> list[Case]:
    op, reference = OPS[f"graph.{name}"], _python(getattr(math, name), getattr(cmath, name))
    return [
        Case(("17xf64",), op.of, reference, (samples,)),
        Case((Z,), op.of, reference),
        Case(("17xf32",), op.of, reference, (samples,), orders=(), tolerance=1e-6),
    ]


CASES: dict[str, list[Case]] = {
    **{f"graph.{name}": _cases(name, samples) for name, samples in SAMPLES.items()},
    "graph.atan2": [
        Case(
            ("17x4xf64", "4xf64"),
            OPS["graph.atan2"].of,
            lambda a, b: np.angle(b + 1j * a),
            (signed(), signed()),
        )
    ],
    "graph.erf": [
        Case(("17xf64",), OPS["graph.erf"].of, special.erf, (signed(1.5),)),
        Case(("17xf32",), OPS["graph.erf"].of, special.erf, (signed(1.5),), orders=(), tolerance=1e-6),
    ],
    "graph.erfc": [
        Case(("17xf64",), OPS["graph.erfc"].of, special.erfc, (signed(1.5),)),
        Case(("17xf32",), OPS["graph.erfc"].of, special.erfc, (signed(1.5),), orders=(), tolerance=1e-6),
    ],
    "graph.gelu": [
        Case(("17xf64",), lambda x: Gelu.gated(x, False), lambda x: x * special.ndtr(x), (signed(2),)),
        Case(
            ("17xf64",),
            lambda x: Gelu.gated(x, True),
            lambda x: x / (1 + np.exp(-2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
            (signed(2),),
        ),
    ],
}
