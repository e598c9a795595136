"""Anti-dependences: what reads a variable comes before an update of it, so that the update needs no copy.

%a = graph.read %w
%rows = graph.gather %a, %i       deferred; but used after the update: stored before it
%n = graph.exp %a                 computed before the assignment
%b = graph.subtract %a, %d        (so is the new value)
graph.assign %w, %b
%y = graph.tanh %rows             reads the stored rows
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.op.indexed import picks_rows
from pullback.dialects.graph.state.variables import Read, Update, label_of
from pullback.passes.kernels.form.deferred import Deferred


class Readers:
    """The reads of each variable since its last update, as far as a walk over a block has come."""

    def __init__(self, deferred: Deferred) -> None:
        self._deferred = deferred
        self._seen: set[Operation] = set()
        self._computed: defaultdict[str, list[SSAValue]] = defaultdict(list)
        self._rows: defaultdict[str, list[SSAValue]] = defaultdict(list)

    def see(self, ops: Sequence[Operation]) -> None:
        """Takes down that the walk has come to these operations."""
        self._seen.update(ops)

    def defer(self, op: Operation) -> None:
        """Takes down an operation that is computed where it is needed: later, perhaps, than an update."""
        label = _label_read(op.operands[0]) if picks_rows(op) else None
        if label is not None:
            self._rows[label].append(op.results[0])

    def add(self, read: SSAValue, value: SSAValue) -> None:
        """Takes down that the kernel which computes `value` reads `read` from memory."""
        label = _label_read(read)
        if label is not None:
            self._computed[label].append(value)

    def rows_before(self, ops: Sequence[Operation]) -> list[SSAValue]:
        """Finds the deferred rows that are needed after an update in `ops`: else all old contents would be kept."""
        labels = [label for op in ops for label in _updated_in(op)]
        return [v for label in labels for v in self._rows.pop(label, ()) if self._is_needed_later(v)]

    def take(self, op: Operation) -> list[SSAValue]:
        """Takes what is computed from old contents of the variables that `op` updates: all of it comes before."""
        return [value for label in _updated_in(op) for value in self._computed.pop(label, ())]

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
    """Names the variable that a value was read from."""
    return label_of(value.owner.operands[0]) if isinstance(value.owner, Read) else None


def _updated_in(op: Operation) -> list[str]:
    """Names the variables that an operation, or what its regions hold, updates."""
    inside = op.walk() if op.regions else (op,)
    return list(dict.fromkeys(label_of(o.operands[0]) for o in inside if isinstance(o, Update)))
