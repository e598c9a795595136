"""What is only summed up is computed with its sum, not where a product is stored that others need anyway."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.tensor.types import element_type_from, numpy_dtype

Made = Callable[[pb.Tensor, pb.Tensor, pb.Tensor], Sequence[pb.Tensor]]


def down(x: pb.Tensor) -> pb.Tensor:
    return pb.sum(x, 0)


CASES: dict[str, tuple[Made, str]] = {
    "the product is read whole": (lambda p, x, w: [p.mT @ x, down(p * x)], "p"),
    "it is what is asked for": (lambda p, x, w: [p, down(p * x)], "p"),
    "two sums need it": (lambda p, x, w: [down(p * x), down(p * (x + 1.0))], "p"),
    "one sum needs it": (lambda p, x, w: [down(p * x)], "t"),
    "the term is needed, too": (lambda p, x, w: [p.mT @ x, t := p * x, down(t)], "p, t"),
    "sums along rows": (lambda p, x, w: [p.mT @ x, pb.sum(p * x, 1)], "p"),
    "by way of a mask": (
        lambda p, x, w: [(y := pb.where(x > 0.0, p, 0.0)).mT @ x, down(y * x), y],
        "where(p)",
    ),
}


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
@pytest.mark.parametrize("rows", [1, 17, 40])
@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_numpy(case: str, rows: int, dtype: str) -> None:
    made, _ = CASES[case]
    steps = {target: step_of(made, rows, dtype, target) for target in ("numpy", "cpu")}
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(-3, 4, shape).astype(numpy_dtype(element_type_from(dtype)))
        for shape in ((rows, 5), (5, 23), (rows, 23))
    ]
    found = {t: [np.asarray(a, np.float64) for a in step(*arrays)] for t, step in steps.items()}
    for ours, theirs in zip(found["cpu"], found["numpy"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-2 if dtype == "bf16" else 1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_the_product_stores_what_others_need(case: str) -> None:
    made, stored = CASES[case]
    text = step_of(made, 40, "f32", "cpu").ir("kernels")
    kernel = text[text.index("kind = matmul, parallel = [40, 23]") :].split("\n    }\n")[0]
    results = kernel[kernel.index("graph.yield ") :].split(" : ")[0].split()[1:]
    names = {}
    for name, op in re.findall(r"(%\w+) = graph\.(\w+)", kernel):
        names[name] = {"matmul": "p", "multiply": "t", "where": "where(p)"}.get(op, op)
    assert ", ".join(names[r.strip(",")] for r in results) == stored


def step_of(made: Made, rows: int, dtype: str, target: str) -> Any:
    with pb.Graph():
        a, w, x = (pb.placeholder(dtype, shape) for shape in ((rows, 5), (5, 23), (rows, 23)))
        return pb.compile([a, w, x], list(made(a @ w, x, w)), target)


@pytest.mark.parametrize("extents", [(2, 3, 5, 17), (40, 7), (31, 1, 19, 64)])
def test_batch_norm_stores_no_centered_images(extents: tuple[int, ...]) -> None:
    """What its gradient needs of them is the images, their mean, and two sums."""
    channels = extents[-1:]
    rng = np.random.default_rng(0)
    arrays = [
        rng.standard_normal(shape).astype(np.float32) for shape in (extents, channels, channels, extents)
    ]
    found = {}
    for target in ("numpy", "cpu"):
        with pb.Graph():
            x, scale, offset, c = (pb.placeholder("f32", a.shape) for a in arrays)
            made = pb.exp(x) * 1.0
            y = pb.relu(pb.batch_norm(made, scale, offset)[0])
            outputs = [y, *pb.gradients(pb.sum(pb.square(y) * c), [x, scale, offset])]
            step = pb.compile([x, scale, offset, c], outputs, target)
        found[target] = step(*arrays)
        if target == "cpu":
            first = next(line for line in step.ir("kernels").split("\n") if "graph.kernel" in line)
            size = f"tensor<{'x'.join(map(str, extents))}xf32>"
            assert first.split("->")[1].count(size) <= 2
    for ours, theirs in zip(found["cpu"], found["numpy"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(("columns", "is_apart"), [(1, True), (3, True), (5, False)])
def test_functions_of_few_columns_are_not_in_the_product(columns: int, is_apart: bool) -> None:
    """Lanes are along columns there: a function of one column is computed for one row at a time."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in ((101, 7), (7, columns))]
    found = {}
    for target in ("numpy", "cpu"):
        with pb.Graph():
            x, w = (pb.placeholder("f32", a.shape) for a in arrays)
            y = pb.sigmoid(2.0 * (x @ w))
            step = pb.compile([x, w], [y, *pb.gradients(pb.mean(pb.log(y + 0.5)), [x, w])], target)
        found[target] = step(*arrays)
        if target == "cpu":
            text = step.ir("kernels")
            product = text[text.index("kind = matmul") :].split("\n    }\n")[0]
            assert ("graph.sigmoid" not in product) == is_apart
            assert f"parallel = [101, {columns}]" in product or columns == 1
    for ours, theirs in zip(found["cpu"], found["numpy"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
