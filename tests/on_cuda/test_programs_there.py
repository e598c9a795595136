"""Whole programs on target `cuda` against the oracle: loops, stacks, the host, training, several devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb
from pullback.tests.driver.host_cases import OTHERS, dtype_of, numbers
from pullback.tests.gpu.test_whole_programs import (
    PUSHES,
    choosing,
    growing,
    lstm,
    nested,
    none_at_all,
    sorting,
    swapping,
)
from pullback.tests.train.test_optimizers import CASES

Array = npt.NDArray[Any]
LOOPS = [nested, growing, sorting, swapping, choosing, none_at_all]
Built = tuple[list[pb.Tensor], list[Any], list[pb.Variable]]
"""Inputs, outputs and variables."""


def outcomes(make: Callable[[], Built], target: str, arrays: Sequence[Array], steps: int) -> list[Array]:
    """What each step gives, then the contents of the variables."""
    with pb.Graph():
        inputs, outputs, variables = make()
        step = pb.compile(inputs, outputs, target=target)
    found = [np.array(value) for _ in range(steps) for value in step(*arrays) if value is not None]
    return [*found, *(variable.numpy() for variable in variables)]


def agree(make: Callable[[], Built], *arrays: Array, steps: int = 3, relative: float = 2e-5) -> list[Array]:
    """Each step on `cuda` gives what it gives on the oracle."""
    found, expected = (outcomes(make, target, arrays, steps) for target in ("cuda", "numpy"))
    for a, b in zip(found, expected, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if a.dtype.kind in "fc":
            np.testing.assert_allclose(a, b, rtol=relative, atol=relative / 20, equal_nan=True)
        else:
            np.testing.assert_array_equal(a, b)
    return found


@pytest.mark.matrix(2)
@pytest.mark.parametrize("build", LOOPS)
def test_loops(build: Callable[[pb.Tensor], pb.Tensor], place: str) -> None:
    def make() -> Built:
        x = pb.placeholder("f32", (2, 3), name="x")
        y = build(x)
        return [x], [y, *pb.gradients(y * y, x)], []

    agree(make, numbers(2, 3), steps=2)


@pytest.mark.matrix(1)
@pytest.mark.parametrize("dtype", ["f32", "i1", "f16", "complex<f32>"])
def test_stacks(dtype: str, place: str) -> None:
    module = pb.parse(PUSHES.replace("SUM", "graph.add_n %a, %b, %s, %a").replace("D", dtype))
    data = [np.array(x).astype(dtype_of(dtype)) for x in ([1, 0, 1], [0, 1, 0])]
    found, expected = (module.run(data, target=target) for target in ("cuda", "numpy"))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.matrix(1)
@pytest.mark.parametrize("dtype", OTHERS)
def test_dtypes_that_the_host_computes(dtype: str, place: str) -> None:
    def make() -> Built:
        x = pb.placeholder(dtype, (2, 3), name="x")
        return [x], [x + x, pb.transpose(x) * x.T, x[1]], []

    agree(make, np.arange(6).reshape(2, 3).astype(dtype_of(dtype)), steps=2)


def test_the_host_between_kernels(place: str) -> None:
    def make() -> Built:
        x = pb.placeholder("f32", (4, 4), name="x")
        y = pb.cumsum(pb.sort(x * 2.0, axis=0), axis=1) + pb.constant(numbers(4, 4))
        factor = pb.cholesky(y @ pb.transpose(y) + 4.0 * pb.eye(4))
        return [x], [y, factor, *pb.gradients(pb.sum(factor * factor * x), x)], []

    agree(make, numbers(4, 4), relative=1e-3)


def test_random_numbers_are_new_in_each_step(place: str) -> None:
    def make() -> Built:
        x = pb.placeholder("f32", (65,), name="x")
        count = pb.Variable(np.array(0, np.int32), name="count")
        y = pb.random_normal((65,), seed=(3, count)) * x + pb.random_uniform((65,), seed=4)
        return [x], [y, *pb.gradients(y, x), count.assign_add(1)], [count]

    first, _, second, *_ = agree(make, numbers(65))
    assert np.all(first != second)


@pytest.mark.matrix(2)
@pytest.mark.parametrize("name", CASES)
def test_training(name: str, place: str) -> None:
    """A network with an embedding, whose gradient is of rows: the losses fall, and all slots are the oracle's."""
    optimizer = CASES[name][0]

    def make() -> Built:
        rows, labels = (
            pb.placeholder("i32", (16,), name="rows"),
            pb.placeholder("f32", (16, 3), name="labels"),
        )
        table, w = pb.Variable(numbers(30, 8), name="table"), pb.Variable(numbers(8, 3), name="w")
        loss = pb.mean((pb.tanh(pb.gather(table, rows)) @ w - labels) ** 2.0)
        train = optimizer()
        update = train.minimize(loss)
        return [rows, labels], [loss, update], [table, w]

    picked = np.random.default_rng(0).integers(0, 30, 16, np.int32)
    found = agree(make, picked, numbers(16, 3), steps=6 if place == "device" else 3, relative=2e-4)
    assert np.all(np.isfinite(found[0]))


def test_training_a_recurrent_network(place: str) -> None:
    def make() -> Built:
        x = pb.placeholder("f32", (4, 2, 3), name="x")
        w = pb.Variable(numbers(8, 20) * np.float32(0.3), name="w")
        loss = pb.mean((lstm(x, w, 4) - 0.25) ** 2)
        return [x], [loss, w.assign_sub(pb.gradients(loss, w)[0] * 0.5)], [w]

    losses = agree(make, numbers(4, 2, 3), steps=4)
    assert losses[3] < losses[0]


def test_old_and_new_contents_of_a_variable(place: str) -> None:
    def make() -> Built:
        x = pb.placeholder("f32", (3,), name="x")
        w = pb.Variable(np.array([1, 2, 3], np.float32), name="w")
        before = pb.cumsum(w.read(), axis=0)
        update = w.assign(w.read() + x)
        return [x], [before, update, pb.cumsum(w.read(), axis=0), w.read()], [w]

    agree(make, np.ones(3, np.float32))


@pytest.mark.matrix(1)
@pytest.mark.parametrize("devices", [("/cpu:0", "/gpu:0"), ("/gpu:0", "/cpu:0")])
def test_training_over_the_host_and_a_device(devices: tuple[str, str], place: str) -> None:
    def make() -> Built:
        x = pb.placeholder("f32", (4, 8), name="x")
        with pb.device(devices[0]):
            w = pb.Variable(numbers(8, 6), name="w")
            h = pb.tanh(x @ w)
        with pb.device(devices[1]):
            v = pb.Variable(numbers(6, 3), name="v")
            loss = pb.mean((h @ v) ** 2.0)
        update = pb.train.GradientDescentOptimizer(0.1).minimize(loss, colocate_gradients_with_ops=True)
        return [x], [loss, update], [w, v]

    agree(make, numbers(4, 8))


def test_shapes_known_when_a_step_is_called(place: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 3), name="x")
        y = pb.softmax(x * 2.0) @ pb.constant(numbers(3, 5))
        steps = [pb.compile([x], [y, *pb.gradients(y * y, x)], target=t) for t in ("cuda", "numpy")]
    for rows in (4, 1, 7, 4):
        found, expected = (step(numbers(rows, 3)) for step in steps)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)
