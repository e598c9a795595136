"""`snapshot-op-locations`: writes the program to a file, and gives each operation its place there as its location.

What is made of an operation later on, down to the machine code, keeps the place: so debuggers and profilers show the
line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.graph.tensor.origins import placed
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.process.whole_files import write_bytes


@dataclass(frozen=True)
class SnapshotOpLocations(ModulePass):
    """Write the program to a file, and locate each operation there: its name stays, with its position in the file."""

    name = "snapshot-op-locations"
    only_rewrites = False

    filename: str
    """The file to write."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        text = print_module(op)
        path = Path(self.filename).absolute()
        try:
            write_bytes(path, text.encode())
        except OSError as error:
            raise DiagnosticError(f"cannot write {self.filename}: {error.strerror}", op) from None
        source = parse(ctx, text, str(path))
        for ours, written in zip(op.walk(), source.module.walk(), strict=True):
            place = source.position(written)
            if place is not None:
                ours.location = placed(ours.location, str(path), *_line_and_column(text, place.start))


def _line_and_column(text: str, start: int) -> tuple[int, int]:
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
