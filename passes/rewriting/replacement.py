"""Replaces values (SSA uses) in one linear walk.

xDSL rebuilds the operands of an operation at each single replacement, so replacing the n operands of one addition,
one by one, costs n²; here each operation gets new operands once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.ir import Block, Operation, SSAValue


def replace_operands(op: Operation, known: Mapping[SSAValue, SSAValue]) -> None:
    """Replaces those operands of one operation that are keys of `known`."""
    operands = op._operands  # pyright: ignore[reportPrivateUsage]  `operands` makes a view for each access
    for value in operands:
        if value in known:
            op.operands = [known.get(v, v) for v in operands]
            return


def replace_in(root: Operation | Block, known: Mapping[SSAValue, SSAValue]) -> None:
    """Replaces values everywhere in an operation or block, the regions in it included."""
    if known:
        for op in root.walk():
            replace_operands(op, known)


def drop(op: Operation) -> None:
    """Erases an operation that has no uses."""
    assert all(r.first_use is None for r in op.results), f"{op.name} is still used"
    if op.parent is not None:
        op.detach()
    op.drop_all_references()


class Replacements:
    """Replacements of values, applied lazily while one walk visits all operations in order."""

    def __init__(self) -> None:
        self.known: dict[SSAValue, SSAValue] = {}
        self.replaced: list[Operation] = []

    def replace(self, op: Operation, values: Sequence[SSAValue]) -> None:
        """Replaces the results of `op` by these values, and detaches it; `drop_replaced` erases it."""
        for old, new in zip(op.results, values, strict=True):
            new = self.known.get(new, new)
            self.known[old] = new
            if new.name_hint is None and old.name_hint is not None:
                new.name_hint = old.name_hint
        op.detach()
        self.replaced.append(op)

    def update(self, op: Operation) -> None:
        """Replaces the operands of an operation that the walk has reached."""
        known = self.known
        operands = op._operands  # pyright: ignore[reportPrivateUsage]
        if known and any(v in known for v in operands):
            op.operands = [self.latest(v) for v in operands]

    def latest(self, value: SSAValue) -> SSAValue:
        """Resolves a value: its replacement may have been replaced since."""
        while (newer := self.known.get(value)) is not None:
            value = newer
        return value

    def drop_replaced(self) -> None:
        """Erases the replaced operations, once the walk has reached every use."""
        for op in reversed(self.replaced):
            drop(op)
        self.replaced.clear()
