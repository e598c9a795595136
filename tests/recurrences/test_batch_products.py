"""Recurrences whose products are taken out of their loops, beside the same ones without that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.state.control_flow import While
from pullback.tests.recurrences.recurrent_networks import Network
from pullback.tests.targets import COMPILED

PASSES = "batch-products,hoist-invariants,dce,verify-level{level=graph}"


def products_in_loops(module: Any) -> tuple[int, int]:
    """How many products are in loops, and how many are not."""
    found = [isinstance(op.parent_op(), While) for op in module.walk() if isinstance(op, MatMul)]
    return sum(found), len(found) - sum(found)


def batched(network: Network) -> Any:
    """The module of a network's step after the passes."""
    return pb.pipeline(PASSES)(network.compiled().module("graph")).op


def assert_same(network: Network, target: str = "numpy", pipeline: str = PASSES) -> None:
    arrays = network.arrays()
    expected = network.compiled()(*arrays)
    got = network.compiled(target, pipeline)(*arrays)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("steps", [2, 5, 17])
def test_results_stay(cell: str, reverse: bool, steps: int) -> None:
    assert_same(Network(cell, steps=steps, extent=steps, reverse=reverse))


@pytest.mark.parametrize("target", COMPILED)
def test_results_stay_on_every_target(target: str) -> None:
    assert_same(Network("lstm", steps=3, extent=3, reverse=True), target, "")


@pytest.mark.parametrize(("steps", "extent"), [(0, 5), (1, 1), (1, 5), (3, 5), (7, 5)])
def test_results_stay_where_trips_are_not_those_of_the_sequence(steps: int, extent: int) -> None:
    """Also where rows out of range are read, which are zero."""
    assert_same(Network("lstm", steps=steps, extent=extent))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_recurrence_keeps_what_needs_the_step_before(cell: str, reverse: bool) -> None:
    """h @ u and the gradient of h, and that of x, which is no sum: of six products three are outside."""
    network = Network(cell, reverse=reverse)
    assert products_in_loops(network.compiled().module("graph").op) == (6, 0)
    assert products_in_loops(batched(network)) == (3, 3)


def test_rows_that_are_read_rarely_are_not_multiplied_all() -> None:
    assert products_in_loops(batched(Network("rnn", steps=3, extent=5))) == (4, 2)


@pytest.mark.parametrize("network", [Network("rnn", batch=300), Network("rnn", steps=1)])
def test_products_that_are_large_or_few_stay(network: Network) -> None:
    assert products_in_loops(batched(network))[0] >= 5


def test_a_loop_in_a_loop() -> None:
    """Rows of the inner sequence are multiplied before the outer loop: it is the same for all of its trips."""

    def outer(k: Any, h: Any) -> Any:
        _, h = pb.while_loop(
            lambda t, h: t < 4, lambda t, h: (t + 1, pb.tanh(xs[t] @ w + h @ w)), [pb.constant(0, "i32"), h]
        )
        return k + 1, h

    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((4, 2, 3)).astype(np.float32), rng.standard_normal((3, 3)).astype(np.float32)
    with pb.Graph():
        xs, w = pb.placeholder("f32", x.shape), pb.placeholder("f32", v.shape)
        _, h = pb.while_loop(lambda k, h: k < 3, outer, [pb.constant(0, "i32"), pb.zeros((2, 3), "f32")])
        loss = pb.sum(h * h)
        steps = [
            pb.compile([xs, w], [loss, *pb.gradients(loss, [xs, w])], target="numpy", pipeline=pipeline)
            for pipeline in ("dce", PASSES)
        ]
    for a, b in zip(*(step(x, v) for step in steps), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    module = pb.pipeline("batch-products,hoist-invariants,cse")(steps[0].module("graph")).op
    depths = [depth(op) for op in module.walk() if isinstance(op, MatMul)]
    assert depths.count(0) == 1


def depth(op: Any) -> int:
    """In how many loops an operation is."""
    around = op.parent_op()
    return 0 if around is None else depth(around) + isinstance(around, While)


@pytest.mark.parametrize("reads", [False, True])
def test_a_sum_that_the_loop_reads_stays(reads: bool) -> None:
    """And one that begins with something else than zero, whose first value is added at the end."""
    rng = np.random.default_rng(0)
    x, s = rng.standard_normal((6, 2, 3)).astype(np.float32), rng.standard_normal((3, 3)).astype(np.float32)
    with pb.Graph():
        xs, start = pb.placeholder("f32", x.shape), pb.placeholder("f32", s.shape)

        def body(t: Any, total: Any, h: Any) -> Any:
            row = xs[t] + h
            h = pb.tanh(row @ total if reads else row)
            return t + 1, total + pb.matmul(row, xs[t], transpose_a=True), h

        first = [pb.constant(0, "i32"), start, pb.zeros((2, 3), "f32")]
        outputs = pb.while_loop(lambda t, total, h: t < 6, body, first)[1:]
        plain, step = (pb.compile([xs, start], outputs, target="numpy", pipeline=p) for p in ("dce", PASSES))
    for a, b in zip(step(x, s), plain(x, s), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    inside, outside = products_in_loops(pb.pipeline(PASSES)(plain.module("graph")).op)
    assert (inside, outside) == ((2, 0) if reads else (0, 1))
