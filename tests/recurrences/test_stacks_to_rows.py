"""Gradients of loops whose stacks became tensors, beside the same ones with stacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.state.stacks import Pop, Push
from pullback.tests.recurrences.recurrent_networks import Network
from pullback.tests.targets import COMPILED

PASSES = "stacks-to-rows,dce,verify-level{level=graph}"


def count(step: Any, passes: str, *kinds: type) -> int:
    """How many operations of these kinds there are after the passes."""
    return sum(isinstance(op, kinds) for op in pb.pipeline(passes)(step.module("graph")).op.walk())


def powers(trips: Any, dtype: str = "f32", target: str = "numpy", pipeline: str = PASSES) -> pb.Step:
    """So many trips of x = x * factor * x, and their gradients."""
    with pb.Graph():
        x, factor, most = pb.placeholder(dtype, (3,)), pb.placeholder(dtype, (3,)), pb.placeholder("i32", ())
        last = most if trips is None else trips
        _, y = pb.while_loop(
            lambda t, y: t < last, lambda t, y: (t + 1, y * factor * y), [pb.constant(0, "i32"), x]
        )
        y = pb.real(y) if dtype == "complex64" else y
        grads = pb.gradients(y, [x, factor])
        return pb.compile([x, factor, most], [y, *grads], target=target, pipeline=pipeline)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 17])
def test_results_have_the_same_bits(cell: str, reverse: bool, steps: int) -> None:
    network = Network(cell, steps=steps, extent=steps, reverse=reverse)
    plain = network.compiled("numpy", "dce")
    step = network.compiled("numpy", PASSES)
    for a, b in zip(step(*network.arrays()), plain(*network.arrays()), strict=True):
        np.testing.assert_array_equal(a, b)
    assert count(plain, "dce", Push, Pop) > 0
    assert count(plain, PASSES, Push, Pop) == 0


@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_results_stay_on_every_target(target: str, dtype: str) -> None:
    network = Network("gru", steps=3, extent=3, dtype=dtype)
    got = network.compiled(target)(*network.arrays())
    for a, b in zip(got, network.compiled()(*network.arrays()), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("trips", "left"), [(0, True), (1, False), (4, False), (None, True)])
def test_trips_must_be_known(trips: int | None, left: bool) -> None:
    x, factor = np.array([1.5, -1, 0.5], np.float32), np.array([0.5, 1, 2], np.float32)
    step, plain = powers(trips), powers(trips, pipeline="dce")
    for a, b in zip(step(x, factor, 4), plain(x, factor, 4), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (count(plain, PASSES, Push) > 0) == left


def test_stacks_of_complex_numbers_stay() -> None:
    step = powers(3, "complex64", pipeline="dce")
    assert count(step, PASSES, Pop) == count(step, "dce", Pop) > 0


def test_a_loop_in_a_loop() -> None:
    """The stacks of the inner loop are filled anew in each trip of the outer one, whose own hold its values."""

    def outer(k: Any, h: Any) -> Any:
        _, h = pb.while_loop(
            lambda t, h: t < 4, lambda t, h: (t + 1, pb.sin(h * h)), [pb.constant(0, "i32"), h]
        )
        return k + 1, h * h

    x = np.linspace(0.1, 1.1, 5, dtype=np.float32)
    with pb.Graph():
        h = pb.placeholder("f32", x.shape)
        _, y = pb.while_loop(lambda k, h: k < 3, outer, [pb.constant(0, "i32"), h])
        steps = [
            pb.compile([h], [y, *pb.gradients(y, [h])], target=target, pipeline=pipeline)
            for target, pipeline in (("numpy", "dce"), ("numpy", PASSES), ("cpu", ""))
        ]
    expected, rows, native = (step(x) for step in steps)
    for a, b, c in zip(expected, rows, native, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-4, atol=1e-6)


def test_a_value_is_kept_once() -> None:
    """What `batch-products` keeps already is read there: of all that is kept, no two are the same value."""
    with pb.Graph():
        u, x = pb.placeholder("f32", (4, 4)), pb.placeholder("f32", (3, 4))
        _, h = pb.while_loop(
            lambda t, h: t < 5, lambda t, h: (t + 1, pb.sin(h @ u) * h), [pb.constant(0, "i32"), x]
        )
        step = pb.compile([u, x], [h, *pb.gradients(h, [u, x])], target="numpy")
    module = pb.pipeline(f"batch-products,{PASSES}")(step.module("graph")).op
    assert not any(isinstance(op, Push) for op in module.walk())
    kept: list[Any] = []
    for op in module.walk():
        if isinstance(op, MakeSlices):
            made = op.operands[0].owner
            kept.append(made.operands[0] if isinstance(made, Reshape) else op.operands[0])
    assert len(kept) == len(set(kept)) >= 2
