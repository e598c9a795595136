"""`operations_within`: the operations in another, in the order of the text.

xDSL's `walk` goes through a generator for each operation around: three times the time, since most passes do little
with most operations.
"""

from __future__ import annotations

from xdsl.ir import Operation


def operations_within(root: Operation) -> list[Operation]:
    """An operation and all operations in it, each before those in its regions; as they are now."""
    found: list[Operation] = []
    _collect(root, found)
    return found


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
