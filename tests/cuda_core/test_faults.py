"""Faults that tests plant in the stand-in."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from pullback.tests.cuda_core.device_program import TEXT, DeviceProgram, N
from pullback.tests.cuda_core.errors import CUDAError, MisuseError, NVRTCError
from pullback.tests.cuda_core.fixtures import standing_in
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler


def test_the_nth_launch_fails_and_everything_after_it() -> None:
    core = StandIn(devices=2)
    program, other = DeviceProgram(core), DeviceProgram(core, 1)
    x, y = program.memory(), program.memory()
    core.faults.fail_launch(2, "CUDA_ERROR_LAUNCH_FAILED")
    program.scale(x, y)
    program.scale(x, y)
    program.scale(x, y)
    assert not core.recording.launches(), "nobody has waited"
    event = program.stream.record()
    with pytest.raises(CUDAError, match="CUDA_ERROR_LAUNCH_FAILED"):
        event.sync()
    assert len(core.recording.launches()) == 1
    program.device.set_current()
    calls = (
        program.stream.sync,
        program.device.sync,
        program.memory,
        program.device.create_stream,
        program.device.create_event,
        program.stream.record,
        lambda: program.scale(x, y),
        lambda: x.copy_from(y, stream=program.stream),
        lambda: core.graph.GraphDefinition().memset(x, 0, 4),
        core.LegacyPinnedMemoryResource().allocate,
    )
    for call in calls:
        with pytest.raises(CUDAError, match="CUDA_ERROR_LAUNCH_FAILED"):
            call(*([4] if call is calls[-1] else []))
    other.scale(other.memory(), other.memory())
    other.stream.sync()
    x.close()  # memory of a context that has failed is gone


def test_a_wait_for_another_device_tells_its_failure() -> None:
    core = StandIn(devices=2)
    program, other = DeviceProgram(core), DeviceProgram(core, 1)
    core.faults.fail_kernel("scale")
    program.scale(program.memory(), program.memory())
    other.stream.wait(program.stream.record())
    with pytest.raises(CUDAError, match="ILLEGAL_ADDRESS"):
        other.device.sync()
    core.faults.clear()
    other.stream.sync()


def test_the_nth_copy_fails() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    core.faults.fail_copy(2)
    x, y = program.memory(), program.memory()
    x.copy_from(y, stream=program.stream)
    program.stream.sync()
    x.copy_from(y, stream=program.stream)
    with pytest.raises(CUDAError, match="CUDA_ERROR_UNKNOWN"):
        program.stream.sync()


def test_a_lost_device() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    core.lose_device(0)
    with pytest.raises(CUDAError, match="CUDA_ERROR_DEVICE_UNAVAILABLE"):
        program.stream.sync()


def test_programs_that_fail() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    core.faults.lose_kernel("scale")
    with pytest.raises(CUDAError, match=r"NOT_FOUND.*scale"):
        program.code.get_kernel("scale")
    core.faults.fail_compilation("kernels.cu(1): error: planted")
    with pytest.raises(NVRTCError, match=r"(?s)NVRTC_ERROR_COMPILATION, compilation log:.*planted"):
        core.Program(TEXT, "c++", {"arch": "sm_90"}).compile("cubin")


def test_a_host_that_reads_device_memory_ends() -> None:
    script = "import ctypes; ctypes.string_at({})"
    address = DeviceProgram(StandIn()).memory().handle
    assert subprocess.run([sys.executable, "-c", script.format(address)], check=False).returncode < 0


def test_memory_that_is_freed_twice() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x = program.memory()
    address, resource = x.handle, program.device.memory_resource
    x.close()
    resource.deallocate(address, 4 * N, stream=program.stream)
    with pytest.raises(MisuseError, match=r"allocation 1, .* is freed twice"):
        program.stream.sync()


def test_memory_that_nothing_refers_to_is_freed_in_the_order_of_its_stream() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y = program.memory(), program.memory()
    program.scale(x, y)
    del x
    program.stream.sync()
    assert len(core.recording.frees()) == 1
    core.check()


def test_a_misuse_that_a_program_swallows() -> None:
    def swallow() -> None:
        with standing_in() as core:
            program = DeviceProgram(core)
            staging = core.LegacyPinnedMemoryResource().allocate(4 * N)
            program.memory().copy_from(staging, stream=program.stream)
            del staging

    with pytest.raises(MisuseError, match="freeing it does not wait for a copy of 1200 bytes"):
        swallow()


def test_work_that_nobody_waits_for() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    config, kernel = core.LaunchConfig(grid=1, block=4), program.code.get_kernel("beyond")
    core.launch(program.stream, config, kernel, program.memory(7))
    with pytest.raises(MisuseError, match="kernel beyond writes to memory before or after"):
        core.check()


def test_staging_memory_that_changes_too_early_shows() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    staging = core.LegacyPinnedMemoryResource().allocate(4)
    number = ctypes.c_float.from_address(int(staging.handle))
    x, back = program.memory(1), program.pinned(1)
    number.value = 1.0
    x.copy_from(staging, stream=program.stream)
    number.value = 2.0
    x.copy_to(back, stream=program.stream)
    program.stream.sync()
    assert program.array(back) == np.float32(2.0)
