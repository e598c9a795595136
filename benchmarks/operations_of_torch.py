"""The operations that `operations.py` times, in PyTorch, eagerly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from operation_arrays import COLUMNS, ROWS
from torch.nn import functional

_OWN = """abs acos acosh asin asinh atan atanh cos cosh digamma erf erfc exp exp2 expm1 lgamma log log10 log1p log2
reciprocal rsqrt sigmoid sin sinh sqrt square tan tanh atan2 divide hypot logaddexp maximum pow remainder xlogy tril"""
_OF_NETWORKS = "elu selu silu softplus softsign gelu"
_OF_MATRICES = "solve inv det svdvals cholesky"
_OF_AXES = "cumprod cumsum logsumexp mean prod sum"
_ALONG: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in _OF_AXES.split()},
    "max": torch.amax,
    "norm": torch.linalg.norm,
    "std": lambda x, dim: torch.std(x, dim, correction=0),
    "sort": lambda x, dim: torch.sort(x, dim)[0],
    "softmax": torch.softmax,
    "log_softmax": torch.log_softmax,
}

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch, name) for name in _OWN.split()},
    **{name: getattr(functional, name) for name in _OF_NETWORKS.split()},
    **{f"{name}, rows": partial(f, dim=1) for name, f in _ALONG.items()},
    **{f"{name}, columns": partial(f, dim=0) for name, f in _ALONG.items()},
    **{f"{name}, short rows": partial(_ALONG[name], dim=1) for name in ("logsumexp", "max", "softmax")},
    "pow 3": lambda x: torch.pow(x, 3.0),
    "pow 1.7": lambda x: torch.pow(x, 1.7),
    "clip": lambda x: torch.clamp(x, -0.5, 0.5),
    "where": lambda x: torch.where(x > 0, x, x * 0.1),
    "flip": lambda x: torch.flip(x, [1]),
    "roll": lambda x: torch.roll(x, 17, 1),
    "pad": lambda x: functional.pad(x, (3, 4, 1, 2)),
    "tile": lambda x: torch.tile(x, (2, 3)),
    "repeat": lambda x: torch.repeat_interleave(x, 3, 1),
    "concat": lambda x: torch.cat([x, x * 2.0, x], 1),
    "stack": lambda x: torch.stack([x, x * 2.0], 2),
    "transpose": lambda x: x.T * 2.0,
    "every third": lambda x: x[:, ::3],
    "differences": lambda x: x[1:] - x[:-1],
    "gather of rows": lambda x: torch.index_select(x, 0, torch.tensor(ROWS)),
    "gather of columns": lambda x: torch.index_select(x, 1, torch.tensor(COLUMNS)),
    "take_along_axis": lambda x: torch.gather(x, 1, torch.argsort(x, 1)),
    "top_k": lambda x: torch.topk(x, 5)[0],
    "outer": lambda x: torch.outer(x[:, 0], x[:, 1]),
    "matrix times vector": lambda x: x @ x[0],
    "vector times matrix": lambda x: x[:, 0] @ x,
    "weighted sums of rows": lambda x: (x * x[0]).sum(-1),
    "weighted sums of columns": lambda x: (x * x[:, :1]).sum(0),
    "argmax, short rows": lambda x: torch.gather(x, 1, torch.argmax(x, 1)[:, None]),
    "transpose of four axes": lambda x: torch.permute(x, (0, 3, 1, 2)) * 2.0,
    "weighted sums of rows of a square": lambda x: (x * x[0]).sum(-1),
    "products of a column and a row of a square": lambda x: x[:, :1] @ x[:1],
    "gram": lambda x: x.T @ x,
    **{name: getattr(torch.linalg, name) for name in _OF_MATRICES.split()},
    "triangular solve": lambda a, b: torch.linalg.solve_triangular(torch.tril(a), b, upper=False),
    "eigvalsh": lambda x: torch.linalg.eigvalsh((x + x.mT) * 0.5),
    "slogdet": lambda x: torch.linalg.slogdet(x)[1],
    "qr": lambda x: torch.linalg.qr(x)[1],
}


def compiled(operation: Callable[..., Any], arrays: list[Any]) -> Callable[[], list[Any]]:
    """The sum of squares of an operation's result, with its gradients."""
    given = [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]

    def call() -> list[Any]:
        value = operation(*given).square().sum()
        return [value.detach().numpy(), *(g.numpy() for g in torch.autograd.grad(value, given))]

    return call
