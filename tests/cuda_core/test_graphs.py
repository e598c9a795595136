"""Graphs of the stand-in: the order of nodes, the operands that they keep, updates."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests.cuda_core.device_program import DeviceProgram, N
from pullback.tests.cuda_core.errors import CUDAError, MisuseError
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler


def configured(program: DeviceProgram):
    return program.core.LaunchConfig(grid=3, block=128), program.code.get_kernel("scale")


def test_nodes_run_in_an_order_that_dependencies_allow() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    there, x, y, back = program.pinned(), program.memory(), program.memory(), program.pinned()
    definition = core.graph.GraphDefinition()
    uploaded = definition.memcpy(x, there, 4 * N)
    scaled = uploaded.launch(*configured(program), x, y, np.float32(3), np.uint32(N))
    scaled.memcpy(back.handle, y.handle, 4 * N, dst_owner=back, src_owner=y)
    graph = definition.instantiate()
    for step in range(2):
        program.array(there)[:] = np.arange(N) + step
        graph.launch(program.stream)
        program.stream.sync()
        np.testing.assert_array_equal(program.array(back), 3.0 * (np.arange(N) + step))
    assert len(core.recording.graph_launches()) == 2
    assert core.recording.graph_launches()[0].nodes == 3
    assert [each.kind for each in core.recording.copies()] == ["h2d", "d2h"] * 2
    core.check()


def test_a_missing_dependency_shows_as_what_was_never_written() -> None:
    core = StandIn(races=False)
    program = DeviceProgram(core)
    x, y, back = program.memory(), program.memory(), program.pinned()
    definition = core.graph.GraphDefinition()
    definition.memset(x, np.float32(1.0), N)
    definition.launch(*configured(program), x, y, np.float32(3), np.uint32(N))
    graph = definition.instantiate()
    graph.launch(program.stream)
    y.copy_to(back, stream=program.stream)
    program.stream.sync()
    assert np.isnan(program.array(back)).all()


@pytest.mark.parametrize("seed", range(3))
def test_later_launches_draw_the_order(seed: int) -> None:
    core = StandIn(seed=seed)
    program = DeviceProgram(core)
    called = list[int]()
    definition = core.graph.GraphDefinition()
    first = [definition.callback(lambda number=number: called.append(number)) for number in range(4)]
    definition.join(*first).callback(lambda: called.append(4))
    graph = definition.instantiate()
    for _ in range(6):
        graph.launch(program.stream)
    program.stream.sync()
    orders = [tuple(called[at : at + 5]) for at in range(0, 30, 5)]
    assert orders[0] == (3, 2, 1, 0, 4)
    assert all(order[-1] == 4 for order in orders)
    assert len(set(orders)) > 2


def test_nodes_keep_the_memory_of_copies_and_not_that_of_kernels() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y, z = program.memory(), program.memory(), program.memory()
    definition = core.graph.GraphDefinition()
    copied = definition.memcpy(x, y, 4 * N)
    graph = definition.instantiate()
    y.close(program.stream)
    graph.launch(program.stream)
    program.stream.sync()
    assert not core.recording.frees()
    copied.launch(*configured(program), x, z, np.float32(3), np.uint32(N))
    other = definition.instantiate()
    z.close(program.stream)
    program.stream.sync()
    with pytest.raises(MisuseError, match=r"kernel scale is launched on allocation 3, .* which was freed"):
        other.launch(program.stream)


def test_memory_that_only_a_graph_kept_is_freed_with_it() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y = program.memory(), program.memory()
    definition = core.graph.GraphDefinition()
    definition.memcpy(x, y, 4 * N)
    x.close(program.stream)
    y.close(program.stream)
    del definition
    program.stream.sync()
    assert len(core.recording.frees()) == 2
    core.check()


def test_a_callback_that_uses_the_device() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    definition = core.graph.GraphDefinition()
    definition.callback(program.stream.sync)
    definition.instantiate().launch(program.stream)
    with pytest.raises(MisuseError, match="a function that a stream calls uses CUDA"):
        program.stream.sync()


def test_updates() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y, back = program.memory(), program.memory(), program.pinned()

    def definition(value: float, nodes: int = 2):
        made = core.graph.GraphDefinition()
        node = made.memset(x, np.float32(value), N)
        if nodes > 1:
            node.memcpy(back, x, 4 * N)
        return made

    graph = definition(1.0).instantiate()
    graph.update(definition(2.0))
    graph.launch(program.stream)
    program.stream.sync()
    assert (program.array(back) == 2.0).all()
    with pytest.raises(CUDAError, match=r"Graph update failed: .*TOPOLOGY_CHANGED"):
        graph.update(definition(2.0, nodes=1))
    graph.close()
    with pytest.raises(CUDAError, match="INVALID_HANDLE"):
        graph.launch(program.stream)
    _ = y


def test_nodes_are_updated_in_the_definition() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y, back = program.memory(), program.memory(), program.pinned()
    definition = core.graph.GraphDefinition()
    filled = definition.memset(x, np.float32(1.0), N)
    scaled = filled.launch(*configured(program), x, y, np.float32(3), np.uint32(N))
    copied = scaled.memcpy(back, x, 4 * N)
    scaled.update(args=(x, y, np.float32(5), np.uint32(N)))
    copied.update(src=y)
    definition.instantiate().launch(program.stream)
    program.stream.sync()
    assert (program.array(back) == 5.0).all()
    assert definition.edges() == {(filled, scaled), (scaled, copied)}
    copied.pred = []
    assert set(copied.pred) == set() and scaled.pred == {filled} and filled.succ == {scaled}
    scaled.succ.add(copied)
    copied.succ.add(filled)
    with pytest.raises(CUDAError, match=r"INVALID_VALUE.* in a circle"):
        definition.instantiate()


def test_a_kernel_node_runs_on_the_device_that_was_current() -> None:
    core = StandIn(devices=2)
    first, second = DeviceProgram(core), DeviceProgram(core, 1)
    x, y = first.memory(), first.memory()
    definition = core.graph.GraphDefinition()
    definition.launch(*configured(second), x, y, np.float32(1), np.uint32(1))
    definition.instantiate().launch(first.stream)
    with pytest.raises(CUDAError, match="runs on device 1, given allocation 1"):
        first.stream.sync()


def test_events_in_graphs() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    other = program.device.create_stream()
    x, back = program.memory(), program.pinned()
    event = program.device.create_event()
    definition = core.graph.GraphDefinition()
    definition.memset(x, np.float32(4.0), N).record(event)
    definition.instantiate().launch(program.stream)
    other.wait(event)
    x.copy_to(back, stream=other)
    other.sync()
    assert (program.array(back) == 4.0).all()


def test_a_graph_in_a_graph() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, back = program.memory(), program.pinned()
    child = core.graph.GraphDefinition()
    child.memset(x, np.float32(4.0), N)
    definition = core.graph.GraphDefinition()
    definition.embed(child).memcpy(back, x, 4 * N)
    child.memset(x, np.float32(5.0), N)  # the embedded one is as it was
    definition.instantiate().launch(program.stream)
    program.stream.sync()
    assert (program.array(back) == 4.0).all()


def test_what_nodes_refuse() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, definition = program.memory(), core.graph.GraphDefinition()
    pageable = np.zeros(N, np.float32)
    with pytest.raises(CUDAError, match=r"INVALID_VALUE.*not pinned"):
        definition.memcpy(x, pageable.ctypes.data, 4 * N)
    with pytest.raises(CUDAError, match=r"INVALID_VALUE.*do not lie in allocation 1"):
        definition.memset(x.handle + 4, 0, 4 * N)
    with pytest.raises(ValueError, match="dst_owner cannot be used"):
        definition.memset(x, 0, 4, dst_owner=x)
    with pytest.raises(CUDAError, match="not one of this graph"):
        definition.join(core.graph.GraphDefinition().empty())
    core.faults.fail_instantiation()
    with pytest.raises(CUDAError, match="OUT_OF_MEMORY"):
        definition.instantiate()
    definition.instantiate()
