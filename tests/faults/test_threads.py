"""Steps that share a variable, each in a thread of its own: updates were lost for lack of a lock."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.process.locks import Lock, holding, in_order


def at_once(*actions: Callable[[], Any]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
def test_no_update_is_lost(target: str) -> None:
    times, threads = (3, 3) if target == "simt" else (60, 4)
    with pb.Graph():
        w = pb.Variable(np.zeros(200_000 if target == "cpu" else 1000), name="w")
        # An operation of the host, which gives other threads time to run, between the read and the write.
        old = pb.sort(w.read())
        steps = [pb.compile([], [w.assign(old + float(k + 1))], target) for k in range(threads)]

    def many(step: Any) -> None:
        for _ in range(times):
            step()

    at_once(*(lambda s=s: many(s) for s in steps))
    np.testing.assert_array_equal(w.numpy(), np.full(w.shape, times * sum(range(1, threads + 1))))


def test_steps_that_take_variables_in_different_orders_do_not_wait_for_each_other() -> None:
    with pb.Graph():
        a, b = pb.Variable(np.zeros(1000), name="a"), pb.Variable(np.zeros(1000), name="b")
        one = pb.compile([], [a.assign_add(b.read() + 1.0), b.assign_add(1.0)])
        other = pb.compile([], [b.assign_add(1.0), a.assign_add(b.read() + 1.0)])

    def many(step: Any) -> None:
        for _ in range(300):
            step()

    at_once(lambda: many(one), lambda: many(other))
    assert b.numpy()[0] == 600


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_numpy_sees_a_step_before_or_after(target: str) -> None:
    with pb.Graph():
        w = pb.Variable(np.zeros(100_000), name="w")
        step = pb.compile([], [w.assign(pb.sort(w.read()) + 1.0)], target)
    seen: list[bool] = []

    def look() -> None:
        for _ in range(100):
            found = w.numpy()
            seen.append(bool((found == found[0]).all()))

    at_once(look, lambda: [step() for _ in range(100)])
    assert all(seen)


def test_a_function_and_a_step_share_the_lock() -> None:
    with pb.Graph():
        w = pb.Variable(np.zeros(1000), name="w")
        step = pb.compile([], [w.assign_add(1.0)], "numpy")

    @pb.function(target="numpy")
    def add() -> Any:
        w.assign_add(1.0)
        return w.read()

    add()
    at_once(lambda: [step() for _ in range(300)], lambda: [add() for _ in range(300)])
    assert w.numpy()[0] == 601


def test_threads_share_one_trace() -> None:
    made: list[pb.Variable] = []

    @pb.function(target="numpy")
    def count(x: Any) -> Any:
        if not made:
            time.sleep(0.05)  # for other threads to come
            made.append(pb.Variable(np.zeros(3), name="n"))
        made[0].assign_add(x)
        return made[0].read()

    results: list[Any] = []
    at_once(*[lambda: [results.append(count(np.ones(3))) for _ in range(50)]] * 4)
    assert len(results) == 200 and len(made) == 1
    np.testing.assert_array_equal(made[0].numpy(), np.full(3, 200.0))


def test_threads_run_one_graph() -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (None,), name="x")
        tensors = [x * float(k) for k in range(40)]
    wrong: list[int] = []

    def many(first: int) -> None:
        wrong.extend(
            k for k in range(first, first + 60) if pb.run(tensors[k % 40], {x: np.ones(2)})[0] != k % 40
        )

    at_once(*(lambda f=f: many(f) for f in (0, 7, 14)))
    assert wrong == []


def test_locks_are_reentrant_ordered_and_given_back() -> None:
    one, two = Lock(), Lock()
    assert in_order([two, one, two]) == (one, two)

    def inside() -> bool:
        return one.held_here() and two.held_here() and holding((one,), lambda: True)

    assert holding((one, two), inside)
    assert not one.held_here() and not two.held_here()

    def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        holding((one, two), fails)
    assert not one.held_here() and not two.held_here()


def test_copies_of_locks_are_new_and_free() -> None:
    lock = Lock()
    with lock:
        for other in (copy.deepcopy(lock), pickle.loads(pickle.dumps(lock))):
            assert other.number > lock.number and not other.held_here()
