"""The report of `place-devices`, on standard error: where each operation is and why, and what is copied."""

from __future__ import annotations

import sys
from collections import Counter

from xdsl.dialects import func
from xdsl.ir import Operation
from xdsl.traits import IsTerminator

from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.tensor.location import name_of
from pullback.dialects.ir.positions import place_of
from pullback.passes.placement.assign_devices import Placement
from pullback.passes.placement.device_requests import operations_in


def show(report: str) -> None:
    """Writes a report to standard error."""
    sys.stderr.write(report)


def placement_report(function: func.FuncOp, placement: Placement) -> str:
    """Counts operations by device, and copies; then lists each operation: where, which, why, and its line of Python."""
    ops = [op for op in operations_in(function.body.block) if not op.has_trait(IsTerminator)]
    counts = Counter(placement.ops[op] for op in ops)
    on = ", ".join(f"{count} on {device}" for device, count in sorted(counts.items()))
    copies = sum(isinstance(op, CopyTo) for op in ops)
    rows = [
        (placement.ops[op], op.name, _name(op), _why(op, placement), str(place_of(op) or "")) for op in ops
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([f"placement of @{function.sym_name.data}: {on}; {copies} copies", *lines]) + "\n"


def _name(op: Operation) -> str:
    hint = op.results[0].name_hint if op.results else None
    return name_of(op) if hint is None else f"%{hint}"


def _why(op: Operation, placement: Placement) -> str:
    if not isinstance(op, CopyTo):
        return placement.reasons[op]
    return f"from {placement.values[op.operands[0]]}"
