"""Products of one term become multiplications, which share a kernel with what is done with their result."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype

Shape = tuple[int, ...]
SHAPES: list[tuple[Shape, Shape]] = [
    ((5, 1), (1, 7)),
    ((3, 5, 1), (1, 7)),
    ((5, 1), (3, 1, 7)),
    ((2, 1, 5, 1), (3, 1, 7)),
    ((1, 1), (1, 1)),
    ((0, 1), (1, 7)),
    ((5, 1), (1, 0)),
]


def turned(shape: Shape, turn: bool) -> Shape:
    *batch, rows, columns = shape
    return (*batch, columns, rows) if turn else shape


@pytest.mark.parametrize("turns", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "i32", "complex<f32>"])
def test_values_are_those_of_the_product(
    dtype: str, shapes: tuple[Shape, Shape], turns: tuple[bool, bool]
) -> None:
    rng = np.random.default_rng(0)
    given = [turned(s, t) for s, t in zip(shapes, turns, strict=True)]
    with pb.Graph():
        inputs = [pb.placeholder(dtype, s) for s in given]
        product = pb.matmul(*inputs, transpose_a=turns[0], transpose_b=turns[1])
        steps = [pb.compile(inputs, product, "numpy", pipeline=p) for p in ("dce", "canonicalize,dce")]
    arrays = [rng.integers(-4, 5, s).astype(numpy_dtype(element_type_from(dtype))) for s in given]
    expected, found = (np.asarray(step(*arrays)) for step in steps)
    np.testing.assert_array_equal(found, expected)
    ops = pb.pipeline("canonicalize,dce")(steps[0].module("graph")).op.walk()
    assert not any(isinstance(op, MatMul) for op in ops)


def test_a_step_for_one_example_updates_where_it_multiplies() -> None:
    with pb.Graph():
        x, w, dy = (pb.placeholder("f32", s) for s in ((1, 20), (20, 30), (1, 30)))
        step = pb.compile([x, w, dy], w - 0.1 * pb.gradients(x @ w, [w], [dy])[0], "cpu")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(np.float32) for s in ((1, 20), (20, 30), (1, 30))]
    np.testing.assert_allclose(step(*arrays), arrays[1] - 0.1 * arrays[0].T @ arrays[2], rtol=1e-6, atol=1e-6)
    assert step.ir("kernels").count("= graph.kernel") == 1
