"""Values and gradients against PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from pullback.tests.peers.cases import CASES, CLASSES, ELEMENTWISE, INDICES, PLACES, SEGMENTS
from pullback.tests.peers.comparison import Array, Compared, assert_same, listed, ours, weights

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

torch: Any = pytest.importorskip("torch")
F: Any = torch.nn.functional

OTHER_NAMES = {
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "log_sigmoid": F.logsigmoid,
}
"""Elementwise functions that PyTorch calls otherwise, or with other defaults."""


def _elementwise(name: str) -> Callable[..., Any]:
    plain = name.partition(" ")[0]
    return OTHER_NAMES.get(plain) or getattr(torch, plain, None) or getattr(F, plain)


def _channels_first(x: Any) -> Any:
    return x.permute(0, 3, 1, 2)


def _channels_last(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


def _convolution(
    pad: Sequence[int] = (0, 0, 0, 0), depthwise: bool = False, **options: Any
) -> Callable[..., Any]:
    """`pad`: left, right, top, bottom."""

    def function(x: Any, f: Any) -> Any:
        groups = x.shape[3] if depthwise else x.shape[3] // f.shape[2]
        kernel = f.reshape(*f.shape[:2], 1, -1) if depthwise else f
        images = F.pad(_channels_first(x), tuple(pad))
        return _channels_last(F.conv2d(images, kernel.permute(3, 2, 0, 1), groups=groups, **options))

    return function


def _transposed(x: Any, f: Any) -> Any:
    """PyTorch leaves out the last column, of which no window has a part."""
    made = F.conv_transpose2d(_channels_first(x), f.permute(3, 2, 0, 1), stride=2)
    return _channels_last(F.pad(made, (0, 1, 0, 0)))


def _pooled(pool: Callable[..., Any], *sizes: Any, pad: Sequence[int] = (0, 0, 0, 0)) -> Callable[..., Any]:
    return lambda x: _channels_last(pool(F.pad(_channels_first(x), tuple(pad)), *sizes))


def _average_same(x: Any) -> Any:
    """Windows at the edge are divided by what is in them of the image."""
    pool = _pooled(F.avg_pool2d, 3, 2, pad=(1, 1, 0, 1))
    return pool(x) / pool(torch.ones_like(x))


def _added(x: Any, u: Any) -> Any:
    return x.index_put((torch.tensor(PLACES[:, 0]), torch.tensor(PLACES[:, 1])), u, accumulate=True)


def _triangular(a: Any, b: Any) -> Any:
    return torch.linalg.solve_triangular(torch.tril(a), b, upper=False)


def _along(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(x, 1)


def _batch_norm(x: Any, scale: Any, offset: Any) -> Any:
    made = F.batch_norm(x.permute(0, 2, 1), None, None, scale, offset, training=True, eps=1e-3)
    return made.permute(0, 2, 1)


def _group_norm(x: Any, scale: Any, offset: Any) -> Any:
    return F.group_norm(x.permute(0, 2, 1), 2, scale, offset, 1e-3).permute(0, 2, 1)


def _eigh(x: Any) -> list[Any]:
    values, vectors = torch.linalg.eigh((x + x.mH) / 2)
    return [values, (vectors * torch.tensor([1.0, 2.0, 3.0])) @ vectors.mH]


def _svd(x: Any) -> list[Any]:
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    return [s, (u * torch.tensor([1.0, 2.0, 3.0])) @ vh]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: _elementwise(name) for name in ELEMENTWISE},
    "logsumexp over axes": lambda x: torch.logsumexp(x, (0, 2)),
    "max over axes": lambda x: torch.amax(x, (0, 2)),
    "mean over axes": lambda x: torch.mean(x, (0, 2)),
    "min over axes": lambda x: torch.amin(x, (0, 2)),
    "std over axes": lambda x: torch.std(x, (0, 2), correction=0),
    "sum over axes": lambda x: torch.sum(x, (0, 2)),
    "var over axes": lambda x: torch.var(x, (0, 2), correction=0),
    "cumulative_prod along an axis": _along(torch.cumprod),
    "cumulative_sum along an axis": _along(torch.cumsum),
    "log_softmax along an axis": _along(torch.log_softmax),
    "softmax along an axis": _along(torch.softmax),
    "sort along an axis": lambda x: torch.sort(x, 1).values,
    "polygamma": lambda x: torch.polygamma(2, x),
    "prod with zeros": _along(torch.prod),
    "softmax_cross_entropy": lambda p, x: -torch.sum(p * torch.log_softmax(x, 1), 1),
    "sparse_softmax_cross_entropy": lambda x: F.cross_entropy(x, torch.tensor(CLASSES), reduction="none"),
    "sigmoid_cross_entropy": lambda z, x: -z * F.logsigmoid(x) - (1 - z) * F.logsigmoid(-x),
    "weighted_cross_entropy": lambda z, x: -2.5 * z * F.logsigmoid(x) - (1 - z) * F.logsigmoid(-x),
    "layer_norm": lambda x, s, o: F.layer_norm(x, (5,), s, o, 1e-5),
    "batch_norm": _batch_norm,
    "group_norm": _group_norm,
    "rms_norm": lambda x, s: F.rms_norm(x, (5,), s, 1e-6),
    "conv2d": _convolution(),
    "conv2d same": _convolution((0, 0, 1, 1), stride=(2, 3)),
    "conv2d padded and dilated": _convolution((0, 3, 1, 2), stride=2, dilation=(2, 1)),
    "conv2d in groups": _convolution(),
    "conv2d_transpose": _transposed,
    "depthwise_conv2d": _convolution((0, 0, 1, 1), depthwise=True, stride=2),
    "max_pool2d": _pooled(F.max_pool2d, (3, 2), (2, 1)),
    "avg_pool2d": _pooled(F.avg_pool2d, (3, 2), (2, 1)),
    "avg_pool2d same": _average_same,
    "matmul": torch.matmul,
    "matmul of complex": torch.matmul,
    "einsum": lambda a, b: torch.einsum("bij,bjk->ki", a, b),
    "einsum of a diagonal": lambda a, b: torch.einsum("...ii,ij->...j", a, b),
    "einsum of complex": lambda a, b: torch.einsum("ij,kj->ik", a, b),
    "cholesky": lambda x: torch.linalg.cholesky((x + x.mT) / 2),
    "triangular_solve": _triangular,
    "triangular_solve upper, adjoint": lambda a, b: torch.linalg.solve_triangular(
        a.triu().mH, b, upper=False
    ),
    "solve": torch.linalg.solve,
    "inv": torch.linalg.inv,
    "inv of complex": torch.linalg.inv,
    "det": torch.linalg.det,
    "slogdet": lambda x: torch.linalg.slogdet(x)[1],
    "slogdet of complex": lambda x: list(torch.linalg.slogdet(x)),
    "eigh": _eigh,
    "eigh of complex": _eigh,
    "qr": lambda x: list(torch.linalg.qr(x)),
    "qr of complex": lambda x: list(torch.linalg.qr(x)),
    "svd": _svd,
    "svd of wide complex": _svd,
    "pinv": torch.linalg.pinv,
    "pinv of wide complex": torch.linalg.pinv,
    "norm": lambda x: torch.linalg.norm(x, dim=1),
    "norm of order 3": lambda x: torch.linalg.norm(x, 3, dim=1),
    "take": lambda x: torch.index_select(x, 1, torch.tensor(INDICES)),
    "take_along_axis": lambda x: torch.take_along_dim(x, torch.tensor(PLACES), 0),
    "gather_nd": lambda x: x[PLACES[:, 0], PLACES[:, 1]],
    "scatter_nd": lambda u: _added(torch.zeros(4, 3, 2, dtype=u.dtype), u),
    "tensor_scatter_nd_add": _added,
    "segment_sum": lambda x: torch.zeros(4, 2, dtype=x.dtype).index_add(0, torch.tensor(SEGMENTS), x),
    "top_k": lambda x: list(torch.topk(x, 3)),
    "where": lambda x, y: torch.where(x > y, x * y, y * y),
    "abs of complex": torch.abs,
    "real and imaginary parts": lambda z: z.real * z.imag + (z.conj() * z).real,
    "complex quotient": lambda a, b: a / b,
    "complex from parts": lambda a, b: torch.exp(torch.complex(a, b)),
}


def theirs(function: Callable[..., Any], arguments: Sequence[Array]) -> Compared:
    """PyTorch's side."""
    xs = [torch.tensor(a, requires_grad=True) for a in arguments]

    def number(values: Sequence[Any]) -> Any:
        differentiable = [v for v in values if v.is_floating_point() or v.is_complex()]
        made = [torch.tensor(weights(tuple(v.shape), v.numpy(force=True).dtype)) for v in differentiable]
        return sum(
            torch.sum(torch.real(torch.conj(w) * v)) for w, v in zip(made, differentiable, strict=True)
        )

    def gradients(y: Any, **options: Any) -> list[Any]:
        if not y.requires_grad:
            return [torch.zeros_like(x) for x in xs]
        found = torch.autograd.grad(y, xs, allow_unused=True, **options)
        return [torch.zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)]

    results = listed(function(*xs))
    first = gradients(number(results), create_graph=True)
    made = (results, first, gradients(number(first)))
    return Compared(*([v.numpy(force=True) for v in values] for values in made))


ONLY_JAX = {"prod over axes"}
"""PyTorch has no product over several axes."""


def test_every_case_is_compared() -> None:
    assert CASES.keys() - FUNCTIONS.keys() == ONLY_JAX


@pytest.mark.matrix(20)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_pytorch(name: str) -> None:
    case = CASES[name]
    assert_same(ours(case.function, case.arguments), theirs(FUNCTIONS[name], case.arguments))
