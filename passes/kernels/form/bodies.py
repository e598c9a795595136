"""Bodies of kernels: backward slicing, from the values that a kernel yields to those that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.op.indexed import shares_loops
from pullback.passes.kernels.form.classify import Classified
from pullback.passes.kernels.form.grouping import Groups
from pullback.passes.kernels.form.groups import Group


@dataclass(frozen=True, eq=False)
class Body:
    """A kernel before it is built: its operations in order, its operands in the order of their use, its results."""

    ops: list[Operation]
    inputs: list[SSAValue]
    outputs: list[SSAValue]


Bodies: TypeAlias = Mapping[Group, Body]
Repeats: TypeAlias = Mapping[Group, set[SSAValue]]
"""Values of other groups that a group computes again for itself."""


class Cones:
    """Backward slices: the operations that a group takes to compute some of its values."""

    def __init__(self, classified: Classified, groups: Groups, repeats: Repeats) -> None:
        self._classified = classified
        self._groups = groups
        self._repeats = repeats

    def of(self, group: Group, outputs: list[SSAValue]) -> Body:
        """Finds the operations of the group, and the deferred ones, that `outputs` depend on."""
        given: set[SSAValue] = set()
        while True:
            found, reads = self._walk(group, outputs, given)
            ops = sorted(found, key=self._classified.order.__getitem__)
            inputs = dict.fromkeys(value for op in ops for value in reads.get(op, ()))
            # What one operation must take from memory, no other needs to compute again.
            twice = {value for value in inputs if value.owner in found} - given
            if not twice:
                return Body(ops, list(inputs), outputs)
            given |= twice

    def _walk(
        self, group: Group, outputs: list[SSAValue], given: set[SSAValue]
    ) -> tuple[set[Operation], dict[Operation, list[SSAValue]]]:
        """Goes back from `outputs` to `given`; returns the operations, and what each of them reads from memory."""
        found: set[Operation] = set()
        reads: dict[Operation, list[SSAValue]] = {}
        pending = [v.owner for v in outputs]
        while pending:
            op = pending.pop()
            assert isinstance(op, Operation)
            if op in found:
                continue
            found.add(op)
            for number, operand in enumerate(op.operands):
                if operand not in given and self._is_inside(group, op, number, operand):
                    pending.append(operand.owner)
                else:
                    reads.setdefault(op, []).append(operand)
        return found, reads

    def _is_inside(self, group: Group, user: Operation, number: int, value: SSAValue) -> bool:
        """Tells whether the kernel computes this operand, which is `value`, itself."""
        if value in self._repeats.get(group, ()):
            return True
        classified = self._classified
        is_access = not shares_loops(user, number) or (group.kind is not None and group.kind.reads_stored)
        may_repeat = value.owner in classified.deferred and (
            isinstance(value.owner, MakeSlices) or not is_access
        )
        home = self._groups.homes.get(value)
        if home is None or home is group:
            return home is not None or may_repeat
        # What is deferred may have been stored after all, for others that need it in memory.
        is_stored_before = home.position < group.position
        return may_repeat and (value.owner in classified.constants or not is_stored_before)
