"""Accesses to memory that nothing orders are found, whatever order they happen in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pullback.tests.cuda_core.device_program import DeviceProgram, N
from pullback.tests.cuda_core.errors import MisuseError
from pullback.tests.cuda_core.ordering import ancestors
from pullback.tests.cuda_core.stand_in import StandIn

pytestmark = pytest.mark.compiler


def through_an_event(first: DeviceProgram, second: DeviceProgram) -> None:
    second.stream.wait(first.stream.record())


def through_a_stream(first: DeviceProgram, second: DeviceProgram) -> None:
    second.stream.wait(first.stream)


def through_a_third_stream(first: DeviceProgram, second: DeviceProgram) -> None:
    third = first.device.create_stream()
    third.wait(first.stream.record())
    second.stream.wait(third)


def through_the_host(first: DeviceProgram, second: DeviceProgram) -> None:
    first.stream.sync()


def through_the_host_and_an_event(first: DeviceProgram, second: DeviceProgram) -> None:
    first.stream.record().sync()


def through_the_device(first: DeviceProgram, second: DeviceProgram) -> None:
    first.device.sync()


def through_questions(first: DeviceProgram, second: DeviceProgram) -> None:
    event = first.stream.record()
    while not event.is_done:
        pass


WAITS = (
    *(through_an_event, through_a_stream, through_a_third_stream, through_the_host),
    *(through_the_host_and_an_event, through_the_device, through_questions),
)


@pytest.mark.parametrize("wait", WAITS)
def test_waits(wait: Callable[[DeviceProgram, DeviceProgram], None]) -> None:
    core = StandIn(devices=2)
    first, second = DeviceProgram(core), DeviceProgram(core, 1)
    x, y = first.memory(), first.memory()
    first.scale(x, y)
    wait(first, second)
    copied = second.memory()
    copied.copy_from(y, stream=second.stream)
    first.scale(y, x)  # reads what the copy reads
    with pytest.raises(
        MisuseError, match=r"kernel scale does not wait for a copy of 1200 bytes.*allocation 2,"
    ):
        first.scale(x, y)
    wait(second, first)
    first.scale(x, y)


def test_a_wait_for_too_little() -> None:
    core = StandIn()
    first, second = DeviceProgram(core), DeviceProgram(core)
    x, y = first.memory(), first.memory()
    event = first.stream.record()
    first.scale(x, y)
    second.stream.wait(event)
    with pytest.raises(MisuseError, match="a fill of 1200 bytes does not wait for kernel scale"):
        y.fill(0, stream=second.stream)
    first.stream.record(event)
    with pytest.raises(MisuseError, match="a fill of 1200 bytes"):
        y.fill(0, stream=second.stream)  # the earlier wait was for what the event was then
    second.stream.wait(event)
    y.fill(0, stream=second.stream)


def test_parts_that_do_not_overlap() -> None:
    core = StandIn()
    first, second = DeviceProgram(core), DeviceProgram(core)
    x = first.memory(4)
    first.stream.sync()
    part = core.Buffer.from_handle
    part(x.handle, 8).fill(0, stream=first.stream)
    part(x.handle + 8, 8).fill(0, stream=second.stream)
    with pytest.raises(MisuseError, match="a fill of 4 bytes does not wait for a fill of 8 bytes"):
        part(x.handle + 4, 4).fill(0, stream=second.stream)


def test_nodes_of_a_graph() -> None:
    core = StandIn()
    program = DeviceProgram(core)
    x, y, z = program.memory(), program.memory(), program.memory()
    config, kernel = core.LaunchConfig(grid=3, block=128), program.code.get_kernel("scale")
    definition = core.graph.GraphDefinition()
    filled = definition.memset(x, 0, 4 * N)
    arguments = np.float32(1), np.uint32(N)
    one = filled.launch(config, kernel, x, y, *arguments)
    two = filled.launch(config, kernel, x, z, *arguments)  # both read x
    definition.instantiate()
    last = two.memset(y, 0, 4)
    with pytest.raises(
        MisuseError,
        match=r"nodes 1 \(kernel scale\) and 3 \(a fill of 4 bytes\) of a graph use allocation 2,",
    ):
        definition.instantiate()
    last.pred.add(one)
    graph = definition.instantiate()
    graph.launch(program.stream)
    other = program.device.create_stream()
    graph.launch(other)  # a graph waits for its last launch
    with pytest.raises(MisuseError, match="a fill of 1200 bytes does not wait for"):
        z.fill(0, stream=program.stream)


def test_ancestors() -> None:
    assert ancestors([frozenset(), frozenset({0}), frozenset({1}), frozenset()]) == [0, 0b1, 0b11, 0]
    with pytest.raises(ValueError, match="circle"):
        ancestors([frozenset({1}), frozenset({0})])
