"""Programs over several devices on the stand-in: events order them, and what is copied is counted."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.tests.backends.cuda_runtime.programs_on_devices import X, agree, layers
from pullback.tests.cuda_core.fixtures import standing_in

pytestmark = pytest.mark.compiler


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("devices", [("cuda:0", "cuda:1"), ("cuda:1", "cuda:0")])
def test_two_gpus(devices: tuple[str, str], seed: int) -> None:
    with standing_in(devices=2, seed=seed) as core:
        trained, expected = layers(devices=devices), layers("numpy")
        for _ in range(3):
            core.recording.clear()
            agree(trained.step(X), expected.step(X))
        first, second = (int(device[-1]) for device in devices)
        between = [(each.source, each.target, each.size) for each in core.recording.copies("p2p")]
        assert sorted(between) == sorted([(first, second, 128), (second, first, 128)])
        # The host waits for each device once, at the end.
        assert sorted(each.device for each in core.recording.waits()) == [0, 1]
        agree(trained.contents(), expected.contents())


@pytest.mark.parametrize("devices", [("cpu:0", "cuda:0"), ("cuda:0", "cpu:0")])
def test_a_gpu_and_the_host(devices: tuple[str, str]) -> None:
    with standing_in() as core:
        trained, expected = layers(devices=devices), layers("numpy")
        for _ in range(3):
            core.recording.clear()
            agree(trained.step(X), expected.step(X))
        kinds = [each.kind for each in core.recording.copies() if each.size == 128]
        assert sorted(kinds) == (["d2h", "h2d"] if devices[0] == "cpu:0" else ["d2h", "h2d", "h2d"])
        agree(trained.contents(), expected.contents())


def test_a_variable_of_the_host_is_there_when_a_step_returns() -> None:
    with standing_in():
        with pb.Graph():
            x = pb.placeholder("f32", (8, 4), name="x")
            with pb.device("cpu:0"):
                w = pb.Variable(X * 0, name="w")
            with pb.device("cuda:0"):
                y = pb.exp(x) * 2
            step = pb.compile([x], [y, w.assign(y)], target="cuda", device_outputs=True)
        y, _ = step(X)
        agree([w.numpy(), y], [np.exp(X) * 2] * 2)
