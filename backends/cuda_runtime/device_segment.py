"""Commands that a device runs without the host: a graph with explicit nodes, instantiated once and replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pullback.backends.cuda_runtime.commands import Command, CommandQueue
from pullback.backends.cuda_runtime.dependencies import MemoryAccess, conflict, merged, predecessors


class DeviceSegment:
    """Commands at fixed addresses, in the order of the text. Only those wait for each other that share memory."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = tuple(commands)
        self.reads = merged([range for command in self.commands for range in command.reads])
        self.writes = merged([range for command in self.commands for range in command.writes])
        self._graph: Any = None

    @property
    def predecessors(self) -> list[list[int]]:
        """For each command the numbers of those that it waits for."""
        return predecessors(self.commands)

    def conflicts(self, access: MemoryAccess) -> bool:
        """Whether the order of this and another access matters."""
        return any(conflict(command, access) for command in self.commands)

    def enqueue(self, queue: CommandQueue) -> None:
        """Enqueues all commands: one as it is, several as a graph."""
        if len(self.commands) == 1:
            self.commands[0].enqueue(queue)
            return
        if self._graph is None:
            self._graph = self._definition(queue).instantiate()
        self._graph.launch(queue.stream)

    def _definition(self, queue: CommandQueue) -> Any:
        definition = queue.module.graph.GraphDefinition()
        nodes: list[Any] = []
        for command, before in zip(self.commands, self.predecessors, strict=True):
            node = command.add_to(nodes[before[0]] if before else definition)
            for other in before[1:]:
                node.pred.add(nodes[other])
            nodes.append(node)
        return definition
