"""Instrumentations of the tools: they record the IR after each pass, and the time that each took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.ir.text import print_module
from pullback.passes.pipeline.instrumentation import PassInstrumentation
from pullback.tools.files import FileError, write_bytes


class PassDump(PassInstrumentation):
    """Writes `00-input.mlir`, `01-first-pass.mlir` ... into a folder, which is made if missing."""

    def __init__(self, folder: Path, *, locations: bool = True) -> None:
        self._folder = folder
        self._locations = locations
        self._count = 0

    def write(self, name: str, module: ModuleOp) -> None:
        """Write the next file.

        Raises:
            FileError: the folder or the file cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"{self._folder}: error: cannot make the folder: {error.strerror}") from None
        path = self._folder / f"{self._count:02}-{name}.mlir"
        write_bytes(path, print_module(module, locations=self._locations).encode())
        self._count += 1

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Writes what the pass left."""
        self.write(str(pass_.name), module)


class PassTimes(PassInstrumentation):
    """Seconds per pass, in the order of the runs; verification and printing are not counted."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float]] = []

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Notes one run of a pass."""
        self.rows.append((str(pass_), seconds))

    def report(self) -> None:
        """Print the table on standard error."""
        Console(stderr=True).print(_time_table(self.rows))


def _time_table(rows: Sequence[tuple[str, float]]) -> Table:
    total = sum(seconds for _, seconds in rows)
    table = Table("pass", title="time in passes")
    table.add_column("ms", justify="right")
    table.add_column("%", justify="right")
    for name, seconds in rows:
        table.add_row(name, f"{seconds * 1e3:.2f}", f"{100 * seconds / total:.0f}" if total else "")
    table.add_section()
    table.add_row("total", f"{total * 1e3:.2f}", "")
    return table
