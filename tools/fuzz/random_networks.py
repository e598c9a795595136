"""Random networks: layers of odd sizes and their gradients, large enough for register blocks and several threads."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt
from typing import Any

import numpy as np

import pullback as pb
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype
from pullback.tools.fuzz.random_programs import Array, RandomProgram, Rng, numbers

DTYPES = ("f32", "f32", "f32", "f64", "f16", "bf16")
EXTENTS = (1, 2, 3, 5, 7, 8, 10, 12, 15, 16, 17, 24, 31, 32, 33, 40, 48, 64)
"""Rows, columns, terms, channels: around vectors and blocks of them."""
LARGEST = 1 << 14
"""Elements of a value; the check runs no larger ones."""


@dataclass
class _Network:
    """Layers under construction: what they are given, and the output of the last one."""

    rng: Rng
    dtype: str
    inputs: list[pb.Tensor] = field(default_factory=list[pb.Tensor])
    arrays: list[Array] = field(default_factory=list[Array])
    variables: dict[str, Array] = field(default_factory=dict[str, Array])

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def extent(self, most: int = EXTENTS[-1]) -> int:
        return self.one_of([n for n in EXTENTS if n <= most] or [1])

    def numbers(self, shape: tuple[int, ...], terms: int = 1) -> Array:
        """Random numbers; those of weights of sums of so many terms are to keep results around 1."""
        dtype = element_type_from(self.dtype)
        return (numbers(self.rng, shape, dtype) / sqrt(terms)).astype(numpy_dtype(dtype))

    def given(self, *shape: int, terms: int = 1) -> pb.Tensor:
        """An input, or weights of sums of so many terms."""
        tensor = pb.placeholder(self.dtype, shape, name=f"x{len(self.inputs)}")
        self.inputs.append(tensor)
        self.arrays.append(self.numbers(shape, terms))
        return tensor

    def rows(self, shape: tuple[int, ...], count: int) -> pb.Tensor:
        """Numbers of rows of a table of `count`, some of them twice."""
        tensor = pb.placeholder("i32", shape, name=f"x{len(self.inputs)}")
        self.inputs.append(tensor)
        self.arrays.append(self.rng.integers(0, count, shape).astype(np.int32))
        return tensor

    def activated(self, x: pb.Tensor) -> pb.Tensor:
        functions: list[Callable[[pb.Tensor], pb.Tensor]] = [
            *(pb.relu, pb.tanh, pb.sigmoid, pb.gelu, pb.elu, pb.softplus, pb.identity),
            *(pb.layer_norm, pb.rms_norm, lambda x: pb.batch_norm(x)[0]),
            lambda x: pb.gelu(x, approximate=True),
            lambda x: pb.dropout(x, 0.3, seed=7),
        ]
        return self.one_of(functions)(x)

    def product(self, x: pb.Tensor, units: int) -> pb.Tensor:
        """A dense layer whose weights lie either way, with or without a bias."""
        terms = _extents(x)[-1]
        if self.rng.random() < 0.5:
            y = pb.matmul(x, self.given(terms, units, terms=terms))
        else:
            y = pb.matmul(x, self.given(units, terms, terms=terms), transpose_b=True)
        return y + self.given(units) if self.rng.random() < 0.5 else y


def _extents(x: pb.Tensor) -> tuple[int, ...]:
    return tuple(n for n in x.shape if n is not None)


def random_network(rng: Rng) -> RandomProgram:
    """A network of one kind with the gradients of what it is given; a refused one is drawn again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(50):
            network = _Network(rng, str(rng.choice(DTYPES)))
            kind = KINDS[int(rng.integers(len(KINDS)))]
            try:
                with pb.Graph():
                    return _program(network, kind(network))
            except ValueError:  # a window that is larger than its image
                continue
    raise AssertionError("50 networks were refused")


def _program(network: _Network, outputs: Sequence[Any]) -> RandomProgram:
    y = outputs[0]
    weighted = pb.sum(y * network.given(*_extents(y))) if network.rng.random() < 0.5 else pb.sum(y * y)
    xs = [x for x in network.inputs if str(x.dtype) != "int32"]
    gradients = pb.gradients(weighted, xs, unconnected_gradients="zero")
    values = [y, *outputs[1:], *map(pb.identity, gradients)]
    tensors = [v for v in (*values, *network.inputs) if isinstance(v, pb.Tensor)]
    if max(prod(_extents(v)) for v in tensors) > LARGEST:
        raise ValueError("larger than what is run")
    step = pb.compile(network.inputs, values, target="numpy")
    return RandomProgram(step.ir("gradients"), network.arrays, network.variables)


def _dense(n: _Network) -> list[Any]:
    """Dense layers, with a residual where shapes allow, and a loss now and then."""
    x = n.given(*([n.extent(4)] if n.rng.random() < 0.3 else []), n.extent(), n.extent())
    for _ in range(int(n.rng.integers(1, 4))):
        y = n.activated(n.product(x, n.one_of([n.extent(), _extents(x)[-1]])))
        x = y + x if _extents(x) == _extents(y) else y
    if n.rng.random() < 0.3:
        return [pb.softmax_cross_entropy_with_logits(labels=pb.softmax(n.given(*_extents(x))), logits=x)]
    return [x]


def _window(n: _Network) -> dict[str, Any]:
    strides, dilations = (
        n.one_of([(1, 1), (1, 1), (2, 2), (1, 2)]),
        n.one_of([(1, 1), (1, 1), (2, 1), (2, 2)]),
    )
    is_wide = max(strides) > 1
    return {
        "strides": strides,
        "dilations": (1, 1) if is_wide else dilations,
        "padding": n.one_of(["SAME", "VALID"]),
    }


