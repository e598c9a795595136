"""What the stand-in and a device do alike: each test runs on both, where there is a device."""

from __future__ import annotations

import ctypes
import importlib
import threading
from typing import Any

import numpy as np
import pytest

from pullback.tests.cuda_core.device_program import DeviceProgram, N
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler


def real_module() -> Any:
    module = importlib.import_module("cuda.core")
    for name in ("graph", "system", "_utils.cuda_utils"):
        importlib.import_module(f"cuda.core.{name}")
    return module


@pytest.fixture(params=["stand-in", pytest.param("device", marks=pytest.mark.gpu)])
def core(request: pytest.FixtureRequest) -> Any:
    return StandIn() if request.param == "stand-in" else real_module()


@pytest.fixture
def program(core: Any) -> DeviceProgram:
    return DeviceProgram(core)


def error_of(core: Any) -> type[Exception]:
    return core._utils.cuda_utils.CUDAError


def test_copies_and_a_kernel(program: DeviceProgram) -> None:
    there, x, y, back = program.pinned(), program.memory(), program.memory(), program.pinned()
    program.array(there)[:] = np.arange(N)
    x.copy_from(there, stream=program.stream)
    program.scale(x, y)
    y.copy_to(back, stream=program.stream)
    program.stream.sync()
    np.testing.assert_array_equal(program.array(back), 2.0 * np.arange(N))


@pytest.mark.parametrize("by", [np.float32(3), ctypes.c_float(3)])
def test_addresses_and_scalars_as_arguments(program: DeviceProgram, by: Any) -> None:
    x, y, back = program.memory(), program.memory(), program.pinned()
    x.fill(np.float32(1.0), stream=program.stream)
    y.fill(b"\0", stream=program.stream)
    config = program.core.LaunchConfig(grid=3, block=(128, 1))
    arguments = (int(x.handle), int(y.handle) + 4, by, ctypes.c_uint32(N - 1))
    program.core.launch(program.stream, config, program.code.get_kernel("scale"), *arguments)
    y.copy_to(back, stream=program.stream)
    program.stream.sync()
    assert program.array(back)[0] == 0 and (program.array(back)[1:] == 3).all()


def test_copies_of_parts_by_address(program: DeviceProgram) -> None:
    buffer = program.core.Buffer.from_handle
    x, host = program.memory(), np.arange(8, dtype=np.float32)
    back = np.zeros(8, np.float32)
    x.fill(0, stream=program.stream)
    buffer(int(x.handle) + 8, 16).copy_from(buffer(host.ctypes.data, 16, owner=host), stream=program.stream)
    buffer(back.ctypes.data, 32).copy_from(buffer(int(x.handle), 32), stream=program.stream)
    program.stream.sync()
    np.testing.assert_array_equal(back, [0, 0, 0, 1, 2, 3, 0, 0])


def test_what_buffers_tell(program: DeviceProgram) -> None:
    x, pinned = program.memory(), program.core.LegacyPinnedMemoryResource().allocate(4 * N)
    view = program.core.Buffer.from_handle(int(x.handle) + 4, 4)
    assert (x.size, x.device_id, x.is_device_accessible, x.is_host_accessible) == (4 * N, 0, True, False)
    assert (view.size, view.device_id, view.is_device_accessible, view.is_host_accessible) == (
        4,
        0,
        True,
        False,
    )
    assert (pinned.is_device_accessible, pinned.is_host_accessible) == (True, True)
    assert view.memory_resource is None and x.memory_resource is program.device.memory_resource
    assert x.__dlpack_device__() == (2, 0) and pinned.__dlpack_device__()[0] == 3
    assert not x.is_closed
    x.close(program.stream)
    x.close(program.stream)
    assert x.is_closed and x.handle == 0 and x.size == 0
    with pytest.raises((RuntimeError, ValueError)):
        x.fill(0, stream=program.stream)


def test_buffers_of_two_sizes(program: DeviceProgram) -> None:
    x, y = program.memory(), program.memory(N + 1)
    with pytest.raises(ValueError, match="buffer sizes mismatch between src and dst"):
        x.copy_from(y, stream=program.stream)
    with pytest.raises(ValueError, match="1, 2, or 4 bytes"):
        x.fill(np.float64(1.0), stream=program.stream)
    with pytest.raises(OverflowError):
        x.fill(256, stream=program.stream)
    with pytest.raises(TypeError):
        x.fill(0, stream=None)


def test_fills_of_each_width(program: DeviceProgram) -> None:
    x, back = program.memory(2), program.pinned(2)
    for value, expected in ((1, 0x0101), (b"\x02\x03", 0x0302), (np.uint32(0x40404), 0x0404)):
        x.fill(value, stream=program.stream)
        x.copy_to(back, stream=program.stream)
        program.stream.sync()
        assert program.array(back).view(np.uint16)[0] == expected


