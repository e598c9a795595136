"""Forks while other threads compile and run: the child inherited locks that were never released in it."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.process import locks
from pullback.process.quiet_collector import quiet_collector

ROWS = 3


def network() -> tuple[pb.Variable, Any]:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 8), name="x")
        w = pb.Variable(np.ones((8, 8), np.float32), name="w")
        loss = pb.sum(pb.sort(pb.softmax(pb.tanh(x @ w) @ w)))
        (dw,) = pb.gradients(loss, [w])
        return w, pb.compile([x], [loss, w.assign_sub(0.01 * dw)])


def rows(count: int) -> np.ndarray[Any, Any]:
    return np.ones((count, 8), np.float32)


@contextmanager
def meanwhile(action: Callable[[], object]) -> Generator[None]:
    """Repeats an action in another thread."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            action()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def child_ends(action: Callable[[], object], seconds: float = 60.0) -> bool:
    """Whether a child in which this runs ends well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks of threads
        pid = os.fork()
    if pid == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status == 0
        time.sleep(0.005)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return False


def all_forks(times: int, action: Callable[[], object]) -> None:
    for i in range(times):
        time.sleep(0.004 * (i % 5))
        assert child_ends(action), f"child {i} hangs or fails"


@pytest.mark.parametrize("times", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_while_another_thread_compiles(times: int) -> None:
    w, step = network()
    step(rows(ROWS))

    def in_child() -> None:
        with pb.Graph():
            x = pb.placeholder("f32", (None, 8), name="x")
            pb.compile([x], [pb.sort(x) * 2.0])(rows(ROWS))
        step(rows(ROWS))
        w.numpy()

    with meanwhile(lambda: network()[1](rows(ROWS))):
        all_forks(times, in_child)


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
def test_while_another_thread_runs(times: int, target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 8), name="x")
        w = pb.Variable(np.ones((8, 8), np.float32), name="w")
        step = pb.compile([x], [w.assign(pb.tanh(w + pb.sum(pb.tanh(x))))], target)
    large = rows(20_000 if target != "simt" else 20)
    step(large)

    def in_child() -> None:
        step(large)
        w.numpy()

    with meanwhile(lambda: step(large)):
        all_forks(times, in_child)


def test_every_lock_is_free_in_the_child_but_those_of_the_thread_that_forks() -> None:
    own, other = locks.Lock(), locks.Lock()

    def in_child() -> None:
        assert own.held_here() and other.acquire(blocking=False)

    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with other:
            taken.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        with own:
            assert child_ends(in_child, 10.0)
            assert own.held_here()
    finally:
        done.set()
        thread.join()


def test_the_collector_of_a_child_runs_as_ever() -> None:
    before = gc.get_threshold()
    begun, done = threading.Event(), threading.Event()

    def build() -> None:
        with quiet_collector():
            begun.set()
            done.wait()

    thread = threading.Thread(target=build)
    thread.start()
    begun.wait()

    def in_child() -> None:
        assert gc.get_threshold() == before

    try:
        assert gc.get_threshold() != before
        assert child_ends(in_child, 10.0)
    finally:
        done.set()
        thread.join()
    assert gc.get_threshold() == before


def test_the_collector_runs_again_when_the_last_of_two_threads_is_done() -> None:
    before = gc.get_threshold()
    first, second, over = threading.Event(), threading.Event(), threading.Event()

    def build() -> None:
        with quiet_collector():
            first.set()
            second.wait()
        over.set()

    thread = threading.Thread(target=build)
    thread.start()
    first.wait()
    with quiet_collector():
        second.set()
        over.wait()
        assert gc.get_threshold() != before
    thread.join()
    assert gc.get_threshold() == before
