"""Nodes of graphs, and the methods that add them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pullback.tests.cuda_core.copies import fill_pattern
from pullback.tests.cuda_core.errors import cuda_error
from pullback.tests.cuda_core.graph_works import (
    CallbackWork,
    CopyWork,
    EmptyWork,
    FillWork,
    KernelWork,
    RecordWork,
    WaitWork,
    Work,
)
from pullback.tests.cuda_core.launches import LaunchConfig
from pullback.tests.cuda_core.machine import Bound
from pullback.tests.cuda_core.programs import Kernel
from pullback.tests.cuda_core.recording import Extent
from pullback.tests.cuda_core.streams import Event

Definition: TypeAlias = Any
"""A `GraphDefinition`, which builds on this file."""


class NodeBuilder(Bound):
    """Adds nodes that come after this one, or after nothing where it is a definition."""

    def launch(self, config: LaunchConfig, kernel: Kernel, *args) -> KernelNode:
        return self._add("KernelNode", KernelWork.of(self._machine, config, kernel, args))

    def memcpy(self, dst: Any, src: Any, size, *, dst_owner=None, src_owner=None) -> MemcpyNode:
        return self._add("MemcpyNode", CopyWork.of(self._machine, dst, src, size, dst_owner, src_owner))

    def memset(self, dst: Any, value, width, height=1, pitch=0, *, dst_owner=None) -> MemsetNode:
        work = FillWork.of(self._machine, dst, fill_pattern(value), width, height, pitch, dst_owner)
        return self._add("MemsetNode", work)

    def join(self, *nodes: GraphNode) -> EmptyNode:
        return self._add("EmptyNode", EmptyWork(), nodes)

    def callback(self, fn, *, user_data=None) -> HostCallbackNode:
        if not callable(fn) or user_data is not None:
            raise NotImplementedError("the stand-in calls Python functions alone")
        return self._add("HostCallbackNode", CallbackWork(self._machine, fn))

    def record(self, event: Event) -> EventRecordNode:
        return self._add("EventRecordNode", RecordWork(event))

    def wait(self, event: Event) -> EventWaitNode:
        return self._add("EventWaitNode", WaitWork(event))

    def embed(self, child: Definition) -> ChildGraphNode:
        return self._add("ChildGraphNode", child._plan())

    @property
    def _definition(self) -> Definition:
        raise NotImplementedError

    def _add(self, kind: str, work: Work, also: Iterable[GraphNode] = ()) -> Any:
        return self._definition._add_node(kind, work, also)


@dataclass(eq=False)
class AddedNode:
    """A node as its definition has it. It does not refer to that: what nodes keep goes with the definition."""

    kind: str
    work: Work
    before: list[AddedNode] = field(default_factory=list)


class GraphNode(NodeBuilder):
    """A node of a definition."""

    _graph: Definition
    _added: AddedNode

    @classmethod
    def _made(cls, graph: Definition, added: AddedNode) -> GraphNode:
        self: GraphNode = object.__new__(cls)
        self._graph, self._added = graph, added
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GraphNode) and other._added is self._added

    def __hash__(self) -> int:
        return hash(self._added)

    @property
    def graph(self) -> Definition:
        return self._graph

    @property
    def is_valid(self) -> bool:
        return self._added in self._graph._nodes

    def destroy(self) -> None:
        if self.is_valid:
            self._graph._nodes.remove(self._added)
            for node in self._graph._nodes:
                node.before = [before for before in node.before if before is not self._added]

    @property
    def pred(self) -> Adjacent:
        return Adjacent(self, False)

    @pred.setter
    def pred(self, value: Iterable[GraphNode]) -> None:
        self.pred.become(value)

    @property
    def succ(self) -> Adjacent:
        return Adjacent(self, True)

    @succ.setter
    def succ(self, value: Iterable[GraphNode]) -> None:
        self.succ.become(value)

    @property
    def _definition(self) -> Definition:
        return self._graph

    def _add(self, kind: str, work: Work, also: Iterable[GraphNode] = ()) -> Any:
        return super()._add(kind, work, (self, *also))

    def _check_joins(self, graph: Definition) -> None:
        if not self.is_valid or self._graph is not graph:
            raise cuda_error("CUDA_ERROR_INVALID_VALUE", "the node is not one of this graph")


class Adjacent(MutableSet["GraphNode"]):
    """The nodes before a node, or behind it, which can be changed."""

    def __init__(self, node: GraphNode, behind: bool) -> None:
        self._node, self._behind = node, behind

    def __iter__(self) -> Iterator[GraphNode]:
        graph, added = self._node._graph, self._node._added
        found = [each for each in graph._nodes if added in each.before] if self._behind else added.before
        return iter([graph._wrapped(each) for each in found])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, node: object) -> bool:
        return node in list(iter(self))

    def add(self, value: GraphNode) -> None:
        value._check_joins(self._node._graph)
        node, before = self._ends(value)
        if before not in node.before:
            node.before.append(before)

    def discard(self, value: GraphNode) -> None:
        node, before = self._ends(value)
        node.before = [each for each in node.before if each is not before]

    def _ends(self, other: GraphNode) -> tuple[AddedNode, AddedNode]:
        """The later node and the earlier one."""
        ends = self._node._added, other._added
        return (ends[1], ends[0]) if self._behind else ends

    def become(self, nodes: Iterable[GraphNode]) -> None:
        self.clear()
        for node in nodes:
            self.add(node)


class EmptyNode(GraphNode):
    """Comes after several nodes."""


class KernelNode(GraphNode):
    """Launches a kernel."""

    @property
    def _work(self) -> KernelWork:
        assert isinstance(self._added.work, KernelWork)
        return self._added.work

    def update(self, *, config: LaunchConfig | None = None, kernel: Kernel | None = None, args=None) -> None:
        call = self._work.call
        if kernel is not None and args is None:
            raise ValueError("changing kernel requires args")
        given = self._work.arguments if args is None else args
        self._added.work = KernelWork.of(self._machine, config or call.config, kernel or call.kernel, given)

    @property
    def grid(self) -> Extent:
        return self._work.call.config.grid

    @property
    def block(self) -> Extent:
        return self._work.call.config.block

    @property
    def kernel(self) -> Kernel:
        return self._work.call.kernel

    @property
    def config(self) -> LaunchConfig:
        return self._work.call.config


class MemcpyNode(GraphNode):
    """Copies bytes."""

    @property
    def _work(self) -> CopyWork:
        assert isinstance(self._added.work, CopyWork)
        return self._added.work

    def update(self, *, dst: Any = None, src: Any = None, size=None, dst_owner=None, src_owner=None) -> None:
        old = self._work
        target, source = old.owners
        self._added.work = CopyWork.of(
            self._machine,
            old.target if dst is None else dst,
            old.source if src is None else src,
            old.size if size is None else size,
            target if dst is None else dst_owner,
            source if src is None else src_owner,
        )

    @property
    def dst(self) -> int:
        return self._work.target

    @property
    def src(self) -> int:
        return self._work.source

    @property
    def size(self) -> int:
        return self._work.size


class MemsetNode(GraphNode):
    """Sets elements."""

    @property
    def _work(self) -> FillWork:
        assert isinstance(self._added.work, FillWork)
        return self._added.work

    @property
    def dptr(self) -> int:
        return self._work.target

    @property
    def value(self) -> int:
        return int.from_bytes(self._work.pattern, "little")

    @property
    def element_size(self) -> int:
        return len(self._work.pattern)

    @property
    def width(self) -> int:
        return self._work.width


class HostCallbackNode(GraphNode):
    """Calls a function of the host."""

    @property
    def callback(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert isinstance(self._added.work, CallbackWork)
        return self._added.work.function


class EventRecordNode(GraphNode):
    """Records an event."""

    @property
    def event(self) -> Event:
        assert isinstance(self._added.work, RecordWork)
        return self._added.work.event


class EventWaitNode(GraphNode):
    """Waits for an event."""

    @property
    def event(self) -> Event:
        assert isinstance(self._added.work, WaitWork)
        return self._added.work.event


class ChildGraphNode(GraphNode):
    """Has the nodes of another graph, as they were when it was embedded."""