def test_launches_that_are_refused_at_once(core: Any, program: DeviceProgram) -> None:
    x, y, kernel = program.memory(), program.memory(), program.code.get_kernel("scale")
    arguments = (x, y, np.float32(1), np.uint32(1))
    for grid, block in ((1, 512), (1, (1, 1, 65)), ((1, 70000), 1)):
        with pytest.raises(error_of(core), match=r"^CUDA_ERROR_(INVALID_VALUE|LAUNCH_OUT_OF_RESOURCES)"):
            core.launch(program.stream, core.LaunchConfig(grid=grid, block=block), kernel, *arguments)
    for wrong in (0, (1, 0), [1], 1.5, (1, 1, 1, 1)):
        with pytest.raises(ValueError, match=r"LaunchConfig.grid"):
            core.LaunchConfig(grid=wrong, block=1)
    with pytest.raises(TypeError, match="unsupported type"):
        core.launch(program.stream, core.LaunchConfig(grid=1, block=1), kernel, "x")
    program.stream.sync()


def test_cubins(core: Any, program: DeviceProgram) -> None:
    code = program.code.code
    assert isinstance(code, bytes) and program.code.code_type == "cubin"
    again = core.ObjectCode.from_cubin(code, name="again")
    kernel = again.get_kernel("scale")
    assert kernel.num_arguments == 4 and again.name == "again"
    assert kernel.attributes.max_threads_per_block == 256
    assert kernel.attributes.local_size_bytes == 0 and kernel.attributes.num_regs > 0
    with pytest.raises(error_of(core), match=r"^CUDA_ERROR_NOT_FOUND"):
        again.get_kernel("nowhere")
    with pytest.raises(error_of(core), match=r"^CUDA_ERROR_INVALID_IMAGE"):
        core.ObjectCode.from_cubin(b"no cubin at all").get_kernel("scale")


def test_texts_that_nvrtc_refuses(core: Any) -> None:
    wrong = 'extern "C" __global__ void wrong(float* x) { x[0] = missing; }'
    with pytest.raises(
        core._utils.cuda_utils.NVRTCError, match=r"(?s)^6: NVRTC_ERROR_COMPILATION.*log:.*missing"
    ):
        core.Program(wrong, "c++", core.ProgramOptions(arch="sm_90")).compile("cubin")
    with pytest.raises(core._utils.cuda_utils.NVRTCError, match=r"^5: NVRTC_ERROR_INVALID_OPTION"):
        core.Program(wrong, "c++", {"arch": "sm_10"}).compile("cubin")
    with pytest.raises(ValueError, match="Unsupported target_type"):
        core.Program(wrong, "c++", {"arch": "sm_90"}).compile("sass")
    with pytest.raises(RuntimeError, match="Unsupported code_type='c'"):
        core.Program(wrong, "c")


def test_more_memory_than_there_is(core: Any, program: DeviceProgram) -> None:
    with pytest.raises(error_of(core), match=r"^CUDA_ERROR_OUT_OF_MEMORY"):
        program.device.allocate(1 << 45, stream=program.stream)
    program.memory().fill(0, stream=program.stream)
    program.stream.sync()


def test_devices(core: Any, program: DeviceProgram) -> None:
    device = program.device
    assert device is core.Device(0) and core.Device() == device and int(device) == 0
    assert device in core.Device.get_all_devices()
    assert core.system.get_num_devices() == len(core.Device.get_all_devices())
    assert device.can_access_peer(0)
    assert device.arch == "{}{}".format(*device.compute_capability)
    assert device.properties.max_threads_per_block == 1024 and device.properties.warp_size == 32
    with pytest.raises(ValueError, match=r"device_id must be within \[0, "):
        core.Device(1000)
    with pytest.raises(ValueError, match="device_id must be >= 0"):
        core.Device(-1)


def test_each_thread_makes_a_device_current(core: Any, program: DeviceProgram) -> None:
    found: list[Exception] = []

    def work() -> None:
        try:
            core.Device(0).create_stream()
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert isinstance(found[0], error_of(core)) and "set_current" in str(found[0])


def test_events(core: Any, program: DeviceProgram) -> None:
    device, stream, other = program.device, program.stream, program.device.create_stream()
    x, back = program.memory(), program.pinned()
    assert device.create_event().is_done
    before, after = (device.create_event(core.EventOptions(timing_enabled=True)) for _ in range(2))
    with pytest.raises(RuntimeError, match="recorded before"):
        _ = after - before
    stream.record(before)
    x.fill(np.float32(1.0), stream=stream)
    assert stream.record(after) is after
    other.wait(after)
    x.copy_to(back, stream=other)
    other.sync()
    assert (program.array(back) == 1.0).all()
    assert before.is_done and after.is_done
    assert after - before >= 0.0
    with pytest.raises(RuntimeError, match="timing enabled"):
        _ = stream.record() - before
    last = stream.record()
    while not last.is_done:
        pass


