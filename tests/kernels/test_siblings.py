"""Sums that read the same tensors run in one kernel, and only where the order of everything else allows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import pullback as pb

Made = Callable[[pb.Tensor, pb.Tensor], Sequence[pb.Tensor]]
SHAPE = (40, 6, 17)


def columns_of(made: Made) -> tuple[int, str]:
    """The kernels over columns that compute these values, which are NumPy's; and the program."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(SHAPE).astype(np.float32) for _ in range(2)]
    found: list[list[Any]] = []
    text = ""
    for target in ("numpy", "cpu"):
        with pb.Graph():
            x, y = (pb.placeholder("f32", SHAPE) for _ in range(2))
            step = pb.compile([x, y], list(made(x, y)), target)
        found.append(step(*arrays))
        text = step.ir("kernels")
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    return text.count("kind = columns"), text


def down(x: pb.Tensor) -> pb.Tensor:
    return pb.sum(x, (0, 1))


CASES: dict[str, tuple[Made, int]] = {
    "three products": (lambda x, y: [down(x * y), down(x + y), down(pb.tanh(x) * y)], 1),
    "one reads what another makes": (lambda x, y: [down(x * y), down((x - down(x * y)) * y)], 1),
    "one is needed before the other": (lambda x, y: [s := down(x * y), down(pb.exp(s) * x * y)], 1),
    "one reads less": (lambda x, y: [down(x * y), down(x)], 2),
    "other axes": (lambda x, y: [down(x * y), pb.sum(x + y, 0)], 2),
    "twenty sums": (lambda x, y: [down((x + float(i)) * y) for i in range(20)], 2),
}


@pytest.mark.parametrize("case", CASES)
def test_sums_share_a_kernel(case: str) -> None:
    made, kernels = CASES[case]
    assert columns_of(made)[0] == kernels


def test_sums_of_a_depthwise_gradient_run_over_the_images_once() -> None:
    with pb.Graph():
        x, f, dy = (pb.placeholder("f32", s) for s in ((2, 7, 9, 17), (3, 3, 1, 17), (2, 7, 9, 17)))
        y = pb.conv2d(x, f, 1, "SAME")
        steps = {t: pb.compile([x, f, dy], pb.gradients(pb.sum(y * dy), [f]), t) for t in ("cpu", "numpy")}
    rng = np.random.default_rng(0)
    arrays = [
        rng.standard_normal(s).astype(np.float32) for s in ((2, 7, 9, 17), (3, 3, 1, 17), (2, 7, 9, 17))
    ]
    found = {target: step(*arrays)[0] for target, step in steps.items()}
    np.testing.assert_allclose(found["cpu"], found["numpy"], rtol=1e-4, atol=1e-4)
    assert steps["cpu"].ir("kernels").count("kind = columns") == 1


def test_an_assignment_between_sums_comes_where_it_was() -> None:
    array = np.random.default_rng(0).standard_normal((40, 17)).astype(np.float32)
    with pb.Graph():
        variable = pb.Variable(array)
        x = pb.placeholder("f32", (40, 17))
        first = pb.sum(variable * x, 0)
        with pb.control_dependencies([variable.assign(variable + first)]):
            second = pb.sum(variable.read() * x, 0)
        step = pb.compile([x], [first, second], "cpu")
    ours = step(array)
    np.testing.assert_allclose(ours[0], np.sum(array * array, 0), rtol=1e-4)
    np.testing.assert_allclose(
        ours[1], np.sum((array + np.sum(array * array, 0)) * array, 0), rtol=1e-3, atol=1e-3
    )
