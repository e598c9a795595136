"""Target `cuda` places programs on the devices of the machine, and says which there are."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.targets.registry import target_named
from pullback.frontend.trace.step import Step
from pullback.passes.placement.device_warnings import DeviceWarning
from pullback.tests.cuda_core.fixtures import standing_in

pytestmark = pytest.mark.compiler
ONES = np.ones(3, np.float32)


def _on_second_gpu(pipeline: str = "") -> Step:
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        with pb.device("/gpu:1"):
            y = pb.tanh(x)
        return pb.compile([x], [y], target="cuda", pipeline=pipeline)


def test_a_device_that_is_not_there() -> None:
    with standing_in(devices=1):
        with pytest.raises(
            DiagnosticError, match=r"cuda:1, which is not there: there are cpu:0, cuda:0; with"
        ):
            _on_second_gpu()(ONES)
        with pytest.warns(DeviceWarning, match="cuda:1 is not there: 'graph.tanh' runs on cuda:0"):
            (y,) = _on_second_gpu(pipeline="place-devices{soft}")(ONES)
    np.testing.assert_allclose(y, np.tanh(ONES), rtol=1e-6)


def test_devices_that_are_there() -> None:
    with standing_in(devices=2) as core:
        np.testing.assert_allclose(_on_second_gpu()(ONES)[0], np.tanh(ONES), rtol=1e-6)
        assert [launch.device for launch in core.recording.launches()] == [1]


def test_programs_are_lowered_where_there_is_no_device() -> None:
    with standing_in(devices=0):
        assert "available" not in target_named("cuda").pipeline
        assert "gpu.launch_func" in _on_second_gpu().ir("gpu")
