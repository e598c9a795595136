"""Ctrl-C while a step runs: it was lost in operations of the host, whose results were then used, and loops ran on."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

pytestmark = pytest.mark.usefixtures("ctrl_c")

FOR_EVER = np.asarray(np.int32(2**31 - 1))


def soon(seconds: float, number: int = signal.SIGINT) -> None:
    """Sends this process a signal, which may come before this returns."""
    threading.Timer(seconds, lambda: os.kill(os.getpid(), number)).start()


def interrupted(seconds: float, action: Callable[[], object], within: float = 1.0) -> KeyboardInterrupt:
    """What Ctrl-C raises; within a second of the processor's time, which neighbours do not stretch."""
    begin = time.process_time()
    with pytest.raises(KeyboardInterrupt) as caught:  # noqa: PT012 it comes when it comes
        soon(seconds)
        action()
        time.sleep(seconds + 5)
    assert time.process_time() - begin < seconds + within
    return caught.value


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", []))


def is_free(variable: pb.Variable) -> bool:
    """Whether another thread may use a variable."""
    found: list[bool] = []

    def look() -> None:
        found.append(variable.lock.acquire(blocking=False))
        if found[0]:
            variable.lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found == [True]


def waiting(n: Any, x: Any) -> Any:
    """A loop of as many trips as one likes."""
    return pb.while_loop(lambda i, a: i < n, lambda i, a: [i + 1, pb.tanh(a * 0.5 + x)], [pb.constant(0), x])[
        1
    ]


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
def test_a_loop_ends_and_leaves_variables_as_they_were(target: str) -> None:
    with pb.Graph():
        n, x = pb.placeholder("i32", (), name="n"), pb.placeholder("f32", (64,), name="x")
        w, b = pb.Variable(np.zeros(64, np.float32), name="w"), pb.Variable(1.0, name="b")
        y = waiting(n, x)
        step = pb.compile([n, x], [y, w.assign_add(y), b.assign_add(1.0)], target)
    data = np.ones(64, np.float32)
    expected = step(np.int32(5), data)[0].copy()
    before = w.numpy()
    error = interrupted(0.2, lambda: step(FOR_EVER, data))
    assert notes(error) == ""
    np.testing.assert_array_equal(w.numpy(), before)
    assert b.numpy() == 2
    assert is_free(w)
    np.testing.assert_array_equal(step(np.int32(5), data)[0], expected)


def test_straight_code_stops_between_kernels() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (700, 700), name="x")
        w = pb.Variable(np.zeros((700, 700), np.float32), name="w")
        y = x
        for _ in range(300):
            y = pb.tanh(y @ x)
        step = pb.compile([x], [w.assign_add(y + 1.0)])
    data = np.zeros((700, 700), np.float32)
    step._program.executor([data])  # compiles
    error = interrupted(0.2, lambda: step(data))
    assert notes(error) == ""
    assert not w.numpy().any()


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
def test_a_loop_that_writes_stops_between_trips_and_says_what_has_changed(target: str) -> None:
    with pb.Graph():
        n = pb.placeholder("i32", (), name="n")
        w, v = pb.Variable(np.zeros(64), name="w"), pb.Variable(np.zeros(3), name="v")
        b = pb.Variable(0.0, name="b")

        def body(i: Any) -> Any:
            with pb.control_dependencies([w.assign_add(1.0), v.assign_add(pb.sort(v) * 0.0 + 1.0)]):
                return [i + 1]

        (last,) = pb.while_loop(lambda i: i < n, body, [pb.constant(0)])
        step = pb.compile([n], [last, b.assign_add(pb.cast(last, "f32"))], target)
    step(np.int32(1))
    for variable in (w, v, b):
        variable.array[...] = 0
    error = interrupted(0.2, lambda: step(FOR_EVER))
    assert notes(error) == "the step that this ended had changed the variables 'w', 'v'"
    assert b.numpy() == 0
    trips = w.numpy()[0]
    assert trips > 0
    np.testing.assert_array_equal(w.numpy(), np.full(64, trips))
    np.testing.assert_array_equal(v.numpy(), np.full(3, trips))


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
def test_after_the_first_write_a_step_runs_to_its_end(target: str) -> None:
    trips = {"numpy": 3000, "cpu": 8_000_000, "simt": 500, "fibers": 500}[target]
    with pb.Graph():
        n, x = pb.placeholder("i32", (), name="n"), pb.placeholder("f32", (64,), name="x")
        w, b = pb.Variable(0.0, name="w"), pb.Variable(0.0, name="b")
        with pb.control_dependencies([w.assign_add(1.0)]):
            y = waiting(n, x + w.read() * 0.0)
        last = b.assign_add(pb.sum(pb.sort(y)) * 0.0 + 1.0)
        step = pb.compile([n, x], [last], target)
    data = np.ones(64, np.float32)
    step(np.int32(2), data)
    begin = time.monotonic()
    step(np.int32(trips), data)
    seconds = time.monotonic() - begin
    interrupted(seconds / 3, lambda: step(np.int32(trips), data), within=math.inf)
    assert (w.numpy(), b.numpy()) == (3, 3)


