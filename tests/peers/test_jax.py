"""Values and gradients against JAX."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from pullback.tests.peers.cases import CASES, CLASSES, ELEMENTWISE, INDICES, PLACES, SEGMENTS
from pullback.tests.peers.comparison import Array, Compared, assert_same, listed, ours, weights
from pullback.tools.generate.names import names_elsewhere, public

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

jax: Any = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp, nn, lax = jax.numpy, jax.nn, jax.lax

ROOTS = {"jax": jax, "jnp": jnp}


def resolved(name: str) -> Any:
    """Resolves one of JAX's names."""
    root, _, path = name.partition(".")
    if path.startswith(("scipy.", "test_util.")):
        __import__(f"jax.{path.rpartition('.')[0]}")
    return operator.attrgetter(path)(ROOTS[root])


def jax_names(name: str) -> list[str]:
    return [other for other in names_elsewhere(name) if other.partition(".")[0] in ROOTS]


def test_names() -> None:
    """`docs/names.md` speaks of what is there."""
    for name in public():
        for other in jax_names(name):
            resolved(other)  # an AttributeError names it


def test_no_name_is_forgotten() -> None:
    places = (jnp, nn, jnp.linalg, lax)
    there = {name for name in public() if any(callable(getattr(place, name, None)) for place in places)}
    assert there - {name for name in public() if jax_names(name)} == {"identity"}  # which is `eye` there


# ---- the functions that are called alike ---------------------------------------------------------------------


def _elementwise(name: str) -> Callable[..., Any]:
    with_other_defaults: dict[str, Callable[..., Any]] = {
        "gelu": lambda x: nn.gelu(x, approximate=False),
        "leaky_relu": lambda x: nn.leaky_relu(x, 0.2),
    }
    return with_other_defaults.get(name) or resolved(jax_names(name.partition(" ")[0])[0])


