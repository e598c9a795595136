"""The pool of threads: workers that come late or never, forks, the end of the process, calls at once, errors."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest

import pullback as pb
from pullback.backends.cpu.jit_session import compiled_once
from pullback.backends.cpu.symbols import RUN
from pullback.backends.cpu.threads.architecture import ARCHITECTURES
from pullback.backends.cpu.threads.pool_text import TABLE, with_threads, without_threads
from pullback.backends.cpu.threads.thread_pool import pool
from pullback.backends.evaluator.evaluator import EvaluationError
from pullback.process.thread_count import MOST_THREADS, quota

ARCHITECTURE = ARCHITECTURES.get(llvm.get_process_triple().partition("-")[0])
HAS_THREADS = ARCHITECTURE is not None and hasattr(os, "fork")
needs_threads = pytest.mark.skipif(not HAS_THREADS, reason="no POSIX threads")
Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
Run = ctypes.CFUNCTYPE(None, Body, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    yield
    pb.set_num_threads(None)


@pytest.fixture(scope="module")
def step() -> Callable[..., Any]:
    """One kernel of a millisecond and several of less."""
    with pb.Graph():
        x = pb.placeholder("f32", (300, 400), name="x")
        return pb.compile([x], [pb.softmax(pb.tanh(x)), pb.matmul(x, pb.transpose(x))])


@pytest.fixture(scope="module")
def x() -> Any:
    return np.random.default_rng(0).standard_normal((300, 400), np.float32)


def bits(results: Any) -> list[bytes]:
    return [np.asarray(result).tobytes() for result in results]


# ---- the protocol ---------------------------------------------------------------------------------------------


def private_pool(hook: str) -> tuple[Any, ctypes.c_int32, ctypes.c_int32]:
    """A pool of its own with one worker that does what `hook` says before it claims a chunk; `@hook` is its flag."""
    assert ARCHITECTURE is not None
    claim = "  %chunk = call i64 @pb.claim(i1 false)"
    text = with_threads(ARCHITECTURE).replace(claim, f"{hook}\n{claim}")
    assert hook in text
    text = text.replace(f"@{TABLE} = constant [4 x ptr] [", f"@{TABLE} = constant [5 x ptr] [").replace(
        "ptr @pb.forget]", "ptr @pb.forget, ptr @hook]"
    )
    text += "\n@hook = internal global i32 0, align 64\n"
    run, count, worker, _, flag = (ctypes.c_size_t * 5).from_address(compiled_once(text, TABLE, {}))
    threads, at_hook = ctypes.c_int32.from_address(count), ctypes.c_int32.from_address(flag)
    native = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(worker)
    threads.value = 2  # before the worker looks: it would park
    threading.Thread(target=native, args=(0,), daemon=True).start()
    return Run(run), threads, at_hook


HOLD = """  %met = cmpxchg ptr @hook, i32 0, i32 1 seq_cst seq_cst
  br label %held
held:
  %flag = load atomic i32, ptr @hook seq_cst, align 4
  %hold = icmp ne i32 %flag, 2
  %nap = call i32 @sched_yield()
  br i1 %hold, label %held, label %go
