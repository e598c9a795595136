"""Rows whose sums go through functions of mathematics: blocks of rows, their numbers as lanes, totals down them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes.reductions import Max, Sum
from pullback.dialects.graph.elementwise.exponential import Exp, Log
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype
from pullback.tests.loops.kernel_cases import check, sample, schedule

SHAPES = [(17, 5), (16, 40), (33, 17), (101, 3), (31, 1), (5, 9), (97, 130)]


def regression(x: Tensor, w: Tensor, t: Tensor) -> list[Tensor]:
    """The loss, the errors, and two gradients: totals of all rows, of each row, of each column."""
    y = Sum.over(x * w, 1)
    error = Tanh.of(y) - t
    by_rows = ExpandDims.at(error, [1])
    return [
        Sum.over(Log.of(error * error + 1.0), 0),
        Tanh.of(error),
        Sum.over(by_rows * x, 0),
        Sum.over(error, 0),
    ]


def softmax(x: Tensor, w: Tensor, t: Tensor) -> list[Tensor]:
    """Three stages, of which the last stores elements and carries totals."""
    e = Exp.of(x - Max.over(x, 1, keepdims=True))
    total = Sum.over(e, 1, keepdims=True)
    y = e / total + Log.of(total) * w
    scaled = ExpandDims.at(Exp.of(t), [1]) * y
    return [y, Sum.over(scaled, 0), Max.over(y, 0), Sum.over(y * x, (0, 1))]


def stages(x: Tensor, w: Tensor, t: Tensor) -> list[Tensor]:
    """A sum that the next one needs, and no totals."""
    size = Exp.of(Sum.over(x * x, 1, keepdims=True) * -0.1)
    return [Sum.over(x * size, 1) + t, Exp.of(Sum.over(Tanh.of(x * size), 1)), x * size + w]


BODIES = {"regression": regression, "softmax": softmax, "stages": stages}


SPLITS = [
    (body, shape, split)
    for body in BODIES
    for shape in SHAPES
    for split in (None, 2, 5)
    if split is None or (body != "stages" and split <= shape[0])
]


@pytest.mark.parametrize(("body", "shape", "split"), SPLITS)
def test_blocks_of_rows(body: str, shape: tuple[int, int], split: int | None) -> None:
    numbers = {} if split is None else {"split": split}
    arrays = [sample(shape), sample(shape[1:]), sample(shape[:1])]
    native = shape == (33, 17)
    check(schedule("rows", shape[:1], shape[1:], **numbers), arrays, BODIES[body], bits=128, native=native)


@pytest.mark.parametrize("dtype", ["f64"])
def test_dtypes(dtype: str) -> None:
    arrays = [sample(shape, dtype) for shape in ((37, 9), (9,), (37,))]
    check(schedule("rows", (37,), (9,)), arrays, regression, native=False)


@pytest.mark.parametrize(("shape", "expected"), [((40, 9), True), ((40, 1025), False), ((3, 9), False)])
def test_short_rows_are_taken_so(shape: tuple[int, int], expected: bool) -> None:
    text = regression_step(shape, "f32", "cpu").ir("loops")
    assert ("%known" in text) == expected


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
@pytest.mark.parametrize("shape", [(5003, 10), (2017, 64), (17, 1)])
def test_results_do_not_depend_on_threads(shape: tuple[int, int], dtype: str) -> None:
    arrays = [sample(s).astype(numpy_dtype(element_type_from(dtype))) for s in (shape, shape[1:], shape[:1])]
    steps = {target: regression_step(shape, dtype, target) for target in ("numpy", "cpu")}
    before = pb.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 5):
            pb.set_num_threads(threads)
            found.append([np.array(a) for a in steps["cpu"](*arrays)])
    finally:
        pb.set_num_threads(before)
    for ours in zip(*found, strict=True):
        assert len({a.tobytes() for a in ours}) == 1
    tolerance = {"f32": 1e-4, "f64": 1e-9, "bf16": 3e-2}[dtype]
    for ours, theirs in zip(found[0], steps["numpy"](*arrays), strict=True):
        wanted = np.asarray(theirs, np.float64)
        np.testing.assert_allclose(np.asarray(ours, np.float64), wanted, rtol=tolerance, atol=tolerance)


def regression_step(shape: tuple[int, int], dtype: str, target: str) -> Any:
    with pb.Graph():
        x, w, t = (pb.placeholder(dtype, s) for s in (shape, shape[1:], shape[:1]))
        loss = pb.mean(pb.sigmoid_cross_entropy_with_logits(labels=t, logits=pb.sum(x * w, -1)))
        return pb.compile([x, w, t], [loss, *pb.gradients(loss, [x, w, t])], target)