@pytest.mark.parametrize(
    ("target", "times"),
    [
        ("numpy", 12),
        ("cpu", 12),
        ("simt", 6),
        ("fibers", 6),
        *(pytest.param(t, 200, marks=pytest.mark.slow) for t in ("numpy", "cpu", "simt")),
    ],
)
def test_at_any_time_all_variables_have_changed_or_none(target: str, times: int) -> None:
    """Many operations of the host, before, between and in the writes."""
    with pb.Graph():
        x = pb.placeholder("f32", (200,), name="x")
        count = pb.Variable(np.zeros(200, np.float32), name="count")
        same = pb.Variable(np.zeros(200, np.float32), name="same")
        new = pb.sort(pb.sort(count + 1.0)[::-1])
        step = pb.compile([x], [x * 2.0, count.assign(new), same.assign(new * 1.0 + 0.0 * x)], target)
    data = np.ones(200, np.float32)
    step(data)
    draw = np.random.default_rng(0)
    for _ in range(times):
        done = count.numpy()[0]
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 it comes when it comes
            soon(float(draw.uniform(0, 0.01)))
            while True:
                (doubled, *_) = step(data)
                done += 1
                assert doubled[0] == 2
                np.testing.assert_array_equal(count.array, np.full(200, done))
        # A step that had changed its variables has ended; whether its result got here or not.
        assert count.numpy()[0] - done in (0, 1)
        np.testing.assert_array_equal(count.numpy(), np.full(200, count.numpy()[0]))
        np.testing.assert_array_equal(same.numpy(), count.numpy())
    assert is_free(count)


@pytest.mark.parametrize("times", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_no_interrupt_is_lost_in_the_host(times: int) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (50,), name="x")
        y = x
        for _ in range(10):
            y = pb.sort(-y)
        step = pb.compile([x], [y])
    data = np.random.default_rng(0).normal(size=50).astype(np.float32)
    expected = step(data)[0].copy()
    draw = np.random.default_rng(1)
    for _ in range(times):
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 it comes when it comes
            soon(float(draw.uniform(0, 0.004)))
            while True:
                np.testing.assert_array_equal(step(data)[0], expected)
    np.testing.assert_array_equal(step(data)[0], expected)


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
def test_what_fails_after_a_write_says_what_has_changed(target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 2), name="x")
        w, b = pb.Variable(0.0, name="w"), pb.Variable(np.zeros((2, 2), np.float32), name="b")
        with pb.control_dependencies([w.assign_add(1.0)]):
            last = b.assign(pb.cholesky(x + w.read() * 0.0))
        step = pb.compile([x], [last], target)
    step(np.eye(2, dtype=np.float32))
    with pytest.raises(ValueError, match="definite") as caught:
        step(-np.eye(2, dtype=np.float32))
    assert "had changed the variable 'w'" in notes(caught.value)
    np.testing.assert_array_equal(b.numpy(), np.eye(2))


