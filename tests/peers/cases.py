"""The functions that are compared, and on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import pullback as pb
from pullback.tests.peers.comparison import Array

RNG = np.random.default_rng(20)


@dataclass(frozen=True)
class Case:
    """A function of tensors, and its arguments."""

    function: Callable[..., Any]
    arguments: tuple[Array, ...]


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape)


def inside(*shape: int) -> Array:
    """Between 0 and 1, and away from both."""
    return RNG.uniform(0.1, 0.9, shape)


def complex_normal(*shape: int) -> Array:
    return normal(*shape) + 1j * normal(*shape)


def definite(*shape: int) -> Array:
    """Positive definite matrices."""
    x = normal(*shape)
    return x @ np.swapaxes(x, -1, -2) + 3 * np.eye(shape[-1])


INDICES = np.array([2, 0, 2, 3, 1])
SEGMENTS = np.array([0, 0, 2, 2, 3])
PLACES = np.array([[0, 2], [3, 1], [0, 2]])
CLASSES = np.array([1, 0, 3, 3])
PROBABILITIES = RNG.dirichlet(np.ones(4), 4)

ON_INTERVAL = (
    "acos",
    "asin",
    "atanh",
    "digamma",
    "erf",
    "erfc",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "reciprocal",
    "rsqrt",
    "sqrt",
)
ON_REALS = (
    *(
        "abs",
        "asinh",
        "atan",
        "cos",
        "cosh",
        "elu",
        "exp",
        "exp2",
        "expm1",
        "gelu",
        "leaky_relu",
        "log_sigmoid",
    ),
    *(
        "negative",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "sin",
        "sinh",
        "softplus",
        "softsign",
        "square",
    ),
    *("tan", "tanh"),
)
ON_PAIRS = (
    *("add", "atan2", "copysign", "divide", "hypot", "logaddexp", "maximum", "minimum", "multiply", "pow"),
    *("remainder", "subtract", "xlogy"),
)
COMPLEX = ("cos", "cosh", "exp", "log", "reciprocal", "sin", "sinh", "sqrt", "square", "tanh")
OVER_AXES = ("logsumexp", "max", "mean", "min", "prod", "std", "sum", "var")
ALONG_AXES = ("cumulative_prod", "cumulative_sum", "log_softmax", "softmax", "sort")

ELEMENTWISE = {
    **{name: Case(getattr(pb, name), (inside(3, 5),)) for name in ON_INTERVAL},
    **{name: Case(getattr(pb, name), (2 * normal(3, 5),)) for name in ON_REALS},
    **{name: Case(getattr(pb, name), (inside(3, 1), inside(4))) for name in ON_PAIRS},
    **{f"{name} of complex": Case(getattr(pb, name), (complex_normal(7),)) for name in COMPLEX},
    "acosh": Case(pb.acosh, (1 + inside(5),)),
}
"""Functions whose names elsewhere `docs/names.md` has."""


def over(name: str, axis: int | tuple[int, ...]) -> Case:
    return Case(lambda x: getattr(pb, name)(x, axis=axis), (normal(3, 4, 2),))


def _eigh(x: pb.Tensor) -> list[pb.Tensor]:
    """What does not depend on the phases of vectors: they are weighted, and multiplied with themselves."""
    values, vectors = pb.eigh((x + pb.conj(x.mT)) / 2)
    return [values, (vectors * [1.0, 2.0, 3.0]) @ pb.conj(vectors.mT)]


def _svd(x: pb.Tensor) -> list[pb.Tensor]:
    u, s, vh = pb.svd(x)
    return [s, (u * [1.0, 2.0, 3.0]) @ vh]


CASES: dict[str, Case] = {
    **ELEMENTWISE,
    **{f"{name} over axes": over(name, (0, 2)) for name in OVER_AXES},
    **{f"{name} along an axis": over(name, 1) for name in ALONG_AXES},
    "polygamma": Case(lambda x: pb.polygamma(2, x), (inside(3, 5),)),
    "prod with zeros": Case(lambda x: pb.prod(x, axis=1), (np.array([[2.0, 0.0, 3.0], [0.0, 4.0, 0.0]]),)),
    "softmax_cross_entropy": Case(pb.softmax_cross_entropy_with_logits, (PROBABILITIES, normal(4, 4))),
    "sparse_softmax_cross_entropy": Case(
        lambda x: pb.sparse_softmax_cross_entropy_with_logits(CLASSES, x), (normal(4, 4),)
    ),
    "sigmoid_cross_entropy": Case(
        lambda z, x: pb.sigmoid_cross_entropy_with_logits(labels=z, logits=x),
        (inside(3, 2), 3 * normal(3, 2)),
    ),
    "weighted_cross_entropy": Case(
        lambda z, x: pb.weighted_cross_entropy_with_logits(z, x, 2.5), (inside(3, 2), 3 * normal(3, 2))
    ),
    "layer_norm": Case(pb.layer_norm, (normal(3, 5), normal(5), normal(5))),
    "batch_norm": Case(lambda x, s, o: pb.batch_norm(x, s, o)[0], (normal(4, 3, 2), normal(2), normal(2))),
    "group_norm": Case(lambda x, s, o: pb.group_norm(x, 2, s, o), (normal(2, 3, 4), normal(4), normal(4))),
    "rms_norm": Case(pb.rms_norm, (normal(3, 5), normal(5))),
    "conv2d": Case(pb.conv2d, (normal(2, 5, 6, 3), normal(3, 2, 3, 4))),
    "conv2d same": Case(
        lambda x, f: pb.conv2d(x, f, strides=(2, 3), padding="SAME"), (normal(2, 7, 6, 3), normal(3, 2, 3, 4))
    ),
    "conv2d padded and dilated": Case(
        lambda x, f: pb.conv2d(x, f, strides=2, padding=((1, 2), (0, 3)), dilations=(2, 1)),
        (normal(1, 8, 5, 2), normal(3, 2, 2, 3)),
    ),
    "conv2d in groups": Case(pb.conv2d, (normal(2, 4, 4, 6), normal(2, 2, 3, 4))),
    "conv2d_transpose": Case(
        lambda x, f: pb.conv2d_transpose(x, f, (2, 7, 8, 3), strides=2, padding="VALID"),
        (normal(2, 3, 3, 4), normal(3, 3, 3, 4)),
    ),
    "depthwise_conv2d": Case(
        lambda x, f: pb.depthwise_conv2d(x, f, strides=2, padding="SAME"),
        (normal(2, 5, 6, 3), normal(3, 2, 3, 2)),
    ),
    "max_pool2d": Case(lambda x: pb.max_pool2d(x, (3, 2), (2, 1), "VALID"), (normal(2, 7, 5, 3),)),
    "avg_pool2d": Case(lambda x: pb.avg_pool2d(x, (3, 2), (2, 1), "VALID"), (normal(2, 7, 5, 3),)),
    "avg_pool2d same": Case(lambda x: pb.avg_pool2d(x, 3, 2, "SAME"), (normal(2, 6, 5, 3),)),
    "matmul": Case(pb.matmul, (normal(3, 1, 2, 4), normal(2, 4, 3))),
    "matmul of complex": Case(pb.matmul, (complex_normal(2, 3), complex_normal(3, 4))),
    "einsum": Case(lambda a, b: pb.einsum("bij,bjk->ki", a, b), (normal(2, 3, 4), normal(2, 4, 5))),
    "einsum of a diagonal": Case(
        lambda a, b: pb.einsum("...ii,ij->...j", a, b), (normal(2, 3, 3), normal(3, 4))
    ),
    "einsum of complex": Case(
        lambda a, b: pb.einsum("ij,kj->ik", a, b), (complex_normal(2, 3), complex_normal(4, 3))
    ),
    "cholesky": Case(lambda x: pb.cholesky((x + pb.matrix_transpose(x)) / 2), (definite(2, 3, 3),)),
    "triangular_solve": Case(pb.triangular_solve, (definite(2, 3, 3), normal(2, 3, 4))),
    "triangular_solve upper, adjoint": Case(
        lambda a, b: pb.triangular_solve(a, b, lower=False, adjoint=True), (definite(3, 3), normal(3, 2))
    ),
    "solve": Case(pb.solve, (definite(2, 3, 3), normal(2, 3, 4))),
    "inv": Case(pb.inv, (definite(2, 3, 3),)),
    "inv of complex": Case(pb.inv, (complex_normal(3, 3) + 4 * np.eye(3),)),
    "det": Case(pb.det, (normal(2, 3, 3),)),
    "slogdet": Case(lambda x: pb.slogdet(x)[1], (normal(2, 3, 3),)),
    "slogdet of complex": Case(lambda x: list(pb.slogdet(x)), (complex_normal(3, 3) + 2 * np.eye(3),)),
    "eigh": Case(_eigh, (normal(2, 3, 3),)),
    "eigh of complex": Case(_eigh, (complex_normal(3, 3),)),
    "qr": Case(lambda x: list(pb.qr(x)), (normal(2, 4, 3),)),
    "qr of complex": Case(lambda x: list(pb.qr(x)), (complex_normal(4, 3),)),
    "svd": Case(_svd, (normal(2, 4, 3),)),
    "svd of wide complex": Case(_svd, (complex_normal(3, 4),)),
    "pinv": Case(pb.pinv, (normal(2, 4, 3),)),
    "pinv of wide complex": Case(pb.pinv, (complex_normal(3, 4),)),
    "norm": Case(lambda x: pb.norm(x, axis=1), (normal(3, 4),)),
    "norm of order 3": Case(lambda x: pb.norm(x, ord=3, axis=1), (normal(3, 4),)),
    "take": Case(lambda x: pb.take(x, INDICES, axis=1), (normal(2, 4, 3),)),
    "take_along_axis": Case(lambda x: pb.take_along_axis(x, PLACES, axis=0), (normal(4, 2),)),
    "gather_nd": Case(lambda x: pb.gather_nd(x, PLACES), (normal(4, 3, 2),)),
    "scatter_nd": Case(lambda u: pb.scatter_nd(PLACES, u, (4, 3, 2)), (normal(3, 2),)),
    "tensor_scatter_nd_add": Case(
        lambda x, u: pb.tensor_scatter_nd_add(x, PLACES, u), (normal(4, 3, 2), normal(3, 2))
    ),
    "segment_sum": Case(lambda x: pb.segment_sum(x, SEGMENTS, 4), (normal(5, 2),)),
    "top_k": Case(lambda x: list(pb.top_k(x, 3)), (normal(2, 6),)),
    "where": Case(lambda x, y: pb.where(x > y, x * y, y * y), (normal(3, 4), normal(4))),
    "abs of complex": Case(pb.abs, (complex_normal(5),)),
    "real and imaginary parts": Case(
        lambda z: pb.real(z) * pb.imag(z) + pb.real(pb.conj(z) * z), (complex_normal(5),)
    ),
    "complex quotient": Case(lambda a, b: a / b, (complex_normal(5), complex_normal(5))),
    "complex from parts": Case(lambda a, b: pb.exp(pb.complex(a, b)), (normal(5), normal(5))),
}
