"""Nodes of graphs that were instantiated: they get new operands for the launches to come, or are left out of them."""

from __future__ import annotations

from typing import Any, TypeAlias

from pullback.tests.cuda_core.copies import fill_pattern
from pullback.tests.cuda_core.graph_works import CopyWork, FillWork, KernelWork, Work
from pullback.tests.cuda_core.launches import LaunchConfig
from pullback.tests.cuda_core.machine import Bound
from pullback.tests.cuda_core.programs import Kernel

Executable: TypeAlias = Any
"""A `Graph`, which builds on this file."""


class ExecutableGraphNode(Bound):
    """A node of an instantiated graph."""

    _graph: Executable
    _number: int

    def __init__(self):
        raise RuntimeError("executable nodes are given by a graph: graph[node]")

    @classmethod
    def _made(cls, graph: Executable, number: int) -> ExecutableGraphNode:
        self: ExecutableGraphNode = object.__new__(cls)
        self._graph, self._number = graph, number
        return self

    def _become(self, work: Work) -> None:
        self._graph._replace(self._number, work)


class OptionalNode(ExecutableGraphNode):
    """A node that launches may leave out."""

    @property
    def is_enabled(self) -> bool:
        return self._number not in self._graph._disabled

    def enable(self) -> None:
        self._graph._disabled.discard(self._number)

    def disable(self) -> None:
        self._graph._disabled.add(self._number)


class ExecutableKernelNode(OptionalNode):
    """Launches a kernel."""

    def update(self, *, config: LaunchConfig, kernel: Kernel, args) -> None:
        self._become(KernelWork.of(self._machine, config, kernel, args))


class ExecutableMemcpyNode(OptionalNode):
    """Copies bytes."""

    def update(self, *, dst: Any, src: Any, size) -> None:
        self._become(CopyWork.of(self._machine, dst, src, size, None, None))


class ExecutableMemsetNode(OptionalNode):
    """Sets elements."""

    def update(self, *, dst: Any, value, width, height=1, pitch=0) -> None:
        self._become(FillWork.of(self._machine, dst, fill_pattern(value), width, height, pitch, None))


BY_WORK: dict[type[Work], str] = {
    KernelWork: "ExecutableKernelNode",
    CopyWork: "ExecutableMemcpyNode",
    FillWork: "ExecutableMemsetNode",
}
"""The class of a node by what it does; others cannot be changed in the stand-in."""
CLASSES = (
    ExecutableGraphNode,
    OptionalNode,
    ExecutableKernelNode,
    ExecutableMemcpyNode,
    ExecutableMemsetNode,
)
"""In an order in which each follows what it is derived from."""