def test_other_signals_end_a_step_too() -> None:
    with pb.Graph():
        n, x = pb.placeholder("i32", (), name="n"), pb.placeholder("f32", (64,), name="x")
        step = pb.compile([n, x], [waiting(n, x)])
    data = np.ones(64, np.float32)
    step(np.int32(1), data)

    def too_long(*_: object) -> None:
        raise TimeoutError("too long")

    before = signal.signal(signal.SIGUSR1, too_long)
    soon(0.2, signal.SIGUSR1)
    try:
        with pytest.raises(TimeoutError, match="too long"):
            step(FOR_EVER, data)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt", "fibers"])
def test_a_handler_that_raises_nothing_lets_the_step_go_on(target: str) -> None:
    seen: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    with pb.Graph():
        w = pb.Variable(np.zeros(100), name="w")
        step = pb.compile([], [w.assign(pb.sort(w.read()) + 1.0)], target)
    step()
    soon(0.05)
    calls = 1
    end = time.monotonic() + 60  # a busy machine may let the other thread wait
    while not seen and time.monotonic() < end:
        step()
        calls += 1
    assert seen == [signal.SIGINT]
    step()
    calls += 1
    np.testing.assert_array_equal(w.numpy(), np.full(100, float(calls)))


def test_a_step_of_another_thread_is_interrupted_by_nothing() -> None:
    with pb.Graph():
        n, x = pb.placeholder("i32", (), name="n"), pb.placeholder("f32", (64,), name="x")
        step = pb.compile([n, x], [waiting(n, x)])
    data = np.ones(64, np.float32)
    (expected,) = step(np.int32(3_000_000), data)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(step(np.int32(3_000_000), data)[0]))
    thread.start()
    interrupted(0.02, lambda: time.sleep(5))
    thread.join()
    np.testing.assert_array_equal(found[0], expected)


def test_the_text_shows_where_a_step_may_stop() -> None:
    with pb.Graph():
        n, x = pb.placeholder("i32", (), name="n"), pb.placeholder("f32", (64,), name="x")
        loop = pb.compile([n, x], [waiting(n, x)])
        plain = pb.compile([x], [pb.tanh(x) * 2.0])
    shapes = [(), (64,)]
    text = loop.ir("llvm", shapes)
    assert text.count("call i64 @pb.poll") == 1
    assert text.index("define void @main(") < text.index("call i64 @pb.poll") < text.index("@main.packed(")
    assert "poll" not in loop.ir("loops", shapes)
    assert "poll" not in plain.ir("llvm", [(64,)]) and "fuel" not in plain.ir("llvm", [(64,)])


@pytest.mark.parametrize("ended_by", ["interrupt", "failure"])
def test_what_a_loop_has_allocated_is_given_back(ended_by: str) -> None:
    with pb.Graph():
        n, x = pb.placeholder("i32", (), name="n"), pb.placeholder("f32", (5000,), name="x")
        s = pb.placeholder("f32", (2, 2), name="s")

        def body(i: Any, a: Any) -> Any:
            b = pb.tanh(a * 0.5 + x)
            if ended_by == "failure":  # where the trips have made the matrix singular
                b = b + 0.0 * pb.sum(pb.cholesky(s * pb.cast(n - i, "f32")))
            return [i + 1, b]

        (dx,) = pb.gradients(pb.sum(pb.while_loop(lambda i, a: i < n + 9, body, [pb.constant(0), x])[1]), [x])
        step = pb.compile([n, x, s], [dx])
    data, matrix = np.ones(5000, np.float32), np.eye(2, dtype=np.float32)
    if ended_by == "interrupt":  # compile: where Python frees objects, it loses an interrupt
        step(np.asarray(np.int32(1)), data, matrix)

    def end() -> None:
        if ended_by == "interrupt":
            interrupted(0.1, lambda: step(np.asarray(np.int32(2**31 - 10)), data, matrix))
        else:
            with pytest.raises(ValueError, match="definite"):
                step(np.asarray(np.int32(2000)), data, matrix)

    sizes: list[float] = []
    for _ in range(12):
        end()
        with open("/proc/self/statm") as file:
            sizes.append(int(file.read().split()[1]) * 4096 / 1e6)
    # Each time 40 MB and more; malloc keeps some of it for the next time.
    assert sizes[-1] - sizes[3] < 120, sizes
