"""Who reads the contents of variables: what is to be done before an update, so that it needs no copy of them."""

from __future__ import annotations

from collections import defaultdict

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.state.variables import Read, Update, VariableOp
from pullback.passes.kernels.form.deferred import Deferred
from pullback.passes.kernels.form.groups import Group, Outside


class Readers:
    """What reads each variable, as far as a walk over a block has come, and no update has come since."""

    def __init__(self, deferred: Deferred) -> None:
        self._deferred = deferred
        self._seen: set[Operation] = set()
        self._groups: defaultdict[str, list[Group]] = defaultdict(list)
        self._rows: defaultdict[str, list[SSAValue]] = defaultdict(list)

    def see(self, op: Operation) -> None:
        """The walk has come to an operation."""
        self._seen.add(op)

    def defer(self, op: Operation) -> None:
        """An operation is computed where it is needed: later, perhaps, than an update."""
        label = _label_read(op.operands[0]) if isinstance(op, Gather) else None
        if label is not None:
            self._rows[label].append(op.results[0])

    def add(self, value: SSAValue, group: Group) -> None:
        """A group reads a value from memory."""
        label = _label_read(value)
        if label is not None:
            self._groups[label].append(group)

    def rows_before(self, op: Operation) -> list[SSAValue]:
        """Rows of variables that `op` updates which somebody needs later: few, and else all contents would be kept."""
        return [v for label in _updated_in(op) for v in self._rows.pop(label, ()) if self._is_needed_later(v)]

    def wait(self, item: Outside) -> None:
        """Keeps the groups that read old contents before an operation outside that updates them."""
        for label in _updated_in(item.op):
            for group in self._groups.pop(label, ()):
                group.root().users.append(item)

    def _is_needed_later(self, value: SSAValue) -> bool:
        pending, followed = [value], {value}
        while pending:
            for use in pending.pop().uses:
                if use.operation not in self._seen:
                    return True
                fresh = [r for r in use.operation.results if r in self._deferred and r not in followed]
                followed.update(fresh)
                pending += fresh
        return False


def _label_read(value: SSAValue) -> str | None:
    """The variable whose contents a value is."""
    return _label(value.owner.operands[0]) if isinstance(value.owner, Read) else None


def _label(variable: SSAValue) -> str:
    assert isinstance(variable.owner, VariableOp), "a variable is named where it is used"
    return variable.owner.label


def _updated_in(op: Operation) -> list[str]:
    """The variables that an operation, or what stands in its regions, updates."""
    inside = op.walk() if op.regions else (op,)
    return list(dict.fromkeys(_label(o.operands[0]) for o in inside if isinstance(o, Update)))
