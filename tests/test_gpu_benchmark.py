"""`benchmarks/gpu.py` without a GPU: small workloads on other targets, and the device's clock on a stand-in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pullback.backends.cuda_runtime import api
from pullback.tests.cuda_core.stand_in import StandIn

Script = Callable[[str], Any]
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Generator[Script]:
    """Imports a script; they find each other, as they do where one of them is run."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield import_module
    for name in set(sys.modules) - before:
        if name.startswith("gpu"):
            del sys.modules[name]


def test_a_small_workload_from_the_command_to_the_file(tmp_path: Path) -> None:
    command = [sys.executable, "gpu.py", "--target", "simt", "--small", "--no-peers", "--only", "full sum"]
    file = tmp_path / "out.json"
    done = subprocess.run(
        [*command, "--rounds", "2", "--json", str(file)], cwd=BENCHMARKS, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "full sum" in done.stdout and " us" in done.stdout
    found = json.loads(file.read_text())
    assert set(found["workloads"]["full sum"]) == {"pullback", "numpy"}
    assert [set(times) for times in found["workloads"]["full sum"]["pullback"]["rounds"]] == [
        {"pace", "latency", "device"}
    ] * 2


@pytest.mark.parametrize("name", ["product 33x20x17", "4 layers of 64, Adam"])
def test_workloads_agree_with_the_evaluator(name: str, script: Script) -> None:
    gpu = script("gpu")
    (workload,) = (each for each in script("gpu_workloads").workloads(small=True) if each.name == name)
    found = gpu.Comparison()
    for target in ("numpy", "cpu"):
        results = script("gpu_systems").Pullback(target).prepare(workload).results
        found.results["numpy" if target == "numpy" else "pullback", name] = [
            script("workload").sampled(result) for result in results
        ]
    assert found.agree(workload)
    found.results["pullback", name][-1] = found.results["pullback", name][-1] * 1.1
    assert not found.agree(workload)
    assert "differs by" in str(found.failure("pullback", name))


@pytest.mark.parametrize(("bytes_", "wrong"), [(1e-4, False), (1e-2, True), (np.nan, True)])
def test_differences(bytes_: float, wrong: bool, script: Script) -> None:
    workload = script("workload")
    right = [np.ones(5), np.arange(3.0)]
    found = [right[0], right[1] + [0, 0, bytes_]]
    assert (not workload.difference(found, right) <= 1e-3) == wrong
    assert workload.difference(found[:1], right) == float("inf")


@pytest.mark.compiler
def test_the_clock_of_a_device(script: Script) -> None:
    with api.using(StandIn()):
        gpu_clock = script("gpu_clock")
        clock = gpu_clock.DeviceClock(size=1 << 10, copies=3)
        calls = list[int]()
        seconds = clock.seconds(lambda: calls.append(1), 4)
        assert len(calls) == 4
        assert seconds is None or seconds >= 0
        assert clock.device_names()["architecture"] == "sm_90"
        ceilings = clock.ceilings()
        assert len(ceilings) == 3
        assert min(ceilings.values()) > 0


@pytest.mark.compiler
def test_steps_are_timed_on_a_device(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, systems = script("gpu_clock"), script("gpu_systems")
    (workload,) = (each for each in script("gpu_workloads").workloads(small=True) if "33x20" in each.name)
    with api.using(StandIn()):
        monkeypatch.setattr(systems, "DeviceClock", lambda: clock.DeviceClock(size=1 << 10, copies=3))
        system = systems.Pullback("cuda")
        prepared = system.prepare(workload)
        times = clock.timed(system, prepared)
    right = systems.Pullback("numpy").prepare(workload).results
    assert script("workload").difference(prepared.results, right) < 1e-5
    assert min(times.pace, times.latency) > 0
    assert times.device is None or times.device >= 0


def test_without_a_device_one_line_says_so(capfd: pytest.CaptureFixture[str], script: Script) -> None:
    gpu = script("gpu")
    with api.using(StandIn(driver=False)):
        assert gpu.main([]) == 1
    output = capfd.readouterr()
    assert output.out == ""
    assert (
        output.err.startswith("gpu.py: target 'cuda' needs the NVIDIA driver") and output.err.count("\n") == 1
    )
    assert gpu.main(["--target", "simt", "--only", "no such thing"]) == 1
