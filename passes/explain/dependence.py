"""Data dependence in a block, whether or not gradients pass: use-def chains, and reads after updates."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TypeAlias

from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.variables import ReadsVariable, Update, VariableOp
from pullback.passes.gradients.paths import inputs_of
from pullback.passes.gradients.visible import Visible

Node: TypeAlias = SSAValue | Operation
"""A value depends on the operation that makes it; an operation on its inputs, and on updates that it reads."""


class Dependence:
    """The backward slice of some ys, through everything: integers, barriers, and the contents of variables."""

    def __init__(self, ys: Sequence[SSAValue], visible: Visible) -> None:
        self._updates = updates_before_reads(visible)
        self.behind: dict[Node, None] = {}
        """The nodes that the ys depend on, the nearest first, themselves included."""
        self._users: dict[Node, list[Node]] = {}
        work: deque[Node] = deque(ys)
        while work:
            node = work.popleft()
            if node in self.behind:
                continue
            self.behind[node] = None
            for source in self.sources(node):
                self._users.setdefault(source, []).append(node)
                work.append(source)

    def sources(self, node: Node) -> Iterator[Node]:
        """The nodes that a node depends on directly."""
        match node:
            case Update():
                yield node.operands[1]
            case Operation():
                yield from inputs_of(node)
                yield from self._updates.get(node, ())
            case BlockArgument():
                parent = node.owner.parent_op()
                if isinstance(parent, While):
                    yield parent.inits[node.index]
            case _:
                assert isinstance(node.owner, Operation)
                yield node.owner

    def updates_of(self, op: Operation) -> Sequence[Operation]:
        """The updates whose effect an operation reads from a variable."""
        return self._updates.get(op, ())

    def between(self, x: SSAValue) -> set[Node]:
        """The nodes that depend on x and lead to a y, x included; empty if there are none."""
        if x not in self.behind:
            return set()
        found: set[Node] = set()
        work: list[Node] = [x]
        while work:
            node = work.pop()
            if node not in found:
                found.add(node)
                work.extend(self._users.get(node, ()))
        return found

    def inputs(self) -> list[SSAValue]:
        """The arguments of the function and the variables that the ys depend on, the nearest first."""
        return [
            node
            for node in self.behind
            if isinstance(node, BlockArgument)
            or (isinstance(node, SSAValue) and isinstance(node.owner, VariableOp))
        ]


def updates_before_reads(visible: Visible) -> dict[Operation, list[Operation]]:
    """For each operation of some blocks that reads variables, the updates of these that precede it."""
    earlier: dict[str, list[Operation]] = {}
    found: dict[Operation, list[Operation]] = {}
    around = {block.parent_op() for block in visible.blocks[:-1]}
    for block in reversed(visible.blocks):
        for op in takewhile(lambda op: op not in around, block.ops):
            for inner in op.walk() if op.regions else (op,):
                label = variable_of(inner)
                if isinstance(inner, ReadsVariable) and label in earlier:
                    found.setdefault(op, []).extend(earlier[label])
                elif isinstance(inner, Update) and label is not None:
                    earlier.setdefault(label, []).append(op)
    return found


def variable_of(op: Operation) -> str | None:
    """The name of the variable that an operation makes, reads or updates."""
    if isinstance(op, ReadsVariable | Update):
        maker = op.operands[0].owner
        return maker.label if isinstance(maker, VariableOp) else None
    return op.label if isinstance(op, VariableOp) else None


def users_of(value: SSAValue, visible: Visible) -> list[Operation]:
    """The operations of some blocks that use a value, in their regions too."""
    found = (visible.holder(use.operation) for use in value.uses)
    return list(dict.fromkeys(op for op in found if op is not None))
