"""Cases of exponentials, logarithms, roots and powers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from pullback.dialects.graph import OPS
from pullback.dialects.graph.elementwise.exponential import Pow, Rsqrt, Sqrt, Xdivy, Xlogy
from pullback.tests.ops.arithmetic import Z, integers, signed
from pullback.tests.ops.case import Case


def _integer_power(a: Any, b: Any) -> Any:
    """Python's power, wrapped; toward zero where the exponent is negative."""

    def power(x: int, n: int) -> int:
        if n < 0:
            return int(1 / x**-n) if x else 0
        return (pow(x, n, 2**32) + 2**31) % 2**32 - 2**31

    return np.vectorize(power, otypes=[np.int32])(a, b)


CASES: dict[str, list[Case]] = {
    "graph.exp": [Case(("2x3xf64",), OPS["graph.exp"].of, np.exp, (signed(),))],
    "graph.exp2": [
        Case(("2x3xf64",), OPS["graph.exp2"].of, lambda x: 2.0**x, (signed(3),)),
        Case((Z,), OPS["graph.exp2"].of, lambda x: 2.0**x),
    ],
    "graph.expm1": [
        Case(("17xf64",), OPS["graph.expm1"].of, special.expm1, (signed(1e-3),)),
        Case(("17xf64",), OPS["graph.expm1"].of, special.expm1, (signed(),)),
        Case((Z,), OPS["graph.expm1"].of, special.expm1),
    ],
    "graph.log": [Case(("17xf64",), OPS["graph.log"].of, np.log)],
    "graph.log1p": [
        Case(("17xf64",), OPS["graph.log1p"].of, special.log1p, (signed(1e-3),)),
        Case(("17xf64",), OPS["graph.log1p"].of, special.log1p, (signed(0.4),)),
        Case((Z,), OPS["graph.log1p"].of, special.log1p),
    ],
    "graph.log2": [
        Case(("17xf64",), OPS["graph.log2"].of, lambda x: np.log(x) / np.log(2)),
        Case((Z,), OPS["graph.log2"].of, lambda x: np.log(x) / np.log(2)),
    ],
    "graph.log10": [
        Case(("17xf64",), OPS["graph.log10"].of, lambda x: np.log(x) / np.log(10)),
        Case((Z,), OPS["graph.log10"].of, lambda x: np.log(x) / np.log(10)),
    ],
    "graph.sqrt": [
        Case(("2x3xf64",), Sqrt.of, lambda x: x**0.5),
        Case((Z,), Sqrt.of, lambda x: x**0.5),
        Case(("?x3xf64",), Sqrt.of, lambda x: x**0.5),
    ],
    "graph.rsqrt": [
        Case(("2x3xf64",), Rsqrt.of, lambda x: x**-0.5),
        Case((Z,), Rsqrt.of, lambda x: x**-0.5),
    ],
    "graph.pow": [
        Case(("2x3xf64", "3xf64"), Pow.of, lambda a, b: np.exp(b * np.log(a)), (None, signed(2))),
        Case((Z, "3xcomplex<f64>"), Pow.of, lambda a, b: np.exp(b * np.log(a))),
        Case(("3xf64",), lambda x: Pow.of(x, 3), lambda x: x * x * x, (signed(),)),
        Case(("3xf64",), lambda x: Pow.of(x, -1), lambda x: 1 / x, (signed(),)),
        Case(("17x9xi32", "9xi32"), Pow.of, _integer_power, (integers(), integers(-5, 40)), orders=()),
    ],
    "graph.xlogy": [
        Case(("2x3xf64", "3xf64"), Xlogy.of, special.xlogy, (signed(),)),
        Case((Z, "3xcomplex<f64>"), Xlogy.of, special.xlogy),
    ],
    "graph.xdivy": [
        Case(("2x3xf64", "3xf64"), Xdivy.of, lambda a, b: a / b, (signed(), signed())),
        Case((Z, "3xcomplex<f64>"), Xdivy.of, lambda a, b: a / b),
    ],
}