def test_streams(core: Any, program: DeviceProgram) -> None:
    stream, other = (
        program.stream,
        program.device.create_stream(options=core.StreamOptions(nonblocking=False)),
    )
    assert stream.is_nonblocking and not other.is_nonblocking
    assert stream.device == program.device and int(stream.handle) != 0 and stream != other
    x, back = program.memory(), program.pinned()
    other.wait(stream)
    x.fill(np.float32(2.0), stream=other)
    stream.wait(other)
    other.close()
    assert other.is_closed
    x.copy_to(back, stream=stream)
    stream.sync()
    assert (program.array(back) == 2.0).all()
    with pytest.raises(ValueError, match="can be waited"):
        stream.wait(3)
    for kind in (core.Stream, core.Event, core.Buffer, core.Kernel, core.ObjectCode):
        with pytest.raises(RuntimeError):
            kind()


def test_a_graph(core: Any, program: DeviceProgram) -> None:
    there, x, y, back = program.pinned(), program.memory(), program.memory(), program.pinned()
    kernel, config = program.code.get_kernel("scale"), core.LaunchConfig(grid=3, block=128)

    def defined(by: float) -> Any:
        definition = core.graph.GraphDefinition()
        filled = definition.memset(y, b"\0", 4 * N)
        uploaded = definition.memcpy(int(x.handle), int(there.handle), 4 * N)
        scaled = filled.join(uploaded).launch(config, kernel, x, y, np.float32(by), np.uint32(N))
        scaled.memcpy(back, y, 4 * N)
        return definition

    definition = defined(3.0)
    assert len(definition.nodes()) == 5 and len(definition.edges()) == 4
    graph = definition.instantiate()
    graph.upload(program.stream)
    for by in (3.0, 5.0):
        program.array(there)[:] = np.arange(N)
        graph.update(defined(by))
        graph.launch(program.stream)
        program.stream.sync()
        np.testing.assert_array_equal(program.array(back), by * np.arange(N, dtype=np.float32))
    other = core.graph.GraphDefinition()
    other.memset(y, b"\0", 4 * N)
    with pytest.raises(error_of(core), match=r"Graph update failed: .*TOPOLOGY_CHANGED"):
        graph.update(other)
    graph.close()
    assert graph.is_closed


def test_nodes_of_an_instantiated_graph(core: Any, program: DeviceProgram) -> None:
    x, y, z, back = program.memory(), program.memory(), program.memory(), program.pinned()
    kernel, config = program.code.get_kernel("scale"), core.LaunchConfig(grid=3, block=128)
    definition = core.graph.GraphDefinition()
    filled = definition.memset(x, np.float32(1.0), N)
    scaled = filled.launch(config, kernel, x, y, np.float32(3.0), np.uint32(N))
    copied = scaled.memcpy(back, y, 4 * N)
    graph = definition.instantiate()

    def found() -> float:
        graph.launch(program.stream)
        program.stream.sync()
        assert (program.array(back) == program.array(back)[0]).all()
        return float(program.array(back)[0])

    assert found() == 3.0
    graph[scaled].update(config=config, kernel=kernel, args=(x, z, np.float32(5.0), np.uint32(N)))
    assert found() == 3.0
    graph[copied].update(dst=back, src=z, size=4 * N)
    assert found() == 5.0
    graph[filled].update(dst=x, value=np.float32(2.0), width=N)
    assert found() == 10.0
    assert graph[scaled].is_enabled
    graph[scaled].disable()
    graph[filled].update(dst=x, value=np.float32(7.0), width=N)
    assert found() == 10.0
    graph[scaled].enable()
    assert found() == 35.0


def test_nodes_keep_the_memory_that_is_copied(core: Any, program: DeviceProgram) -> None:
    x, back = program.memory(), program.pinned()
    x.fill(np.float32(2.0), stream=program.stream)
    definition = core.graph.GraphDefinition()
    definition.memcpy(back, x, 4 * N)
    x.close(program.stream)
    graph = definition.instantiate()
    del definition
    graph.launch(program.stream)
    program.stream.sync()
    assert (program.array(back) == 2.0).all()


def test_rows_that_are_filled(core: Any, program: DeviceProgram) -> None:
    x, back = program.memory(8), program.pinned(8)
    definition = core.graph.GraphDefinition()
    filled = definition.memset(x, b"\0", 32)
    filled.memset(int(x.handle) + 4, np.float32(1.0), 2, 2, 16).memcpy(back, x, 32)
    definition.instantiate().launch(program.stream)
    program.stream.sync()
    np.testing.assert_array_equal(program.array(back), [0, 1, 1, 0, 0, 1, 1, 0])
