"""What the stand-in offers has the parameters that the wheel `cuda-core` has, so the runtime calls both alike."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pullback.tests.cuda_core import devices, interface, programs
from pullback.tests.cuda_core.stand_in import StandIn

ELSEWHERE = {
    "_device.DeviceProperties": devices.DeviceProperties,
    "_module.KernelAttributes": programs.KernelAttributes,
    "_utils.cuda_utils.ComputeCapability": devices.ComputeCapability,
}
"""Classes of what the wheel gives, which it does not list."""
FUNCTIONS = ("launch", "system.get_num_devices")


def offered() -> dict[str, Any]:
    """What the stand-in has, by its name in `cuda.core`."""
    core = StandIn()
    found = {name: value for name, value in vars(core).items() if inspect.isclass(value)}
    found |= {f"graph.{name}": value for name, value in vars(core.graph).items()}
    found |= {name: interface.attribute(core, name) for name in FUNCTIONS}
    return found | ELSEWHERE


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    """The interface of the wheel, told by a process of its own: it takes seconds to import."""
    try:
        importlib.metadata.version("cuda-core")
    except importlib.metadata.PackageNotFoundError:
        if "CI" in os.environ:
            raise
        pytest.skip("no wheel cuda-core")
    script = Path(interface.__file__)
    names = json.dumps(list(offered()))
    done = subprocess.run(
        [sys.executable, str(script), names], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", offered())
def test_the_wheel_has_it(name: str, real: dict[str, Any]) -> None:
    own, other = json.loads(json.dumps(interface.described(offered()[name]))), real[name]
    if not isinstance(own, dict):
        assert own == other
        return
    assert own["constructor"] == other["constructor"]
    assert own["members"].keys() <= other["members"].keys()
    for member, meaning in own["members"].items():
        kind, parameters = other["members"][member]
        assert meaning[0] == kind, member
        if parameters is not None:
            assert meaning[1] == parameters, member


def test_most_of_it_tells_its_parameters(real: dict[str, Any]) -> None:
    """A wheel that told nothing would agree with everything."""
    methods = [
        meaning for each in real.values() if isinstance(each, dict) for meaning in each["members"].values()
    ]
    assert sum(parameters is not None for kind, parameters in methods if kind == "method") > 100
    assert sum(isinstance(each, dict) and each["constructor"] is not None for each in real.values()) > 8


def test_a_difference_is_seen(real: dict[str, Any]) -> None:
    class Stream:
        def record(self, event=None, option=None) -> None: ...

    assert interface.member(Stream, "record") != real["Stream"]["members"]["record"]
