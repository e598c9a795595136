"""The operations that `operations.py` times, in JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn
from jax.scipy import special
from operation_arrays import COLUMNS, ROWS

_OF_NUMPY = """abs arccos:acos arccosh:acosh arcsin:asin arcsinh:asinh arctan:atan arctanh:atanh cos cosh exp exp2 expm1
log log10 log1p log2 reciprocal sin sinh sqrt square tan tanh arctan2:atan2 divide hypot logaddexp maximum power:pow
remainder"""
_OF_NETWORKS = "elu selu sigmoid silu softplus"
_OF_LAX = "digamma erf erfc lgamma rsqrt"
_OF_AXES = "cumprod cumsum max mean prod sort std sum"
_ALONG: dict[str, Callable[..., Any]] = {
    **{name: getattr(jnp, name) for name in _OF_AXES.split()},
    "log_softmax": nn.log_softmax,
    "logsumexp": special.logsumexp,
    "norm": jnp.linalg.norm,
    "softmax": nn.softmax,
}

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name.split(":")[-1]: getattr(jnp, name.split(":")[0]) for name in _OF_NUMPY.split()},
    **{name: getattr(lax, name) for name in _OF_LAX.split()},
    **{name: getattr(nn, name) for name in _OF_NETWORKS.split()},
    **{f"{name}, rows": partial(f, axis=1) for name, f in _ALONG.items()},
    **{f"{name}, columns": partial(f, axis=0) for name, f in _ALONG.items()},
    **{f"{name}, short rows": partial(_ALONG[name], axis=1) for name in ("logsumexp", "max", "softmax")},
    "softsign": nn.soft_sign,
    "xlogy": special.xlogy,
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "pow 3": lambda x: jnp.power(x, 3.0),
    "pow 1.7": lambda x: jnp.power(x, 1.7),
    "clip": lambda x: jnp.clip(x, -0.5, 0.5),
    "where": lambda x: jnp.where(x > 0, x, x * 0.1),
    "flip": lambda x: jnp.flip(x, 1),
    "roll": lambda x: jnp.roll(x, 17, 1),
    "pad": lambda x: jnp.pad(x, [[1, 2], [3, 4]]),
    "tile": lambda x: jnp.tile(x, (2, 3)),
    "repeat": lambda x: jnp.repeat(x, 3, axis=1),
    "concat": lambda x: jnp.concatenate([x, x * 2.0, x], axis=1),
    "stack": lambda x: jnp.stack([x, x * 2.0], axis=2),
    "transpose": lambda x: x.T * 2.0,
    "every third": lambda x: x[:, ::3],
    "differences": lambda x: x[1:] - x[:-1],
    "gather of rows": lambda x: x[ROWS],
    "gather of columns": lambda x: x[:, COLUMNS],
    "take_along_axis": lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1),
    "top_k": lambda x: lax.top_k(x, 5)[0],
    "tril": jnp.tril,
    "outer": lambda x: jnp.outer(x[:, 0], x[:, 1]),
    "matrix times vector": lambda x: x @ x[0],
    "vector times matrix": lambda x: x[:, 0] @ x,
    "weighted sums of rows": lambda x: jnp.sum(x * x[0], -1),
    "weighted sums of columns": lambda x: jnp.sum(x * x[:, :1], 0),
    "argmax, short rows": lambda x: jnp.take_along_axis(x, jnp.argmax(x, 1)[:, None], 1),
    "transpose of four axes": lambda x: jnp.transpose(x, (0, 3, 1, 2)) * 2.0,
    "weighted sums of rows of a square": lambda x: jnp.sum(x * x[0], -1),
    "products of a column and a row of a square": lambda x: x[:, :1] @ x[:1],
    "gram": lambda x: x.T @ x,
    "cholesky": jnp.linalg.cholesky,
    "solve": jnp.linalg.solve,
    "triangular solve": lambda a, b: jax.scipy.linalg.solve_triangular(jnp.tril(a), b, lower=True),
    "inv": jnp.linalg.inv,
    "det": jnp.linalg.det,
    "slogdet": lambda x: jnp.linalg.slogdet(x)[1],
    "qr": lambda x: jnp.linalg.qr(x)[1],
    "eigvalsh": lambda x: jnp.linalg.eigvalsh((x + x.mT) * 0.5),
    "svdvals": lambda x: jnp.linalg.svd(x, compute_uv=False),
}


def compiled(operation: Callable[..., Any], arrays: list[Any]) -> Callable[[], list[Any]]:
    """The sum of squares of an operation's result, with its gradients."""
    given = [jax.device_put(a) for a in arrays]
    numbers = tuple(range(len(given)))
    step = jax.jit(jax.value_and_grad(lambda *x: jnp.sum(jnp.square(operation(*x))), numbers))

    def call() -> list[Any]:
        value, gradients = jax.block_until_ready(step(*given))
        return [np.asarray(result) for result in (value, *gradients)]

    return call