go:"""


@needs_threads
def test_a_worker_that_is_stopped_before_its_claim_is_not_waited_for() -> None:
    run, _, flag = private_pool(HOLD)
    while flag.value != 1:
        time.sleep(0.001)
    callers, found = set[int](), list[tuple[int, int]]()

    def body(captured: int, start: int, end: int) -> None:
        callers.add(threading.get_ident())
        found.append((start, end))

    for _ in range(50):
        found.clear()
        run(Body(body), None, 100, SECOND)
        assert [number for start, end in sorted(found) for number in range(start, end)] == list(range(100))
    assert callers == {threading.get_ident()}
    flag.value = 2  # now it finds that there is nothing to do, or takes part
    time.sleep(0.01)
    for _ in range(50):
        found.clear()
        run(Body(body), None, 100, SECOND)
        assert [number for start, end in sorted(found) for number in range(start, end)] == list(range(100))


@needs_threads
def test_small_jobs_wake_a_parked_worker_only_where_they_follow_each_other() -> None:
    run, _, _ = private_pool("  ; as it is")
    callers = set[int]()

    def body(captured: int, start: int, end: int) -> None:
        callers.add(threading.get_ident())

    time.sleep(0.1)  # until the worker has parked
    for _ in range(300):
        run(Body(body), None, 2, 10_000)
        time.sleep(0.0005)
    assert callers == {threading.get_ident()}
    end = time.monotonic() + 30
    while len(callers) == 1 and time.monotonic() < end:
        run(Body(body), None, 2, 10_000)
    assert len(callers) == 2


@needs_threads
@pytest.mark.parametrize("iterations", [0, 1, 2, 3, 17, 1000])
def test_each_iteration_runs_once(iterations: int) -> None:
    run = Run(pool().addresses[RUN])
    counts = np.zeros(max(1, iterations), np.int64)
    pb.set_num_threads(3)

    def body(captured: int, start: int, end: int) -> None:
        counts[start:end] += 1
        time.sleep(0.0002)

    for _ in range(3):
        pool().calling(run)(Body(body), None, iterations, SECOND)
    assert (counts[:iterations] == 3).all()


def test_where_there_are_no_threads() -> None:
    run = Run(compiled_once(without_threads(), RUN, {}))
    found: list[tuple[int, int]] = []
    run(Body(lambda captured, start, end: found.append((start, end))), None, 7, SECOND)
    assert found == [(0, 7)]


# ---- processes and threads -------------------------------------------------------------------------------------


@needs_threads
def test_more_threads_than_cores_on_one_core(step: Callable[..., Any], x: Any) -> None:
    pb.set_num_threads(1)
    expected = bits(step(x))
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    try:
        for count in (5, 2, 7, 1, 5):
            pb.set_num_threads(count)
            assert bits(step(x)) == expected
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


@needs_threads
def test_threads_that_call_at_once_and_change_the_number(step: Callable[..., Any], x: Any) -> None:
    with pb.Graph():
        a = pb.placeholder("f32", (300, 400), name="x")
        other = pb.compile([a], [pb.softmax(pb.tanh(a)), pb.matmul(a, pb.transpose(a))])
    expected = bits(step(x))

    def work(number: int) -> bool:
        same = True
        for i in range(10):
            pb.set_num_threads(1 + (number + i) % 5)
            same &= bits((step, other)[number % 2](x)) == expected
        return same

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(4)))


@needs_threads
def test_forks(step: Callable[..., Any], x: Any) -> None:
    pb.set_num_threads(3)
    expected = bits(step(x))
    for _ in range(3):
        step(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks of threads
            child = os.fork()
        if child == 0:
            same = all(bits(step(x)) == expected for _ in range(3))
            started = pool().started == 2
            os._exit(0 if same and started else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert bits(step(x)) == expected


@needs_threads
def test_the_end_of_a_process_waits_for_no_worker() -> None:
    """Workers look for work, or are parked, or are at work for a thread that goes on."""
    program = """
import os, sys, threading, time
import numpy as np
import pullback as pb
pb.set_num_threads(3)
with pb.Graph():
    x = pb.placeholder("f32", (400, 500), name="x")
    step = pb.compile([x], [pb.tanh(x)])
array = np.zeros((400, 500), np.float32)
def work():
    for _ in range(20):
        step(array)
endings = [lambda: 0, lambda: time.sleep(0.02), lambda: threading.Thread(target=work).start()]
work()
for ending in endings:
    child = os.fork()
    if child == 0:
        work()
        ending()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_threads
def test_an_exception_of_the_host_ends_the_step_and_nothing_else() -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (200, 200), name="x")
        step = pb.compile([x], [pb.tanh(pb.cholesky(pb.exp(x) + pb.tanh(x)))])
    good, bad = np.log(np.eye(200) * 5 + 1), np.full((200, 200), -1.0)
    bad[0, 0] = -np.inf
    pb.set_num_threads(3)
    for _ in range(3):
        with pytest.raises(EvaluationError, match="not positive definite"):
            step(bad)
    results = bits(step(good))
    pb.set_num_threads(1)
    assert bits(step(good)) == results


