"""Programs whose kernels are of every kind that there is for GPUs, for upstream's tools to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

import pullback as pb
from pullback.tests.driver.host_cases import turned

Built: TypeAlias = tuple[list[pb.Tensor], list[Any], list[tuple[int, ...]]]
"""Inputs, outputs, and the shapes of the inputs."""


def placeholders(*shapes: tuple[int, ...], dtype: str = "f32") -> list[pb.Tensor]:
    return [pb.placeholder(dtype, shape, name=f"x{number}") for number, shape in enumerate(shapes)]


def elementwise() -> Built:
    """Most functions of scalars, and truth values in memory."""
    (x,) = placeholders((6, 70))
    functions = (pb.tanh, pb.exp, pb.log1p, pb.sqrt, pb.rsqrt, pb.sin, pb.erf, pb.floor, pb.abs, pb.sign)
    return [x], [*(f(x) for f in functions), x > 0.5, pb.cast(x, "i32") // 3, pb.isnan(x)], [(6, 70)]


def vectors() -> Built:
    (x,) = placeholders((1 << 11, 1 << 11))
    return [x], [pb.tanh(x) * x, x > 0.0], [(1 << 11, 1 << 11)]


def transposed() -> Built:
    (x,) = placeholders((130, 70))
    return [x], [pb.transpose(x) * 2.0], [(130, 70)]


def pieces() -> Built:
    x, y = placeholders((6, 5), (6, 7))
    return [x, y], [pb.tanh(pb.concat([x, y], axis=1))], [(6, 5), (6, 7)]


def lines() -> Built:
    """Softmax and layer normalisation, with gradients: rows, totals of all, totals across."""
    x, scale, offset = placeholders((40, 100), (100,), (100,))
    y = pb.gelu(pb.layer_norm(x, scale, offset))
    loss = pb.sum(y * pb.softmax(x))
    return [x, scale, offset], [loss, *pb.gradients(loss, [x, scale, offset])], [(40, 100), (100,), (100,)]


def columns() -> Built:
    (x,) = placeholders((3000, 7))
    return [x], [pb.sum(x, axis=0), pb.max(x, axis=0), pb.argmax(x, axis=0)], [(3000, 7)]


def everything() -> Built:
    (x,) = placeholders((300_000,))
    return [x], [pb.sum(x * x)], [(300_000,)]


def products() -> Built:
    """Products with an epilogue, of batches, and long ones in parts."""
    a, b, c = placeholders((3, 33, 40), (3, 40, 70), (70,))
    y = pb.tanh(a @ b + c)
    long = pb.transpose(pb.reshape(a, (99, 40))) @ pb.reshape(a, (99, 40))
    return [a, b, c], [y, long, *pb.gradients(pb.sum(y), [a, b])], [(3, 33, 40), (3, 40, 70), (70,)]


def rows_by_index() -> Built:
    """A gather and its gradient, a scatter; a table of constants."""
    indices = pb.placeholder("i32", (50,), name="indices")
    table = pb.Variable(np.ones((30, 16), np.float32), name="table")
    constants = pb.constant(np.arange(160, dtype=np.float32).reshape(10, 16))
    loss = pb.sum(pb.square(pb.gather(table, indices) + pb.gather(constants, indices % 10)))
    return [indices], [loss, pb.train.GradientDescentOptimizer(0.1).minimize(loss)], [(50,)]


def loops() -> Built:
    """A loop with stacks for its gradient, an operation of the host, memory of both."""
    (x,) = placeholders((5, 5))
    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, pb.tanh(a * x)), [0, x])
    y = turned(y, axis=1)
    return [x], [y, *pb.gradients(y, x)], [(5, 5)]


PROGRAMS: list[Callable[[], Built]] = [
    elementwise,
    vectors,
    transposed,
    pieces,
    lines,
    columns,
    everything,
    products,
    rows_by_index,
    loops,
]


def gpu_text(build: Callable[[], Built]) -> str:
    """The program at level gpu."""
    with pb.Graph():
        inputs, outputs, shapes = build()
        return pb.compile(inputs, outputs, target="simt").ir("gpu", shapes)
