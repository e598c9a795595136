"""Cases of complex numbers, and of arithmetic on them."""

from __future__ import annotations

import numpy as np

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.elementwise.complex_numbers import Conj, Imag, MakeComplex, Real
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.types import complex128
from pullback.tests.ops.case import Case

Z = "2x3xcomplex<f64>"

CASES: dict[str, list[Case]] = {
    "graph.conj": [Case((Z,), Conj.of, np.conj)],
    "graph.real": [Case((Z,), Real.of, np.real)],
    "graph.imag": [Case((Z,), Imag.of, np.imag)],
    "graph.complex": [Case(("2x3xf64", "3xf64"), MakeComplex.of, lambda a, b: a + 1j * b)],
    "graph.multiply": [Case((Z, "3xcomplex<f64>"), lambda a, b: a * b, lambda a, b: a * b)],
    "graph.divide": [Case((Z, "3xcomplex<f64>"), lambda a, b: a / b, lambda a, b: a / b)],
    "graph.exp": [Case((Z,), Exp.of, np.exp)],
    "graph.log": [Case((Z,), Log.of, np.log)],
    "graph.tanh": [Case((Z,), Tanh.of, np.tanh)],
    "graph.cast": [Case(("3xf64",), lambda x: Cast.to(x, complex128), lambda x: x.astype(np.complex128))],
    "graph.sum": [Case((Z,), lambda z: Sum.over(z, 1), lambda z: z.sum(axis=1))],
    "graph.matmul": [
        Case(
            (Z, "4x3xcomplex<f64>"),
            lambda a, b: MatMul.product(a, b, transpose_b=True),
            lambda a, b: a @ b.T,
        )
    ],
}
