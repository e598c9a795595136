"""The stand-in for `cuda.core` runs kernels, and finds what a device would not tell."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests.cuda_core.device_program import DeviceProgram, N
from pullback.tests.cuda_core.errors import CUDAError, DynamicLibNotFoundError, MisuseError, NVRTCError
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler


def test_a_kernel_runs_when_somebody_waits() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    there, x, y, back = program.pinned(), program.memory(), program.memory(), program.pinned()
    program.array(there)[:] = np.arange(N)
    x.copy_from(there, stream=program.stream)
    program.scale(x, y)
    y.copy_to(back, stream=program.stream)
    assert np.isnan(program.array(back)).all()
    program.stream.sync()
    np.testing.assert_array_equal(program.array(back), 2.0 * np.arange(N))
    assert [each.kind for each in core.recording.copies()] == ["h2d", "d2h"]
    assert core.recording.kernels() == ["scale"]
    assert core.recording.launches()[0].grid == (3, 1, 1)
    core.check()


def test_unwritten_memory_is_nan() -> None:
    program = DeviceProgram(StandIn())
    x, y, back = program.memory(), program.memory(), program.pinned()
    program.scale(x, y)
    y.copy_to(back, stream=program.stream)
    program.stream.sync()
    assert np.isnan(program.array(back)).all()


def test_cubins_are_loaded_again_and_refused_when_damaged() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    code = program.code.code
    assert core.ObjectCode.from_cubin(code).get_kernel("scale").num_arguments == 4
    for damaged in (code[:-1], code[:40] + b"x" + code[41:], b"junk"):
        with pytest.raises(CUDAError, match="CUDA_ERROR_INVALID_IMAGE"):
            core.ObjectCode.from_cubin(damaged).get_kernel("scale")
    with pytest.raises(CUDAError, match="CUDA_ERROR_NOT_FOUND"):
        program.code.get_kernel("in_a_comment")
    with pytest.raises(CUDAError, match="CUDA_ERROR_NO_BINARY_FOR_GPU"):
        DeviceProgram(StandIn(architecture=(8, 0))).code.get_kernel("scale")


def test_a_text_that_is_refused() -> None:
    core = StandIn()
    with pytest.raises(NVRTCError, match=r"(?s)6: NVRTC_ERROR_COMPILATION, compilation log:.*nothing"):
        core.Program('extern "C" __global__ void f() { nothing; }', "c++", {"arch": "sm_90"}).compile("cubin")


def test_memory_of_another_device() -> None:
    core = StandIn(devices=2)
    first, second = DeviceProgram(core), DeviceProgram(core, 1)
    x = first.memory()
    first.stream.sync()
    second.scale(x, second.memory())
    with pytest.raises(
        CUDAError, match=r"ILLEGAL_ADDRESS.*device 1, given allocation 1, of 1200 bytes on device 0"
    ):
        second.stream.sync()
    with pytest.raises(CUDAError, match="ILLEGAL_ADDRESS"):
        second.memory()
    first.scale(x, first.memory())
    first.stream.sync()


def test_copies_between_devices() -> None:
    core = StandIn(devices=2)
    first, second = DeviceProgram(core), DeviceProgram(core, 1)
    x, y, back = first.memory(), second.memory(), second.pinned()
    x.fill(np.float32(3.0), stream=first.stream)
    second.stream.wait(first.stream.record())
    y.copy_from(x, stream=second.stream)
    y.copy_to(back, stream=second.stream)
    second.stream.sync()
    assert (second.array(back) == 3.0).all()
    assert [each.kind for each in core.recording.copies()] == ["p2p", "d2h"]


def test_a_missing_wait_shows_as_what_was_never_written() -> None:
    core = StandIn(devices=2, races=False)
    first, second = DeviceProgram(core), DeviceProgram(core, 1)
    x, y, back = first.memory(), second.memory(), second.pinned()
    x.fill(np.float32(3.0), stream=first.stream)
    y.copy_from(x, stream=second.stream)
    y.copy_to(back, stream=second.stream)
    second.stream.sync()
    assert np.isnan(second.array(back)).all()


def test_writing_outside() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    core.launch(
        program.stream,
        core.LaunchConfig(grid=1, block=4),
        program.code.get_kernel("beyond"),
        program.memory(7),
    )
    with pytest.raises(
        MisuseError, match="kernel beyond writes to memory before or after allocation 1, of 28 bytes"
    ):
        program.stream.sync()
    with pytest.raises(MisuseError, match="kernel beyond"):
        core.check()


def test_use_after_free() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y = program.memory(), program.memory()
    address = x.handle
    program.scale(x, y)
    x.close(program.stream)
    program.scale(address, y)  # enqueued behind the free
    with pytest.raises(MisuseError, match=r"kernel scale runs on allocation 1, .* which was freed"):
        program.stream.sync()
    with pytest.raises(MisuseError, match="kernel scale is launched on allocation 1"):
        program.scale(address, y)


def test_freed_while_another_stream_uses_it() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    other = program.device.create_stream()
    x, y = program.memory(), program.memory()
    program.scale(x, y)
    with pytest.raises(
        MisuseError, match=r"freeing it does not wait for allocating it: both use allocation 1"
    ):
        x.close(other)
    other.wait(program.stream)
    y.close(other)
    other.sync()
    assert len(core.recording.frees()) == 1


def test_pinned_memory_that_is_freed_at_once() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    staging, x = core.LegacyPinnedMemoryResource().allocate(4 * N), program.memory()
    x.copy_from(staging, stream=program.stream)
    with pytest.raises(MisuseError, match="freeing it does not wait for a copy"):
        staging.close()


def test_sizes_of_launches() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y, kernel = program.memory(), program.memory(), program.code.get_kernel("scale")
    with pytest.raises(ValueError, match="must be >= 1"):
        core.LaunchConfig(grid=0, block=1)
    for grid, block in ((1, 257), (1, (1, 1, 65)), ((1, 70000), 1)):
        with pytest.raises(CUDAError, match="INVALID_VALUE"):
            core.launch(
                program.stream,
                core.LaunchConfig(grid=grid, block=block),
                kernel,
                x,
                y,
                np.float32(1),
                np.uint32(1),
            )
    config = core.LaunchConfig(grid=1, block=1)
    for arguments in ((x, y), (x, y, 2.0, np.uint32(1)), (x, y, np.float32(1), 1)):
        with pytest.raises(MisuseError, match="kernel scale has the parameters"):
            core.launch(program.stream, config, kernel, *arguments)


def test_planted_faults() -> None:
    core = StandIn(memory=10_000)
    program = DeviceProgram(core)
    core.faults.fail_allocation(2)
    x = program.memory()
    with pytest.raises(CUDAError, match="OUT_OF_MEMORY"):
        program.memory()
    y = program.memory()
    with pytest.raises(CUDAError, match="OUT_OF_MEMORY"):
        program.memory(5000)
    core.faults.fail_kernel("scale")
    program.scale(x, y)
    program.scale(x, y)
    for _ in range(2):
        with pytest.raises(CUDAError, match="ILLEGAL_ADDRESS"):
            program.stream.sync()
    assert not core.recording.launches()


def test_a_trap() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    core.launch(
        program.stream, core.LaunchConfig(grid=1, block=1), program.code.get_kernel("traps"), program.memory()
    )
    with pytest.raises(CUDAError, match="CUDA_ERROR_LAUNCH_FAILED"):
        program.device.sync()


def test_no_device() -> None:
    with pytest.raises(DynamicLibNotFoundError, match="NVIDIA display driver"):
        StandIn(driver=False).Device()
    with pytest.raises(CUDAError, match="CUDA_ERROR_NO_DEVICE"):
        StandIn(devices=0).Device()
    with pytest.raises(ValueError, match=r"within \[0, 1\), got 1"):
        StandIn().Device(1)
    with pytest.raises(CUDAError, match="set_current"):
        StandIn().Device().create_stream()


def test_events_tell_time() -> None:
    program = DeviceProgram(StandIn())
    before, after = (program.device.create_event({"timing_enabled": True}) for _ in range(2))
    program.stream.record(before)
    program.scale(program.memory(), program.memory())
    program.stream.record(after)
    assert not after.is_done
    with pytest.raises(RuntimeError, match="not completed"):
        _ = after - before
    after.sync()
    assert after.is_done
    assert after - before > 0
