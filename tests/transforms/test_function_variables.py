"""`function` and variables: read, updated, shared, and made at the first trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb


def test_functions_read_and_update_variables_in_order() -> None:
    v = pb.Variable(np.array([1.0, 2.0]), name="v")

    @pb.function
    def f(x: Any) -> Any:
        before = v + 0.0
        v.assign(v * x)
        v.assign_sub(1.0)
        return before, v

    for _ in range(2):
        expected = v.numpy()
        before, after = f(np.float64(3))
        np.testing.assert_array_equal(before, expected)
        np.testing.assert_array_equal(after, 3 * expected - 1)
        np.testing.assert_array_equal(v.numpy(), after)


def test_two_functions_and_a_graph_share_a_variable() -> None:
    with pb.Graph():
        v = pb.Variable(1.0, name="v")
        other = pb.Variable(10.0, name="other")
        double = v.assign(v * 2.0)
    add = pb.function(lambda x: v.assign_add(x + other))
    assert add(np.float32(5)) is None
    pb.run(double)
    assert pb.function(lambda: v)() == 32
    assert v.numpy() == 32


def test_variables_of_one_name_stay_apart() -> None:
    a, b = pb.Variable(1.0, name="v"), pb.Variable(2.0, name="v")
    assert pb.function(lambda: a * 10.0 + b)() == 12


def test_variables_may_be_arguments() -> None:
    a, b = pb.Variable(1.0), pb.Variable(2.0)
    f = pb.function(lambda v, x: v.assign_add(x))
    f(a, np.float32(5))
    f(b, np.float32(7))
    assert (a.numpy(), b.numpy()) == (6, 9)


def test_updates_inside_of_loops_happen() -> None:
    v = pb.Variable(0.0)

    @pb.function
    def f(n: Any) -> Any:
        def body(i: Any) -> Any:
            with pb.control_dependencies([v.assign_add(2.0)]):
                return pb.identity(i + 1)

        return pb.while_loop(lambda i: i < n, body, [0])[0]

    assert f(4) == 4
    assert v.numpy() == 8


def test_optimizers_in_functions_keep_their_slots() -> None:
    w = pb.Variable(np.zeros(3, np.float32), name="w")
    optimizer = pb.train.MomentumOptimizer(0.1, 0.9)

    @pb.function
    def step(x: Any) -> Any:
        loss = pb.sum((x - w) * (x - w))
        optimizer.minimize(loss)
        return loss

    expected, momentum = np.zeros(3), np.zeros(3)
    for rows in (1, 1, 2, 1):
        x = np.full((rows, 3), 2, np.float32)
        assert step(x) == pytest.approx(np.sum((x - expected) ** 2), rel=1e-5)
        momentum = 0.9 * momentum - 2 * (x - expected).sum(0)
        expected = expected - 0.1 * momentum
        np.testing.assert_allclose(w.numpy(), expected, rtol=1e-5)


def test_variables_are_made_at_the_first_trace_only() -> None:
    f = pb.function(lambda x: pb.Variable(3.0, name="mine") * x)
    assert [f(1.0), f(2.0)] == [3, 6]
    with pytest.raises(ValueError, match="variable 'mine' is made by a function that was traced before"):
        f(np.ones(2, np.float32))
