"""Freeing, threads, forks, signals, and the end of the process."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from pullback.backends.cuda_runtime.device_queues import device_queue
from pullback.tests.backends.cuda_runtime.programs_on_devices import (
    X,
    agree,
    host_operation,
    layers,
    loop,
)
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler


@pytest.mark.parametrize("devices", [None, ("cuda:0", "cuda:1"), ("cpu:0", "cuda:1")])
def test_all_memory_is_given_back(devices: tuple[str, str] | None) -> None:
    with standing_in(devices=2) as core:
        trained = layers(devices=devices)
        trained.step(X)
        taken = len(core.recording.allocations())
        assert not core.recording.frees()
        del trained
        gc.collect()
        for number in range(2):
            queue = device_queue(number)
            queue.enter()
            queue.synchronize()
        assert len(core.recording.frees()) == taken > 0


@pytest.mark.parametrize("devices", [None, ("cuda:0", "cuda:1")])
def test_a_step_that_goes_while_devices_are_busy_with_it(devices: tuple[str, str] | None) -> None:
    with standing_in(devices=2):  # which finds memory that is freed too early
        trained = layers(devices=devices, device_outputs=True)
        loss, _ = [trained.step(X) for _ in range(2)][-1]
        del trained
        gc.collect()
        assert np.isfinite(float(loss))


def test_one_step_from_two_threads(core: StandIn) -> None:
    step, expected = host_operation(), host_operation("numpy")
    inputs = [X * k for k in range(8)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(step, inputs))
    for x, result in zip(inputs, results, strict=True):
        agree(result, expected(x))


def test_two_steps_from_two_threads(core: StandIn) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = layers(), host_operation()
        futures = [pool.submit(step, X) for _ in range(4) for step in (first.step, second)]
        results = [future.result() for future in futures]
    expected = layers("numpy")
    # Which thread comes first is not known; the losses are those of four updates, one after the other.
    losses = sorted(float(result[0]) for result in results[::2])
    agree([losses], [sorted(float(expected.step(X)[0]) for _ in range(4))])
    for result in results[1::2]:
        agree(result, host_operation("numpy")(X))
    agree(first.contents(), expected.contents())


def test_the_child_of_a_fork(core: StandIn) -> None:
    trained = layers()
    trained.step(X)
    read, write = os.pipe()
    child = os.fork()
    if not child:  # no test runs here
        said = []
        for action in (lambda: trained.step(X), trained.variables[0].numpy):
            try:
                action()
                said.append("nothing")
            except Exception as error:
                said.append(f"{type(error).__name__}: {error}")
        os.write(write, "\n".join(said).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        said = pipe.read().splitlines()
    assert len(said) == 2
    for line in said:
        assert line.startswith("CudaMissingError: this process was forked from one that had used the GPU")
        assert "'spawn'" in line
    trained.step(X)


def interrupting(monkeypatch: pytest.MonkeyPatch, core: StandIn, at: int) -> None:
    """Has Ctrl-C arrive at the nth launch of a graph from now on."""
    launch, count = core._machine.types["Graph"].launch, iter(range(1, 1000))

    def launch_and_interrupt(self: Any, stream: Any) -> None:
        if next(count) == at:
            signal.raise_signal(signal.SIGINT)
        launch(self, stream)

    monkeypatch.setattr(core._machine.types["Graph"], "launch", launch_and_interrupt)


def test_a_signal_waits_until_the_step_has_changed_its_variables(
    core: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, expected = layers(), layers("numpy")
    with monkeypatch.context() as patch:
        interrupting(patch, core, 1)
        with pytest.raises(KeyboardInterrupt):
            trained.step(X)
    expected.step(X)
    agree(trained.contents(), expected.contents())
    agree(trained.step(X), expected.step(X))


def test_a_signal_ends_a_loop_between_trips(core: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    step, expected = loop(), loop("numpy")
    with monkeypatch.context() as patch:
        interrupting(patch, core, 5)
        with pytest.raises(KeyboardInterrupt):
            step(X, np.int32(9))
    assert device_queue().is_settled
    agree(step(X, np.int32(2)), expected(X, np.int32(2)))


def test_a_process_that_ends_with_work_enqueued() -> None:
    program = (
        "from pullback.backends.cuda_runtime import api; from pullback.tests.cuda_core.stand_in import StandIn\n"
        "from pullback.tests.backends.cuda_runtime.programs_on_devices import X, pb\n"
        "api._substitutes.append(StandIn())\n"
        "with pb.Graph():\n"
        "    x = pb.placeholder('f32', (8, 4)); w = pb.Variable(X, name='w')\n"
        "    step = pb.compile([x], [x + w, w.assign_add(x)], target='cuda', device_outputs=True)\n"
        "kept = [step(X) for _ in range(3)]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
