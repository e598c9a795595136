"""The operations that `operations.py` times, in Pullback."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from operation_arrays import COLUMNS, ROWS

import pullback as pb

_POINTWISE = """abs acos acosh asin asinh atan atanh cos cosh digamma elu erf erfc exp exp2 expm1 lgamma log log10 log1p
log2 reciprocal rsqrt selu sigmoid silu sin sinh softplus softsign sqrt square tan tanh"""
_PAIRS = "atan2 divide hypot logaddexp maximum pow remainder xlogy"
_ALONG = "cumprod cumsum log_softmax logsumexp max mean norm prod softmax sort std sum"
_OF_SHORT_ROWS = "logsumexp max softmax"

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(pb, name) for name in f"{_POINTWISE} {_PAIRS}".split()},
    **{f"{name}, rows": partial(getattr(pb, name), axis=1) for name in _ALONG.split()},
    **{f"{name}, columns": partial(getattr(pb, name), axis=0) for name in _ALONG.split()},
    **{f"{name}, short rows": partial(getattr(pb, name), axis=1) for name in _OF_SHORT_ROWS.split()},
    "gelu": lambda x: pb.gelu(x, approximate=False),
    "pow 3": lambda x: pb.pow(x, 3.0),
    "pow 1.7": lambda x: pb.pow(x, 1.7),
    "clip": lambda x: pb.clip(x, -0.5, 0.5),
    "where": lambda x: pb.where(x > 0, x, x * 0.1),
    "flip": lambda x: pb.flip(x, 1),
    "roll": lambda x: pb.roll(x, 17, 1),
    "pad": lambda x: pb.pad(x, [[1, 2], [3, 4]]),
    "tile": lambda x: pb.tile(x, (2, 3)),
    "repeat": lambda x: pb.repeat(x, 3, axis=1),
    "concat": lambda x: pb.concat([x, x * 2.0, x], axis=1),
    "stack": lambda x: pb.stack([x, x * 2.0], axis=2),
    "transpose": lambda x: pb.transpose(x, (1, 0)) * 2.0,
    "every third": lambda x: x[:, ::3],
    "differences": lambda x: x[1:] - x[:-1],
    "gather of rows": lambda x: pb.gather(x, pb.constant(ROWS)),
    "gather of columns": lambda x: pb.gather(x, pb.constant(COLUMNS), axis=1),
    "take_along_axis": lambda x: pb.take_along_axis(x, pb.argsort(x, 1), 1),
    "top_k": lambda x: pb.top_k(x, 5)[0],
    "tril": pb.tril,
    "outer": lambda x: pb.outer(x[:, 0], x[:, 1]),
    "matrix times vector": lambda x: x @ x[0],
    "vector times matrix": lambda x: x[:, 0] @ x,
    "weighted sums of rows": lambda x: pb.sum(x * x[0], -1),
    "weighted sums of columns": lambda x: pb.sum(x * x[:, :1], 0),
    "argmax, short rows": lambda x: pb.take_along_axis(x, pb.expand_dims(pb.argmax(x, 1), 1), 1),
    "transpose of four axes": lambda x: pb.transpose(x, (0, 3, 1, 2)) * 2.0,
    "weighted sums of rows of a square": lambda x: pb.sum(x * x[0], -1),
    "products of a column and a row of a square": lambda x: x[:, :1] @ x[:1],
    "gram": lambda x: pb.transpose(x, (1, 0)) @ x,
    "cholesky": pb.cholesky,
    "solve": pb.solve,
    "triangular solve": lambda a, b: pb.triangular_solve(pb.tril(a), b),
    "inv": pb.inv,
    "det": pb.det,
    "slogdet": lambda x: pb.slogdet(x)[1],
    "qr": lambda x: pb.qr(x)[1],
    "eigvalsh": lambda x: pb.eigvalsh((x + x.mT) * 0.5),
    "svdvals": pb.svdvals,
}


def compiled(operation: Callable[..., Any], arrays: list[Any]) -> Callable[[], list[Any]]:
    """The sum of squares of an operation's result, with its gradients."""
    with pb.Graph():
        inputs = [pb.placeholder(a.dtype, a.shape) for a in arrays]
        value = pb.sum(pb.square(operation(*inputs)))
        gradients = [pb.identity(gradient) for gradient in pb.gradients(value, inputs)]  # slices made dense
        step = pb.compile(inputs, [value, *gradients], target="cpu")
    return lambda: [np.asarray(result) for result in step(*arrays)]