def _convolved(n: _Network, x: pb.Tensor) -> pb.Tensor:
    """A convolution, some of groups or of each channel, or its transpose."""
    height, width, channels = n.one_of([1, 2, 3, 3, 5]), n.one_of([1, 2, 3, 3, 5]), _extents(x)[-1]
    kind = n.rng.random()
    if kind < 0.15:
        filters = n.given(height, width, channels, n.one_of([1, 2]), terms=height * width)
        return pb.depthwise_conv2d(x, filters, **_window(n))
    if kind < 0.3:
        images, *extents, _ = _extents(x)
        strides, outputs = n.one_of([(1, 1), (2, 2), (1, 2)]), n.one_of([1, 3, 8])
        shape = (images, *(e * s for e, s in zip(extents, strides, strict=True)), outputs)
        filters = n.given(height, width, outputs, channels, terms=height * width * channels)
        return pb.conv2d_transpose(x, filters, shape, strides)
    groups = n.one_of([1, 1, 1, 2, 4])
    groups = groups if not channels % groups else 1
    outputs, terms = groups * n.one_of([1, 2, 3, 7, 8, 16, 19]), height * width * channels // groups
    return pb.conv2d(x, n.given(height, width, channels // groups, outputs, terms=terms), **_window(n))


def _images(n: _Network) -> list[Any]:
    """Convolutions with pooling, and a dense layer at the end."""
    x = n.given(n.extent(3), n.extent(17), n.extent(17), n.one_of([1, 3, 4, 8, 16, 17, 32]))
    for _ in range(int(n.rng.integers(1, 3))):
        x = n.activated(_convolved(n, x))
        if n.rng.random() < 0.6:
            pool = n.one_of([pb.max_pool2d, pb.max_pool2d, pb.avg_pool2d])
            size = n.one_of([(2, 2), (2, 2), (1, 2), (3, 3)])
            x = pool(x, size, n.one_of([size, (1, 1), (2, 2)]), n.one_of(["SAME", "VALID"]))
    if n.rng.random() < 0.5:
        x = n.product(pb.reshape(x, (_extents(x)[0], -1)), n.extent())
    return [x]


def _attention(n: _Network) -> list[Any]:
    """Attention of a few heads, causal or not, between dense layers."""
    batch, heads, length, width = n.extent(2), n.extent(3), n.extent(), n.one_of([1, 4, 8, 16, 17, 32])
    x = n.given(batch, length, heads * width)
    h = pb.layer_norm(x) if n.rng.random() < 0.5 else x

    def head(y: pb.Tensor) -> pb.Tensor:
        return pb.transpose(pb.reshape(y, (batch, length, heads, width)), [0, 2, 1, 3])

    q, k, v = (head(n.product(h, heads * width)) for _ in range(3))
    scores = pb.matmul(q, k, transpose_b=True) * (1 / sqrt(width))
    if n.rng.random() < 0.5:
        scores = scores + pb.constant(np.triu(np.full((length, length), -30.0), 1), dtype=n.dtype)
    weights = pb.softmax(scores)
    if n.rng.random() < 0.3:
        weights = pb.dropout(weights, 0.2, seed=3)
    joined = pb.reshape(pb.transpose(pb.matmul(weights, v), [0, 2, 1, 3]), (batch, length, heads * width))
    return [n.product(joined, heads * width) + x]


def _recurrence(n: _Network) -> list[Any]:
    """A gated cell over a few steps, whose inputs are products of their own."""
    steps, batch, inputs, hidden = n.extent(8), n.extent(16), n.extent(33), n.extent(33)
    xs, w = n.given(steps, batch, inputs), n.given(inputs, 2 * hidden, terms=inputs)
    u, bias = n.given(hidden, 2 * hidden, terms=hidden), n.given(2 * hidden)

    def more(i: pb.Tensor, h: pb.Tensor) -> pb.Tensor:
        return i < steps

    def step(i: pb.Tensor, h: pb.Tensor) -> Any:
        gates = pb.matmul(pb.gather(xs, i), w) + pb.matmul(h, u) + bias
        forget = pb.sigmoid(gates[:, :hidden])
        return i + 1, forget * h + (1.0 - forget) * pb.tanh(gates[:, hidden:])

    return [pb.while_loop(more, step, [0, n.given(batch, hidden)])[1]]


def _table(n: _Network) -> list[Any]:
    """Rows of a table, which a training step updates now and then."""
    count, width, picked = n.extent(), n.extent(), n.extent()
    start, rows = n.numbers((count, width)), n.rows((picked,), count)
    table = pb.Variable(start, dtype=n.dtype, name="table")
    n.variables["table"] = start
    h = n.activated(pb.gather(table, rows))
    h = n.product(h, n.extent()) if n.rng.random() < 0.5 else h
    (gradient,) = pb.gradients(pb.sum(h * h), [table])
    if n.rng.random() < 0.5:
        return [h, table.assign_sub(pb.asarray(gradient) * 0.1)]
    assert isinstance(gradient, pb.IndexedSlices)
    slices = pb.IndexedSlices(gradient.values * 0.1, gradient.indices, gradient.dense_shape)
    return [h, table.assign_sub(slices)]


KINDS: tuple[Callable[[_Network], list[Any]], ...] = (
    _dense,
    _images,
    _images,
    _attention,
    _recurrence,
    _table,
)
