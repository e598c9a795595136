"""Upstream MLIR accepts the loops of every family of kernels, and computes the same with some of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.by_index.gather import Densify, Gather, MakeSlices
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.exponential import Exp
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.movement.rearranging import Transpose
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.tests import mlir_tools
from pullback.tests.loops.kernel_cases import Array, Body, kernel_function, lowered, sample, schedule


def softmax(x: Tensor, labels: Tensor, eye: Tensor) -> list[Tensor]:
    e = Exp.of(x - Max.over(x, 1, keepdims=True))
    y = e / Sum.over(e, 1, keepdims=True)
    return [y - Gather.of(eye, labels), Sum.over(y * y)]


def pointwise(x: Tensor, y: Tensor, c: Tensor) -> list[Tensor]:
    z = Tanh.of(x) + Transpose.of(y)
    return [Where.of(c, z, 0), z > x]


def columns(x: Tensor) -> list[Tensor]:
    return [Sum.over(x, 0), x - Max.over(x, 0)]


def product(x: Tensor, y: Tensor, b: Tensor) -> list[Tensor]:
    return [Tanh.of(MatMul.product(x, y, False, True) + b)]


def scatter(values: Tensor, indices: Tensor, w: Tensor) -> list[Tensor]:
    return [w - Densify.of(MakeSlices.make(values, indices, w))]


INDICES = np.array([2, 0, 2, -1, 7], np.int64)
CASES = {
    "rows": (
        schedule("rows", (5,), (21,)),
        [sample((5, 21)), INDICES, np.eye(21, dtype=np.float32)],
        softmax,
    ),
    "pointwise": (
        schedule("pointwise", (5, 21)),
        [sample((5, 21)), sample((21, 5)), sample((5, 21), "i1")],
        pointwise,
    ),
    "columns": (schedule("columns", (21,), (5,)), [sample((5, 21))], columns),
    "matmul": (schedule("matmul", (7, 21), (9,)), [sample((7, 9)), sample((21, 9)), sample((21,))], product),
    "scatter": (schedule("scatter", (5, 9)), [sample((5, 9)), INDICES, sample((4, 9))], scatter),
}


@mlir_tools.needs_mlir_opt
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("bits", [256, 512])
def test_accepts(name: str, bits: int) -> None:
    attributes, arrays, body = CASES[name]
    _, kernel = kernel_function(attributes, arrays, body)
    mlir_tools.accepts(lowered(kernel, bits, {})[1])


@mlir_tools.needs_mlir_runner
@pytest.mark.parametrize("name", ["rows", "columns", "matmul"])
def test_runs(name: str) -> None:
    attributes, arrays, body = CASES[name]
    check_upstream(attributes, arrays, body)


def check_upstream(attributes: object, arrays: Sequence[Array], body: Body) -> None:
    """`mlir-runner` computes what the evaluator does, to a few units in the last place."""
    function, kernel = kernel_function(attributes, arrays, body)  # pyright: ignore[reportArgumentType]
    expected = evaluate(function, arrays)
    made, module = lowered(kernel, 256, {})
    buffers: list[Array] = []
    for (kind, number), type_ in made.arguments:
        value = arrays[int(number)] if kind == "input" else None
        dtype = expected[int(number)].dtype if kind == "output" else np.float32
        buffers.append(
            np.ones(type_.get_shape(), dtype) if value is None else value.reshape(type_.get_shape())
        )
    results = mlir_tools.run(module, buffers)
    for ((kind, number), _), result in zip(made.arguments, results, strict=True):
        if kind == "output":
            wanted = expected[int(number)]
            np.testing.assert_allclose(result.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-6)
