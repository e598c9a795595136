"""Graphs: definitions that nodes are added to, and what they are instantiated to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pullback.tests.cuda_core.errors import CUDAError, cuda_error
from pullback.tests.cuda_core.executable_nodes import BY_WORK, ExecutableGraphNode
from pullback.tests.cuda_core.graph_nodes import (
    AddedNode,
    ChildGraphNode,
    EmptyNode,
    EventRecordNode,
    EventWaitNode,
    GraphNode,
    HostCallbackNode,
    KernelNode,
    MemcpyNode,
    MemsetNode,
    NodeBuilder,
)
from pullback.tests.cuda_core.graph_works import EmptyWork, Plan, Work
from pullback.tests.cuda_core.machine import Bound
from pullback.tests.cuda_core.recording import GraphLaunch
from pullback.tests.cuda_core.streams import Point, Stream, accept_stream


@dataclass
class GraphCompleteOptions:
    auto_free_on_launch: bool = False
    upload_stream: Stream | None = None
    device_launch: bool = False
    use_node_priority: bool = False


class GraphDefinition(NodeBuilder):
    """Nodes, and what each comes after."""

    def __init__(self):
        self._machine.initialize()
        self._nodes: list[AddedNode] = []

    @property
    def is_valid(self) -> bool:
        return True

    def empty(self) -> EmptyNode:
        return self._add("EmptyNode", EmptyWork())

    def nodes(self) -> set[GraphNode]:
        return {self._wrapped(node) for node in self._nodes}

    def edges(self) -> set[tuple[GraphNode, GraphNode]]:
        edges = [(before, node) for node in self._nodes for before in node.before]
        return {(self._wrapped(before), self._wrapped(node)) for before, node in edges}

    def instantiate(self, options: GraphCompleteOptions | None = None) -> Graph:
        if (error := self._machine.faults.instantiation()) is not None:
            raise error
        self._machine.current_context()
        plan = self._plan()
        plan.check()
        return self._machine.types["Graph"]._made(plan)

    @property
    def _definition(self) -> GraphDefinition:
        return self

    def _add_node(self, kind: str, work: Work, before: Iterable[GraphNode]) -> Any:
        made = AddedNode(kind, work)
        for node in before:
            node._check_joins(self)
            if node._added not in made.before:
                made.before.append(node._added)
        self._nodes.append(made)
        return self._wrapped(made)

    def _wrapped(self, node: AddedNode) -> Any:
        return self._machine.types[node.kind]._made(self, node)

    def _plan(self) -> Plan:
        numbers = {id(node): number for number, node in enumerate(self._nodes)}
        after = tuple(frozenset(numbers[id(before)] for before in node.before) for node in self._nodes)
        return Plan(self._machine, tuple(node.work for node in self._nodes), after, tuple(self._nodes))


class Graph(Bound):
    """A graph that can be launched, any number of times, one after the other."""

    _plan: Plan
    _last: Point | None
    _disabled: set[int]
    _closed: bool

    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError("directly constructing a Graph instance is not supported")

    @classmethod
    def _made(cls, plan: Plan) -> Graph:
        self = object.__new__(cls)
        self._plan, self._last, self._disabled, self._closed = plan, None, set(), False
        return self

    @property
    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True

    def upload(self, stream: Stream) -> None:
        self._open(stream)

    def launch(self, stream: Stream) -> None:
        accepted, last = self._open(stream), self._last
        machine = self._machine
        machine.recording.records.append(GraphLaunch(len(self._plan.works), accepted._context.device))
        if last is not None and last.stream is not accepted:
            accepted._wait_at(last)
        works = [EmptyWork() if n in self._disabled else work for n, work in enumerate(self._plan.works)]
        replace(self._plan, works=tuple(works)).enqueue(accepted)
        machine.graph_launches += 1
        self._last = accepted._now()

    def update(self, source: GraphDefinition) -> None:
        if self._closed:
            raise cuda_error("CUDA_ERROR_INVALID_HANDLE", "the graph is closed")
        plan = source._plan()
        if not self._plan.like(plan):
            raise CUDAError(
                "Graph update failed: The update failed because the topology changed "
                "(CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED)"
            )
        plan.check()
        self._plan = replace(plan, nodes=self._plan.nodes)

    def __getitem__(self, node: GraphNode) -> ExecutableGraphNode:
        if node._added not in self._plan.nodes:
            raise ValueError("the node is not one of the definition that the graph was instantiated from")
        number = self._plan.nodes.index(node._added)
        kind = BY_WORK.get(type(self._plan.works[number]))
        if kind is None:
            raise NotImplementedError("the stand-in changes kernels, copies and fills alone")
        return self._machine.types[kind]._made(self, number)

    def _replace(self, number: int, work: Work) -> None:
        works = list(self._plan.works)
        if not works[number].like(work):
            raise cuda_error("CUDA_ERROR_INVALID_VALUE", "the node is one of another device")
        works[number] = work
        plan = replace(self._plan, works=tuple(works))
        plan.check()
        self._plan = plan

    def _open(self, stream: Stream) -> Stream:
        if self._closed:
            raise cuda_error("CUDA_ERROR_INVALID_HANDLE", "the graph is closed")
        return accept_stream(stream)


CLASSES = (
    *(
        NodeBuilder,
        GraphDefinition,
        GraphNode,
        EmptyNode,
        KernelNode,
        MemcpyNode,
        MemsetNode,
        HostCallbackNode,
    ),
    *(EventRecordNode, EventWaitNode, ChildGraphNode, Graph),
)
"""In an order in which each follows what it is derived from."""
