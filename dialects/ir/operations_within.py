"""`operations_within`: the operations in another, in the order of the text.

xDSL's `walk` goes through a generator for each operation around: three times the time, since most passes do little
with most operations.
"""

from __future__ import annotations

from typing import TypeVar

from xdsl.ir import Operation

OperationT = TypeVar("OperationT", bound=Operation)


def operations_within(root: Operation) -> list[Operation]:
    """An operation and all operations in it, each before those in its regions; as they are now."""
    found: list[Operation] = []
    _collect(root, found)
    return found


def operations_of_class(kind: type[OperationT], root: Operation) -> list[OperationT]:
    """The operations of a class itself among these; `isinstance` would be a call of Python for each of the others."""
    return [op for op in operations_within(root) if type(op) is kind]


def _collect(op: Operation, found: list[Operation]) -> None:
    found.append(op)
    for region in op.regions:
        for block in region.blocks:
            inner = block.first_op
            while inner is not None:
                if inner.regions:
                    _collect(inner, found)
                else:
                    found.append(inner)
                inner = inner._next_op  # pyright: ignore[reportPrivateUsage]  a call less for each operation
