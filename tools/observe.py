"""What looks inside a pipeline of passes, as both tools have it: the instrumentations that their options ask for."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import DiagnosticException

from pullback.dialects.ir.print_anyway import print_anyway
from pullback.dialects.ir.text import print_module
from pullback.driver.cache_report import cache_report
from pullback.passes.pipeline.instrumentation import PassInstrumentation, instrumented
from pullback.passes.pipeline.pass_statistics import PassStatistics
from pullback.passes.pipeline.print_pipeline import module_pipeline_text, pass_heading
from pullback.tools.files import FileError, write_bytes
from pullback.tools.outermost import Once
from pullback.tools.print_ir import IRPrinter, PrintBetween, Printed, Wanted, add_printing
from pullback.tools.statistics_table import print_statistics

CACHE = "cache"
"""The value of `--report` for what was found among the native programs that are kept."""


def add_observers(parser: argparse.ArgumentParser) -> None:
    """Declare what looks inside a pipeline of passes."""
    parser.add_argument(
        "--print-ir-dir",
        action=Once,
        metavar="DIR",
        help="write the IR after each pass into numbered files in DIR",
    )
    parser.add_argument(
        "--timing", action="store_true", help="print a table of the time each pass took on standard error"
    )
    parser.add_argument(
        "--statistics",
        "--mlir-pass-statistics",
        action="store_true",
        help="print a table of what each pass did on standard error: operations, and what it counts itself",
    )
    parser.add_argument(
        "--dump-pass-pipeline",
        action="store_true",
        help="print the passes with all their options on standard error, as -p takes them",
    )
    parser.add_argument(
        "--print-between-passes",
        action="store_true",
        help="print the IR after each pass on standard error, under xdsl-opt's heading",
    )
    add_printing(parser)


class Observers:
    """The instrumentations that the options of a tool ask for, and what they report at its end.

    Args:
        options: the options of `add_observers`, and `--report`.
        known: the names of passes that may be named.
        printed: a module as text, as the tool prints it.
        locations: whether that text has locations.

    Raises:
        PipelineError: an option names no pass.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        known: Collection[str],
        *,
        printed: Printed = print_module,
        locations: bool = True,
    ) -> None:
        self._options = options
        self._printed = printed
        self._locations = locations
        self._wanted = Wanted.of(options, known)
        self._times = PassTimes()
        self._statistics = PassStatistics()
        self._is_dumped = False

    @contextmanager
    def watching(self, module: ModuleOp, piece: str = "") -> Generator[None]:
        """Watches the passes that run meanwhile.

        Args:
            module: the program before them.
            piece: the folder of what is written, for one of several programs.

        Raises:
            FileError: a file cannot be written.
        """
        hooks: list[PassInstrumentation] = [self._times] if self._options.timing else []
        if self._options.print_between_passes:
            hooks.insert(0, PrintBetween(self._printed))
        if self._options.print_ir_dir is not None:
            dump = PassDump(Path(self._options.print_ir_dir, piece), locations=self._locations)
            dump.write("input", module)
            hooks.append(dump)
        if self._wanted is not None:
            hooks.append(IRPrinter(self._wanted, self._printed, locations=self._locations))
        if self._options.statistics:
            hooks.append(self._statistics)
        begun = PassesBegun()
        begun.needs_every_pass = self._options.dump_pass_pipeline
        with instrumented(*hooks, begun):
            try:
                yield
            finally:
                if not self._is_dumped:
                    self.dump_pipeline(begun.passes)

    def dump_pipeline(self, passes: Sequence[ModulePass]) -> None:
        """Print passes as a pipeline on standard error, if that was asked for; else those that were run are printed."""
        self._is_dumped = True
        if self._options.dump_pass_pipeline:
            print(module_pipeline_text(passes), file=sys.stderr)

    def report(self) -> None:
        """Print the tables that were asked for on standard error."""
        if self._options.timing:
            self._times.report()
        if self._options.statistics:
            print_statistics(self._statistics.records, as_json=self._options.json)
        if self._options.report == CACHE:
            found = cache_report()
            print(json.dumps(asdict(found), default=str) if self._options.json else found, file=sys.stderr)


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
        self._write(name, self._text(module))

    def _text(self, module: ModuleOp) -> str:
        return print_anyway(module, lambda m: print_module(m, locations=self._locations))

    def _write(self, name: str, text: str) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"{self._folder}: error: cannot make the folder: {error.strerror}") from None
        path = self._folder / f"{self._count:02}-{name}.mlir"
        write_bytes(path, text.encode())
        self._count += 1

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Writes what the pass left."""
        self.write(str(pass_.name), module)

    def after_pass_failed(self, pass_: ModulePass, module: ModuleOp, error: Exception) -> None:
        """Writes what the pass that failed left, and the error; what cannot be written is told beside the error."""
        said = "".join(
            f"// error: {line}\n" for line in f"in pass '{pass_heading(pass_)}': {_told(error)}".splitlines()
        )
        try:
            self._write(f"{pass_.name}-failed", said + self._text(module))
        except FileError as problem:
            print(problem, file=sys.stderr)


class PassesBegun(PassInstrumentation):
    """The passes that were run, the last of which may have failed: a target's are known only then."""

    def __init__(self) -> None:
        self.passes: list[ModulePass] = []

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Notes the pass."""
        self.passes.append(pass_)


class PassTimes(PassInstrumentation):
    """Seconds per pass, in the order of the runs; verification and printing are not counted."""

    def __init__(self) -> None:
        self.rows: list[tuple[ModulePass, float]] = []

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Notes one run of a pass."""
        self.rows.append((pass_, seconds))

    def report(self) -> None:
        """Print the table on standard error."""
        Console(stderr=True).print(_time_table([(str(pass_), seconds) for pass_, seconds in self.rows]))


def _told(error: Exception) -> str:
    is_message = isinstance(error, DiagnosticException)
    return str(error) if is_message else f"internal error: {type(error).__name__}: {error}"


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
