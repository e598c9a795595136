"""Rolls back what was added to a graph, where something failed."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from xdsl.ir import Block, Operation


def erase_after(block: Block, last: Operation | None, notes: MutableMapping[Operation, Any]) -> None:
    """Erases the operations of a block behind `last`, and what is noted about them."""
    while (op := block.last_op) is not None and op is not last:
        for inner in op.walk():
            notes.pop(inner, None)
        op.detach()
        op.erase(safe_erase=False)


def erase_from(operations: list[Operation], count: int) -> None:
    """Keeps this many operations, and erases later ones, in whatever block they are."""
    for op in reversed(operations[count:]):
        if op.parent is not None:
            op.detach()
            op.erase(safe_erase=False)
    del operations[count:]


def forget_from(items: MutableMapping[str, Any], count: int) -> None:
    """Keeps this many items, and drops later ones."""
    for name in list(items)[count:]:
        del items[name]
