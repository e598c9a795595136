"""Whole programs at level `gpu`: what the host runs, loops, stacks, constants, random numbers, updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb
from pullback.tests.driver.host_cases import numbers

Array = npt.NDArray[Any]


def agree(inputs: Sequence[pb.Tensor], outputs: Sequence[pb.Tensor], *arrays: Array) -> pb.Step:
    """The emulator gives what the evaluator gives, twice."""
    step, oracle = (pb.compile(list(inputs), list(outputs), target=target) for target in ("simt", "numpy"))
    expected = oracle(*arrays)
    for _ in range(2):
        for found, wanted in zip(step(*arrays), expected, strict=True):
            assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    return step


def test_what_the_host_runs_between_kernels() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3, 4), name="x")
        fixed = pb.constant(numbers(3, 4))
        y = pb.cumsum(pb.cumsum(x * 2.0, axis=0), axis=1)
        step = agree([x], [y, y + fixed, pb.cumsum(fixed, axis=0), *pb.gradients(y, x)], numbers(3, 4))
    assert step.ir("gpu").count("func.call") == 5


def going(x: pb.Tensor) -> list[pb.Tensor]:
    """A loop in a loop, and their gradients."""

    def inner(a: pb.Tensor) -> pb.Tensor:
        return pb.while_loop(lambda j, _: j < 2, lambda j, b: (j + 1, pb.tanh(b * x)), [0, a])[1]

    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, inner(a) + x), [0, x])
    return [y, *pb.gradients(y, x)]


@pytest.mark.parametrize("build", [going])
def test_loops(build: Callable[[pb.Tensor], list[pb.Tensor]]) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        agree([x], build(x), numbers(2, 3))
