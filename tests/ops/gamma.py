"""Cases of the gamma function's logarithm and its derivatives, against SciPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from pullback.dialects.graph.elementwise.gamma import Digamma, Lgamma, Polygamma
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests.ops.case import Case, Sampler


def between_poles(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Numbers of both signs, a quarter or more from the whole ones."""
    return rng.integers(-4, 5, shape) + rng.uniform(0.25, 0.75, shape)


def _cases(
    op: Callable[[Tensor], Tensor], reference: Callable[..., Any], sampler: Sampler | None = between_poles
) -> list[Case]:
    samples = (sampler,)
    return [
        Case(("17xf64",), op, reference, samples),
        Case(("2x?xf64",), op, reference),
        Case(("0xf64",), op, reference),
        Case(("17xf32",), op, lambda x: reference(x.astype(np.float64)), samples, orders=(), tolerance=1e-6),
    ]


def _polygamma(order: int, sampler: Sampler | None = between_poles) -> list[Case]:
    return _cases(lambda x: Polygamma.derived(x, order), partial(special.polygamma, order), sampler)


CASES: dict[str, list[Case]] = {
    "graph.lgamma": _cases(Lgamma.of, special.gammaln),
    "graph.digamma": _cases(Digamma.of, special.digamma),
    "graph.polygamma": [*_polygamma(1), *_polygamma(2), *_polygamma(5, None)],
}

X = "tensor<3xf32>"
BROKEN: list[tuple[str, str, str]] = [
    ("dtype_c1", "%i: tensor<3xi32>", "graph.lgamma %i : tensor<3xi32>"),
    ("dtype_c1", "%z: tensor<3xcomplex<f32>>", "graph.digamma %z : tensor<3xcomplex<f32>>"),
    ("dtype_c1", "%i: tensor<3xi32>", "graph.polygamma %i {order = 1 : i64} : tensor<3xi32>"),
    ("order_c1", f"%x: {X}", f"graph.polygamma %x {{order = 0 : i64}} : {X}"),
    ("order_c1", f"%x: {X}", f"graph.polygamma %x {{order = 101 : i64}} : {X}"),
]