@needs_threads
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number that means upwards")
def test_workers_round_as_the_caller_does(step: Callable[..., Any], x: Any) -> None:
    nearest, upwards, library = 0, 0x800, ctypes.CDLL(None)
    pb.set_num_threads(1)
    expected = bits(step(x))
    try:
        library.fesetround(upwards)
        found = bits(step(x))
        for count in (2, 5, 5, 5):
            pb.set_num_threads(count)
            assert bits(step(x)) == found
    finally:
        library.fesetround(nearest)
    assert found != expected
    assert bits(step(x)) == expected


# ---- how many --------------------------------------------------------------------------------------------------


def test_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pb.set_num_threads(3)
    assert pb.get_num_threads() == 3
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "4")
    assert pb.get_num_threads() == 3
    pb.set_num_threads(None)
    assert pb.get_num_threads() == 4
    for wrong in ("0", "257", "many", "-1"):
        monkeypatch.setenv("PULLBACK_NUM_THREADS", wrong)
        with pytest.raises(
            ValueError, match=f"PULLBACK_NUM_THREADS: expected .* from 1 to 256, got '{wrong}'"
        ):
            pb.get_num_threads()
    monkeypatch.delenv("PULLBACK_NUM_THREADS")
    assert 1 <= pb.get_num_threads() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("wrong", [0, -1, 257, 2**70])
def test_numbers_out_of_range(wrong: int) -> None:
    with pytest.raises(
        ValueError, match=rf"set_num_threads: expected 1 to 256 threads, or None, got {wrong}"
    ):
        pb.set_num_threads(wrong)


@pytest.mark.parametrize("wrong", [1.5, "2", True])
def test_what_is_no_number(wrong: Any) -> None:
    with pytest.raises(TypeError, match="set_num_threads: expected an integer or None, got"):
        pb.set_num_threads(wrong)


@needs_threads
def test_the_variable_is_read_at_each_call(
    step: Callable[..., Any], x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "2")
    expected = bits(step(x))
    before = pool().started
    monkeypatch.setenv("PULLBACK_NUM_THREADS", str(before + 3))
    assert bits(step(x)) == expected
    assert pool().started == before + 2
    monkeypatch.setenv("PULLBACK_NUM_THREADS", "none")
    with pytest.raises(ValueError, match="PULLBACK_NUM_THREADS"):
        step(x)


@needs_threads
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinities are not to be set")
def test_the_affinity_is_read_at_each_call(
    step: Callable[..., Any], x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULLBACK_NUM_THREADS", raising=False)
    everywhere = os.sched_getaffinity(0)
    expected = bits(step(x))
    assert pool().threads == pb.get_num_threads()
    try:
        os.sched_setaffinity(0, {min(everywhere)})
        assert bits(step(x)) == expected
        assert pool().threads == 1
    finally:
        os.sched_setaffinity(0, everywhere)
    assert bits(step(x)) == expected
    assert pool().threads == pb.get_num_threads()
    pb.set_num_threads(3)
    assert bits(step(x)) == expected
    assert pool().threads == 3


@pytest.mark.parametrize(
    ("listing", "files", "expected"),
    [
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 2),
        ("0::/outside\n", {"cpu.max": "50000 100000"}, 1),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "300000", "cpu/x/cpu.cfs_period_us": "100000"}, 3),
        ("4:cpu:/x\n", {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "100000"}, MOST_THREADS),
        ("0::/\n", {}, MOST_THREADS),
    ],
)
def test_quotas_of_control_groups(tmp_path: Path, listing: str, files: dict[str, str], expected: int) -> None:
    written = {"proc/self/cgroup": listing, **{f"sys/fs/cgroup/{name}": text for name, text in files.items()}}
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert quota(tmp_path) == expected
