"""Cases of softmax: extreme logits, infinities, empty rows."""

from __future__ import annotations

import numpy as np
from scipy import special

from pullback.dialects.graph.along_axes.softmax import LogSoftmax, Softmax
from pullback.tests.ops.case import Case
from pullback.tests.ops.reductions import values

X = "2x3xf64"
EXTREME = values(1e4, -1e4, 1e4 - 1, 0, 1e4, 1e-4)
INFINITE = values(-np.inf, 1, 2, np.nan, 1, 2)


def empty_like(x: np.ndarray) -> np.ndarray:
    """Nothing in, nothing out."""
    return x


CASES: dict[str, list[Case]] = {
    "graph.softmax": [
        Case((X,), lambda x: Softmax.along(x, axis=1), lambda x: special.softmax(x, axis=1)),
        Case((X,), lambda x: Softmax.along(x, axis=0), lambda x: special.softmax(x, axis=0)),
        Case(("?x2x3xf64",), lambda x: Softmax.along(x, axis=-2), lambda x: special.softmax(x, axis=1)),
        Case((X,), lambda x: Softmax.along(x), lambda x: special.softmax(x, axis=1), (EXTREME,), orders=()),
        Case((X,), lambda x: Softmax.along(x), lambda x: special.softmax(x, axis=1), (INFINITE,), orders=()),
        Case(("2x0xf64",), lambda x: Softmax.along(x), empty_like),
        Case(
            ("5x17xf32",),
            lambda x: Softmax.along(x),
            lambda x: special.softmax(x, axis=1),
            orders=(),
            tolerance=1e-6,
        ),
        Case(
            ("17xf16",),
            lambda x: Softmax.along(x),
            lambda x: special.softmax(x, axis=0),
            orders=(),
            tolerance=1e-2,
        ),
        Case(
            ("17xbf16",),
            lambda x: Softmax.along(x),
            lambda x: special.softmax(x.astype(np.float32), axis=0),
            orders=(),
            tolerance=1e-2,
        ),
    ],
    "graph.log_softmax": [
        Case((X,), lambda x: LogSoftmax.along(x, axis=1), lambda x: special.log_softmax(x, axis=1)),
        Case(("?x?xf64",), lambda x: LogSoftmax.along(x, axis=0), lambda x: special.log_softmax(x, axis=0)),
        Case(
            (X,),
            lambda x: LogSoftmax.along(x),
            lambda x: special.log_softmax(x, axis=1),
            (EXTREME,),
            orders=(1,),
        ),
        Case(
            (X,),
            lambda x: LogSoftmax.along(x),
            lambda x: special.log_softmax(x, axis=1),
            (INFINITE,),
            orders=(),
        ),
        Case(("0x3xf64",), lambda x: LogSoftmax.along(x), empty_like),
    ],
}

BROKEN = [
    ("dtype_c1", "%x: tensor<3xi32>", "graph.softmax %x {axis = 0 : i64} : tensor<3xi32>"),
    ("axis_c1", "%x: tensor<3xf32>", "graph.log_softmax %x {axis = 1 : i64} : tensor<3xf32>"),
]
