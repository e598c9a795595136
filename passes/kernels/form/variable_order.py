"""The order of reads and updates of variables: reads may come earlier than in the program, assignments later.

    1  %a = graph.read %m
    2  %b = graph.add %a, %g               a group {b} at 2
    3  graph.assign %m, %b                 waits for {b}
    4  %c = graph.read %w                  nothing updates %w before: it may come first
    5  %d = graph.subtract %c, %b          joins it: {b, d}
    6  graph.assign %w, %d

    reads %a and %c, the kernel of %b and %d, both assignments

A read stays after the last update of its variable, and an assignment before what reads or updates its variable next, or
has a region that does. No more than that can be seen, so one kernel may yield several updates. New contents are not
computed before what else uses the old ones, which would cost a copy, nor before a loop that comes earlier in the
program: a step can be interrupted until it changes its first variable.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from pullback.dialects.graph.state.variables import Assign, ReadsVariable, label_of
from pullback.dialects.graph.tensor.types import VariableType
from pullback.passes.kernels.form.classify import Outside
from pullback.passes.kernels.form.groups import OpenGroup

Place = tuple[int, int, int]
"""A position of the new order, whether before (-1), at (0) or after (1) the group there, and the old position."""


@dataclass(eq=False)
class MovableRead:
    """A read, which comes before all that uses it and after `earliest`."""

    step: Outside
    position: int
    earliest: int
    """The position of the last update before."""
    groups: list[OpenGroup] = field(default_factory=list)
    """The groups that use what was read."""
    leaves: int = 0
    """The position of the last operation outside that uses it."""

    @property
    def place(self) -> Place:
        first = min((g.root().position for g in self.groups), default=self.position)
        return (first, -1, self.position) if first < self.position else (self.position, 0, self.position)

    def last_use_beside(self, group: OpenGroup) -> int:
        """Finds the last position at which anything but this group uses what was read."""
        others = (g.root().position for g in self.groups if g.root() is not group)
        return max(self.leaves, max(others, default=0))


@dataclass(eq=False)
class MovableAssign:
    """An assignment, which comes after the group that computes the new contents."""

    step: Outside
    position: int
    group: OpenGroup

    @property
    def place(self) -> Place:
        at = self.group.root().position
        return (at, 1, self.position) if at > self.position else (self.position, 0, self.position)

    def stay(self) -> int:
        """From now on the assignment does not move further down; returns its position."""
        at, *_ = self.place
        group = self.group.root()
        group.leaves = min(group.leaves, at)
        return at


class VariableOrder:
    """The reads and assignments of a block, as far as a walk over it has come."""

    def __init__(self) -> None:
        self._reads: dict[SSAValue, MovableRead] = {}
        self._assigns: list[MovableAssign] = []
        self._current: dict[str, list[MovableRead]] = {}
        """The reads of each variable since its last update."""
        self._updates: dict[str, MovableAssign | int] = {}
        """The last update of each variable, or its position where it stays."""
        self._last_loop = 0

    @property
    def places(self) -> list[tuple[Place, Outside]]:
        """Lists the reads and assignments with their places, once no group moves any more."""
        return [(moved.place, moved.step) for moved in (*self._reads.values(), *self._assigns)]

    def read(self, step: Outside, position: int) -> None:
        """Takes up a read."""
        label = label_of(step.op.operands[0])
        made = MovableRead(step, position, self._last_update(label))
        self._reads[step.op.results[0]] = made
        self._current.setdefault(label, []).append(made)

    def assign(self, step: Outside, position: int, group: OpenGroup) -> None:
        """Takes up an assignment of what a group computes."""
        label = label_of(step.op.operands[0])
        self._last_update(label)
        made = self._updates[label] = MovableAssign(step, position, group)
        self._assigns.append(made)
        self._current.pop(label, None)

    def leave(self, step: Outside, position: int) -> None:
        """Takes down what an operation that stays where it is, with its regions, reads and updates."""
        if step.op.regions:
            self._last_loop = position
        for op in step.op.walk():
            for operand in op.operands:
                if operand in self._reads:
                    self._reads[operand].leaves = position
                elif isinstance(operand.type, VariableType):
                    label = label_of(operand)
                    earliest = self._last_update(label)
                    if isinstance(op, ReadsVariable):
                        inside = MovableRead(step, position, earliest, leaves=position)
                        self._current.setdefault(label, []).append(inside)
                    else:
                        self._updates[label] = position
                        self._current.pop(label, None)

    def use(self, value: SSAValue, group: OpenGroup) -> None:
        """Takes down that a group uses a value, if that was read."""
        if value in self._reads:
            self._reads[value].groups.append(group)

    def earliest(self, value: SSAValue) -> int | None:
        """Finds the position after which a read may come; `None` for other values."""
        return self._reads[value].earliest if value in self._reads else None

    def lets_move(self, value: SSAValue, group: OpenGroup) -> bool:
        """Tells whether a value may be computed where this group is, if it is the new contents of a variable."""
        updates = [u.operation for u in value.uses if isinstance(u.operation, Assign) and u.index == 1]
        reads = [read for op in updates for read in self._current.get(label_of(op.operands[0]), ())]
        latest = max([self._last_loop, *(read.last_use_beside(group) for read in reads)])
        return not updates or latest < group.position

    def _last_update(self, label: str) -> int:
        """Finds the position of the last update of a variable, which from now on does not move down."""
        last = self._updates.get(label, 0)
        return last.stay() if isinstance(last, MovableAssign) else last