def _convolution(groups: Callable[[Any, Any], int], **options: Any) -> Callable[..., Any]:
    def function(x: Any, f: Any) -> Any:
        count = groups(x, f)
        filters = f.reshape(*f.shape[:2], f.shape[2] * x.shape[3] // count // f.shape[2], -1)
        layout = ("NHWC", "HWIO", "NHWC")
        given = {"window_strides": (1, 1), "padding": "VALID"} | options
        return lax.conv_general_dilated(
            x, filters, dimension_numbers=layout, feature_group_count=count, **given
        )

    return function


def _in_groups(x: Any, f: Any) -> int:
    return x.shape[3] // f.shape[2]


def _each_channel(x: Any, f: Any) -> int:
    return x.shape[3]


def _transposed(x: Any, f: Any) -> Any:
    """The transpose as JAX itself derives it."""
    forward = _convolution(_in_groups, window_strides=(2, 2))
    images = jnp.zeros((2, 7, 8, 3))
    return jax.linear_transpose(lambda v: forward(v, f), images)(x)[0]


def _pooled(x: Any, start: float, combine: Any, size: Any, strides: Any, padding: str) -> Any:
    return lax.reduce_window(x, start, combine, (1, *size, 1), (1, *strides, 1), padding)


def _average(x: Any, size: Any, strides: Any, padding: str) -> Any:
    counts = _pooled(jnp.ones_like(x), 0.0, lax.add, size, strides, padding)
    return _pooled(x, 0.0, lax.add, size, strides, padding) / counts


def _normalized(x: Any, axes: Any, epsilon: float) -> Any:
    centered = x - jnp.mean(x, axes, keepdims=True)
    return centered / jnp.sqrt(jnp.mean(centered**2, axes, keepdims=True) + epsilon)


def _group_norm(x: Any, scale: Any, offset: Any) -> Any:
    grouped = x.reshape(*x.shape[:2], 2, 2)
    return _normalized(grouped, (1, 3), 1e-3).reshape(x.shape) * scale + offset


def _triangular(**options: Any) -> Callable[..., Any]:
    return lambda a, b: jax.scipy.linalg.solve_triangular(a, b, **options)


def _eigh(x: Any) -> list[Any]:
    values, vectors = jnp.linalg.eigh((x + jnp.conj(x.mT)) / 2)
    return [values, (vectors * jnp.array([1.0, 2.0, 3.0])) @ jnp.conj(vectors.mT)]


def _svd(x: Any) -> list[Any]:
    u, s, vh = jnp.linalg.svd(x, full_matrices=False)
    return [s, (u * jnp.array([1.0, 2.0, 3.0])) @ vh]


def _over(name: str, axis: Any) -> Callable[..., Any]:
    function = resolved(jax_names(name)[0])
    return lambda x: function(x, axis=axis)


PLACE = tuple(PLACES.T)

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: _elementwise(name) for name in ELEMENTWISE},
    **{name: _over(name.partition(" ")[0], (0, 2)) for name in CASES if name.endswith("over axes")},
    **{name: _over(name.partition(" ")[0], 1) for name in CASES if name.endswith("along an axis")},
    "polygamma": lambda x: lax.polygamma(2.0, x),
    "prod with zeros": lambda x: jnp.prod(x, axis=1),
    "softmax_cross_entropy": lambda p, x: -jnp.sum(p * nn.log_softmax(x), axis=1),
    "sparse_softmax_cross_entropy": lambda x: -nn.log_softmax(x)[np.arange(4), CLASSES],
    "sigmoid_cross_entropy": lambda z, x: -z * nn.log_sigmoid(x) - (1 - z) * nn.log_sigmoid(-x),
    "weighted_cross_entropy": lambda z, x: -2.5 * z * nn.log_sigmoid(x) - (1 - z) * nn.log_sigmoid(-x),
    "layer_norm": lambda x, s, o: _normalized(x, (1,), 1e-5) * s + o,
    "batch_norm": lambda x, s, o: _normalized(x, (0, 1), 1e-3) * s + o,
    "group_norm": _group_norm,
    "rms_norm": lambda x, s: x / jnp.sqrt(jnp.mean(x * x, 1, keepdims=True) + 1e-6) * s,
    "conv2d": _convolution(_in_groups),
    "conv2d same": _convolution(_in_groups, window_strides=(2, 3), padding="SAME"),
    "conv2d padded and dilated": _convolution(
        _in_groups, window_strides=(2, 2), padding=((1, 2), (0, 3)), rhs_dilation=(2, 1)
    ),
    "conv2d in groups": _convolution(_in_groups),
    "conv2d_transpose": _transposed,
    "depthwise_conv2d": _convolution(_each_channel, window_strides=(2, 2), padding="SAME"),
    "max_pool2d": lambda x: _pooled(x, -np.inf, lax.max, (3, 2), (2, 1), "VALID"),
    "avg_pool2d": lambda x: _average(x, (3, 2), (2, 1), "VALID"),
    "avg_pool2d same": lambda x: _average(x, (3, 3), (2, 2), "SAME"),
    "matmul": jnp.matmul,
    "matmul of complex": jnp.matmul,
    "einsum": lambda a, b: jnp.einsum("bij,bjk->ki", a, b),
    "einsum of a diagonal": lambda a, b: jnp.einsum("...ii,ij->...j", a, b),
    "einsum of complex": lambda a, b: jnp.einsum("ij,kj->ik", a, b),
    "cholesky": lambda x: jnp.linalg.cholesky((x + jnp.swapaxes(x, -1, -2)) / 2),
    "triangular_solve": _triangular(lower=True),
    "triangular_solve upper, adjoint": _triangular(lower=False, trans="C"),
    "solve": jnp.linalg.solve,
    "inv": jnp.linalg.inv,
    "inv of complex": jnp.linalg.inv,
    "det": jnp.linalg.det,
    "slogdet": lambda x: jnp.linalg.slogdet(x)[1],
    "slogdet of complex": lambda x: list(jnp.linalg.slogdet(x)),
    "eigh": _eigh,
    "eigh of complex": _eigh,
    "qr": lambda x: list(jnp.linalg.qr(x)),
    "qr of complex": lambda x: list(jnp.linalg.qr(x)),
    "svd": _svd,
    "svd of wide complex": _svd,
    "pinv": jnp.linalg.pinv,
    "pinv of wide complex": jnp.linalg.pinv,
    "norm": lambda x: jnp.linalg.norm(x, axis=1),
    "norm of order 3": lambda x: jnp.linalg.norm(x, ord=3, axis=1),
    "take": lambda x: jnp.take(x, INDICES, axis=1),
    "take_along_axis": lambda x: jnp.take_along_axis(x, jnp.asarray(PLACES), axis=0),
    "gather_nd": lambda x: x[PLACE],
    "scatter_nd": lambda u: jnp.zeros((4, 3, 2)).at[PLACE].add(u),
    "tensor_scatter_nd_add": lambda x, u: x.at[PLACE].add(u),
    "segment_sum": lambda x: jax.ops.segment_sum(x, SEGMENTS, 4),
    "top_k": lambda x: list(lax.top_k(x, 3)),
    "where": lambda x, y: jnp.where(x > y, x * y, y * y),
    "abs of complex": jnp.abs,
    "real and imaginary parts": lambda z: z.real * z.imag + (z.conj() * z).real,
    "complex quotient": lambda a, b: a / b,
    "complex from parts": lambda a, b: jnp.exp(lax.complex(a, b)),
}


def theirs(function: Callable[..., Any], arguments: Sequence[Array]) -> Compared:
    """JAX's side. Its gradients are not conjugated: they are, before they are weighted and compared."""
    every = tuple(range(len(arguments)))

    def number(values: Sequence[Any]) -> Any:
        differentiable = [v for v in values if v.dtype.kind in "fc"]
        made = [weights(v.shape, v.dtype) for v in differentiable]
        return sum(jnp.sum(jnp.real(jnp.conj(w) * v)) for w, v in zip(made, differentiable, strict=True))

    def gradients(*xs: Any) -> list[Any]:
        return [g.conj() for g in jax.grad(lambda *given: number(listed(function(*given))), every)(*xs)]

    second = [g.conj() for g in jax.grad(lambda *xs: number(gradients(*xs)), every)(*arguments)]
    made = (listed(function(*arguments)), gradients(*arguments), second)
    return Compared(*([np.asarray(v) for v in values] for values in made))


def test_every_case_is_compared() -> None:
    assert FUNCTIONS.keys() == CASES.keys()


@pytest.mark.matrix(20)
@pytest.mark.parametrize("name", CASES)
def test_against_jax(name: str) -> None:
    case = CASES[name]
    arguments = [jnp.asarray(a) for a in case.arguments]
    assert_same(ours(case.function, case.arguments), theirs(FUNCTIONS[name], arguments))
