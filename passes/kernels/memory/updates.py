"""Updates in place: which reads of variables need no copy, and which new contents need none.

    1  %a = graph.read %w
    2  %y = graph.kernel %x, %a                 a product
    3  %b = graph.kernel %x, %d, %a             %a minus a product, element by element
    4  graph.assign %w, %b
    5  func.return %y

`%a` is a view of the memory of `w`: it is last used at 3, before the update. `%b` is written there as well, at 3
already: no other use of `%a` comes after 3, and that kernel reads each element of `%a` just before it writes it. So
neither the read nor the assignment copies. If the kernel at 2 came after 4, the read would be a copy, and `%b`
in place of the old contents all the same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.buffer import BufferAttr
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.variables import Assign, Read, label_of
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.location import name_of
from pullback.passes.kernels.memory.lifetimes import Lifetimes, Storage
from pullback.passes.kernels.memory.reuse import may_overwrite


@dataclass(frozen=True)
class Finding:
    """Whether a read or an update of a variable copies, and why."""

    variable: str
    op: Operation
    copies: bool
    why: str


@dataclass
class History:
    """A variable's reads and updates in the order of the program."""

    events: list[Operation] = field(default_factory=list)
    views: list[Storage] = field(default_factory=list)
    """The storages that are in the variable's memory."""


def place_variables(lives: Lifetimes) -> list[Finding]:
    """Gives reads and new contents the variable's own memory, where that changes no result; says what was found.

    An update takes effect at its number. A read is a view of the variable's memory if no update comes between it and
    the last use of what was read; else it is a copy (a write after read is a hazard).

    New contents are computed in place if the kernel that computes them may write early, that is if
    1. between the kernel and the update nothing reads or updates the variable,
    2. no view of it is needed after the kernel,
    3. the kernel itself reads each element of it only at the index that it is about to write (`may_replace`),
    4. the new contents are not needed beyond the next update.
    Only SSA values name old contents, and all their uses are known; so nothing else could see the difference. One
    kernel may write the contents of several variables. `form-kernels` computes none before an earlier reader of the
    old ones; a gate makes those that are its operands come first. A copy to another device uses the old contents as a
    kernel does: the update comes after it, or copies are made.
    """
    histories: defaultdict[str, History] = defaultdict(History)
    for op in lives.ops:
        if isinstance(op, Read | Assign):
            histories[label_of(op.operands[0])].events.append(op)
    findings = [
        _place_read(lives, h, op) for h in histories.values() for op in h.events if isinstance(op, Read)
    ]
    findings += [
        _place_update(lives, h, op) for h in histories.values() for op in h.events if isinstance(op, Assign)
    ]
    return sorted(findings, key=lambda finding: lives.start[finding.op])


def _place_read(lives: Lifetimes, history: History, op: Read) -> Finding:
    storage = lives.of(op.results[0])
    assert storage is not None
    at = lives.start[op]
    update = next(
        (u for u in history.events if isinstance(u, Assign) and at < lives.start[u] < storage.end), None
    )
    if update is not None:
        user = lives.ops[storage.end]
        return Finding(
            label_of(op.operands[0]),
            op,
            True,
            f"read: {_named(user)} uses the old contents after the update",
        )
    storage.buffer = BufferAttr.variable(label_of(op.operands[0]))
    history.views.append(storage)
    last = lives.ops[storage.end]
    what = f", which is {_named(last)}" if isinstance(last, CopyTo) else ""
    return Finding(label_of(op.operands[0]), op, False, f"read: no update before the last use{what}")


def _place_update(lives: Lifetimes, history: History, op: Assign) -> Finding:
    obstacle = _obstacle(lives, history, op)
    if obstacle is not None:
        return Finding(label_of(op.operands[0]), op, True, f"update: {obstacle}")
    storage = lives.of(op.operands[1])
    assert storage is not None
    copies = _copied_to(history, storage)
    what = f", copies to {' and '.join(copies)} among them" if copies else ""
    storage.buffer = BufferAttr.variable(label_of(op.operands[0]))
    history.views.append(storage)
    return Finding(
        label_of(op.operands[0]), op, False, f"update: all uses of the old contents come first{what}"
    )


def _obstacle(lives: Lifetimes, history: History, op: Assign) -> str | None:
    """Finds what keeps the new contents from being computed in the variable's memory."""
    storage, kernel, source = lives.of(op.operands[1]), *_source(op.operands[1], lives)
    if storage is None or not isinstance(kernel, Kernel | CopyTo) or kernel.parent is not op.parent:
        return "the new contents are no result of a kernel beside it"
    if storage.buffer is not None:
        return "the new contents lie elsewhere already"
    written, taken = lives.start[kernel], lives.start[op]
    for event in history.events:
        if written < lives.start[event] < taken:
            return f"{name_of(event)} comes between the kernel and the update"
        if isinstance(event, Assign) and taken < lives.start[event] < storage.end:
            return "the new contents are needed beyond the next update"
    for view in history.views:
        if view.start <= written and view.end > written:
            user = lives.ops[view.end]
            return f"{_named(user)} uses the old contents after the new ones are computed"
        if isinstance(kernel, CopyTo):
            continue  # which reads memory of another device
        if view.end == written and not may_overwrite(kernel, source, view, lives):
            return "the kernel reads old elements after it has written others"
    return None


def _copied_to(history: History, new: Storage) -> list[str]:
    """Lists the devices to which what was in a variable's memory before these new contents is copied."""
    old = [value for view in history.views if view is not new for value in view.values]
    users = [use.operation for value in old for use in value.uses]
    return sorted({str(device_of_op(op)) for op in users if isinstance(op, CopyTo)})


def _named(user: Operation) -> str:
    return f"the copy to {device_of_op(user)}" if isinstance(user, CopyTo) else name_of(user)


def _source(value: SSAValue, lives: Lifetimes) -> tuple[Operation | None, SSAValue]:
    """Finds the operation that computes a value, and the result that the value is an alias of."""
    storage = lives.of(value)
    first = value if storage is None else storage.values[0]
    return (first.owner if isinstance(first.owner, Operation) else None), first
