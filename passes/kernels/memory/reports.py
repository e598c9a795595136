"""Reports of `plan-memory`, on standard error: buffers and live ranges, and copies of variables."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import groupby

from xdsl.dialects import func
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.kernel.buffer import MemorySpace
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.op_devices import device_of_value, is_spread
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.tensor.device import device_of_op
from pullback.dialects.graph.tensor.location import name_of, name_of_value
from pullback.dialects.ir.positions import place_in, place_of
from pullback.passes.kernels.memory.lifetimes import Lifetimes, Storage
from pullback.passes.kernels.memory.updates import Finding


def show(report: str) -> None:
    """Writes a report to standard error."""
    sys.stderr.write(report)


def memory_report(function: func.FuncOp, lives: Lifetimes, arenas: Mapping[str | None, int]) -> str:
    """Lists the sizes of arenas, then each buffer: where, how many bytes, live from which operation to which."""
    placed = [s for s in lives.storages if s.buffer is not None]
    total = sum(s.size for s in placed if _is_in_arena(s))
    room = f"arena {arenas[None]} bytes" if None in arenas else _listed(arenas)
    lines = [f"memory of @{function.sym_name.data}: {room} for {total} bytes of values"]
    rows = [
        (
            *([] if None in arenas else [s.device or ""]),
            str(s.buffer).removeprefix("#graph.buffer"),
            str(s.size),
            _span(s, lives),
            _names(s),
            _line(s.values[0]),
        )
        for s in placed
    ]
    from_python = "line" if any(row[-1] for row in rows) else ""
    head = ("buffer", "bytes", "operations", "values", from_python)
    lines += columns([head if None in arenas else ("device", *head), *rows])
    return "\n".join(lines) + "\n"


def _listed(arenas: Mapping[str | None, int]) -> str:
    """The arenas by device, as `arenas cpu:0 64 bytes, cuda:0 256 bytes`."""
    sizes = ", ".join(f"{device} {size} bytes" for device, size in sorted(arenas.items(), key=str))
    return f"arenas {sizes}" if arenas else "no arena"


def hazards_report(function: func.FuncOp, lives: Lifetimes, findings: Sequence[Finding]) -> str:
    """Lists the reads and updates of variables: in place or copied, and why; counts gates and copies to devices."""
    gates = sum(isinstance(op, Gate) for op in lives.ops)
    copies = sum(f.copies for f in findings)
    lines = [f"hazards of @{function.sym_name.data}: {copies} copies, {gates} gates kept"]
    several = is_spread(function)
    if several:
        between = sum(isinstance(op, CopyTo) for op in lives.ops)
        lines[0] += f", {_barriers(lives)} barriers over several devices, {between} copies between devices"
    rows = [
        (
            *([str(device_of_op(f.op))] if several else []),
            f.variable,
            "copy" if f.copies else "in place",
            f"operation {lives.start[f.op]}",
            f.why,
            _line_of(f.op),
        )
        for f in findings
    ]
    return "\n".join([*lines, *columns(rows)]) + "\n"


def _barriers(lives: Lifetimes) -> int:
    """Counts the places where values of several devices wait for each other: at one gate, or at gates side by side."""
    places = [list(ops) for is_gate, ops in groupby(lives.ops, lambda op: isinstance(op, Gate)) if is_gate]
    return sum(len({device_of_value(v) for gate in gates for v in gate.operands}) > 1 for gates in places)


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Aligns the fields of rows; returns a line for each row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _is_in_arena(storage: Storage) -> bool:
    return storage.buffer is not None and storage.buffer.kind is MemorySpace.ARENA


def _span(storage: Storage, lives: Lifetimes) -> str:
    return f"{storage.start}-{storage.end} {name_of(lives.ops[storage.end])}"


def _line(value: SSAValue) -> str:
    """The line of Python from which a value comes, if that is known."""
    match value:
        case OpResult(op=Kernel() as kernel) if (last := kernel.body.block.last_op) is not None:
            return _line(last.operands[value.index])
        case OpResult():
            return _line_of(value.op)
        case BlockArgument():
            return str(place_in(value.location) or "")
        case _:
            return ""


def _line_of(op: Operation) -> str:
    return str(place_of(op) or "")


def _names(storage: Storage) -> str:
    return " ".join(dict.fromkeys(f"%{_name(value)}" for value in storage.values))


def _name(value: SSAValue) -> str:
    return name_of_value(value) if value.name_hint is None else value.name_hint
