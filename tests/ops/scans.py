"""Cases of scans, of zeros among their elements too."""

from __future__ import annotations

from typing import Any

import numpy as np

from pullback.dialects.graph.along_axes.scans import CumLogSumExp, CumProd, CumSum, LinearRecurrence
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.tests.ops.case import Case
from pullback.tests.ops.reductions import ZEROS, values

EXTREME = values(1e4, -1e4, 1e4 - 1, 0, 1e4, 1e-4)

X = "2x3xf64"


def shifted(x: Any, axis: int, first: float) -> Any:
    """`x` moved by one along an axis."""
    start = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), first, x.dtype)
    return np.delete(np.concatenate([start, x], axis), -1, axis)


def recurrence(a: Any, b: Any) -> Any:
    """Along the last axis, written out as sums of products."""
    n = a.shape[-1]
    terms = [[b[..., j] * np.prod(a[..., j + 1 : i + 1], axis=-1) for j in range(i + 1)] for i in range(n)]
    return np.stack([sum(t) for t in terms], axis=-1) if n else b


def backward(x: Any) -> Any:
    """The last axis in the other direction."""
    return x[..., ::-1]


CASES: dict[str, list[Case]] = {
    "graph.cumsum": [
        Case((X,), lambda x: CumSum.scan(x, axis=1), lambda x: x.cumsum(axis=1)),
        Case((X,), lambda x: CumSum.scan(x, axis=-2, reverse=True), lambda x: x[::-1].cumsum(axis=0)[::-1]),
        Case(
            ("?x3xf64",),
            lambda x: CumSum.scan(x, axis=0, exclusive=True),
            lambda x: shifted(x.cumsum(axis=0), 0, 0),
        ),
        Case(
            (X,),
            lambda x: CumSum.scan(x, exclusive=True, reverse=True),
            lambda x: backward(shifted(backward(x).cumsum(axis=1), 1, 0)),
        ),
        Case(("2x0xf64",), lambda x: CumSum.scan(x, axis=1, exclusive=True), lambda x: x),
        Case(("17xi8",), lambda x: CumSum.scan(x, axis=0), lambda x: x.cumsum(dtype=np.int8), orders=()),
        Case(("2x3xcomplex<f64>",), lambda x: CumSum.scan(x), lambda x: x.cumsum(axis=1)),
        Case(("3xbf16",), lambda x: CumSum.scan(x), lambda x: x.cumsum(), orders=()),
    ],
    "graph.cumprod": [
        Case((X,), lambda x: CumProd.scan(x, axis=1), lambda x: x.cumprod(axis=1)),
        Case((X,), lambda x: CumProd.scan(x, axis=1), lambda x: x.cumprod(axis=1), (ZEROS,)),
        Case(
            (X,),
            lambda x: CumProd.scan(x, axis=0, exclusive=True),
            lambda x: shifted(x.cumprod(axis=0), 0, 1),
            (ZEROS,),
        ),
        Case(
            (X,),
            lambda x: CumProd.scan(x, reverse=True),
            lambda x: backward(backward(x).cumprod(axis=1)),
            (ZEROS,),
        ),
        Case(
            ("?x?xf64",),
            lambda x: CumProd.scan(x, exclusive=True, reverse=True),
            lambda x: backward(shifted(backward(x).cumprod(axis=1), 1, 1)),
        ),
        Case(("0x3xf64",), lambda x: CumProd.scan(x, axis=0, exclusive=True), lambda x: x),
        Case(("2x3xcomplex<f64>",), lambda x: CumProd.scan(x), lambda x: x.cumprod(axis=1)),
        Case(("4xi32",), lambda x: CumProd.scan(x), lambda x: x.cumprod(dtype=np.int32), orders=()),
    ],
    "graph.cumulative_logsumexp": [
        Case((X,), lambda x: CumLogSumExp.scan(x, axis=1), lambda x: np.log(np.exp(x).cumsum(axis=1))),
        Case(
            (X,),
            lambda x: CumLogSumExp.scan(x, axis=0, reverse=True),
            lambda x: np.log(np.exp(x)[::-1].cumsum(axis=0))[::-1],
        ),
        Case(
            ("?x3xf64",),
            lambda x: Exp.of(CumLogSumExp.scan(x, exclusive=True)),
            lambda x: shifted(np.exp(x).cumsum(axis=1), 1, 0),
        ),
        Case(
            (X,),
            lambda x: CumLogSumExp.scan(x),
            lambda x: np.logaddexp.accumulate(x, axis=1),
            (EXTREME,),
            orders=(1,),
        ),
        Case(
            (X,),
            lambda x: Exp.of(CumLogSumExp.scan(x)),
            lambda x: np.exp(x).cumsum(axis=1),
            (values(-np.inf, -np.inf, 1, 0, 1, 2),),
            orders=(),
        ),
        Case(("0x3xf64",), lambda x: CumLogSumExp.scan(x, axis=0), lambda x: x),
    ],
    "graph.linear_recurrence": [
        Case((X, X), lambda a, b: LinearRecurrence.scan(a, b, axis=1), recurrence),
        Case(
            (X, X),
            lambda a, b: LinearRecurrence.scan(a, b, axis=1, reverse=True),
            lambda a, b: backward(recurrence(backward(a), backward(b))),
            (ZEROS,),
        ),
        Case(
            (X, "2x?xf64"),
            lambda a, b: LinearRecurrence.scan(a, b, axis=1, exclusive=True),
            lambda a, b: shifted(recurrence(a, b), 1, 0),
        ),
        Case(
            (X, X),
            lambda a, b: LinearRecurrence.scan(a, b, exclusive=True, reverse=True),
            lambda a, b: backward(shifted(recurrence(backward(a), backward(b)), 1, 0)),
        ),
        Case(("2x0xf64", "2x0xf64"), lambda a, b: LinearRecurrence.scan(a, b), lambda a, b: b),
        Case(("1x2xcomplex<f64>", "1x2xcomplex<f64>"), lambda a, b: LinearRecurrence.scan(a, b), recurrence),
    ],
}

V = "tensor<3xf32>"
BROKEN = [
    ("axis_c1", "%x: tensor<3xf32>", "graph.cumsum %x {axis = 1 : i64} : tensor<3xf32>"),
    ("axis_c1", "%x: tensor<f32>", "graph.cumprod %x {axis = 0 : i64} : tensor<f32>"),
    ("dtype_c1", "%x: tensor<3xi1>", "graph.cumsum %x {axis = 0 : i64} : tensor<3xi1>"),
    (
        "types_c1",
        f"%x: {V}, %y: tensor<1xf32>",
        f"graph.linear_recurrence %x, %y {{axis = 0 : i64}} : ({V}, tensor<1xf32>) -> {V}",
    ),
]
