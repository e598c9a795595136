"""Instrumentations that print the IR around passes on standard error, as mlir-opt's `--print-ir-...` do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.lexer import Input, Span

from pullback.dialects.ir.fingerprint import Fingerprint, equal_fingerprints, fingerprint
from pullback.dialects.ir.print_anyway import print_anyway
from pullback.passes.pipeline.instrumentation import PassInstrumentation
from pullback.passes.pipeline.pipelines import PIPELINES, PipelineError
from pullback.passes.pipeline.print_pipeline import pass_heading
from pullback.process.close_matches import get_close_matches

Printed = Callable[[ModuleOp], str]

NAMING = {
    "before": "print the IR before each run of these passes on standard error",
    "after": "print the IR after each run of these passes on standard error",
}
FLAGS = {
    "before-all": "print the IR before every pass",
    "after-all": "print the IR after every pass",
    "after-change": "print the IR after a pass only where the pass changed it; of every pass unless some are named",
    "after-failure": "print the IR as a pass that failed left it",
}


def add_printing(parser: argparse.ArgumentParser) -> None:
    """Declare `--print-ir-...` under the names that mlir-opt has had for them, older and newer."""
    for name, meaning in NAMING.items():
        parser.add_argument(
            f"--print-ir-{name}",
            f"--mlir-print-ir-{name}",
            action="append",
            default=[],
            metavar="PASS,...",
            help=meaning,
        )
    for name, meaning in FLAGS.items():
        parser.add_argument(
            f"--print-ir-{name}", f"--mlir-print-ir-{name}", action="store_true", help=meaning
        )


@dataclass(frozen=True)
class Wanted:
    """What is to be printed: the names of passes, or None for every one."""

    before: Collection[str] | None
    after: Collection[str] | None
    only_changes: bool
    failures: bool

    @classmethod
    def of(cls, options: argparse.Namespace, known: Collection[str]) -> Wanted | None:
        """What the options of a tool say; None where nothing is to be printed.

        Raises:
            PipelineError: for the name of no pass, at its place in the option.
        """
        before = _names("before", options.print_ir_before, known)
        after = _names("after", options.print_ir_after, known)
        changes = options.print_ir_after_change
        wanted = cls(
            None if options.print_ir_before_all else before,
            None if options.print_ir_after_all or (changes and not after) else after,
            changes,
            options.print_ir_after_failure,
        )
        return None if wanted == cls([], [], False, False) else wanted


class IRPrinter(PassInstrumentation):
    """Prints the IR before passes, after them, and after failures, each time under a line that says where it is from.

    Args:
        wanted: what is printed.
        printed: a module as text.
        locations: whether a pass that changes a location alone changes the IR.
    """

    def __init__(self, wanted: Wanted, printed: Printed, *, locations: bool = True) -> None:
        self._wanted = wanted
        self._printed = printed
        self._locations = locations
        self._fingerprints: list[Fingerprint] = []
        """Of the module before each pass that runs: one may run others."""

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Prints the IR if it is wanted, and keeps what it says where changes are."""
        if _is_in(pass_, self._wanted.before):
            self._print(f"Before {pass_heading(pass_)}", module)
        if self._wanted.only_changes and _is_in(pass_, self._wanted.after):
            self._fingerprints.append(fingerprint(module, locations=self._locations))

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Prints the IR if it is wanted, and has changed where changes are."""
        if not _is_in(pass_, self._wanted.after):
            return
        if self._wanted.only_changes:
            now = fingerprint(module, locations=self._locations)
            if equal_fingerprints(self._fingerprints.pop(), now):
                return
        self._print(f"After {pass_heading(pass_)}", module)

    def after_pass_failed(self, pass_: ModulePass, module: ModuleOp, error: Exception) -> None:
        """Prints the IR as it is if failures are wanted."""
        if self._wanted.only_changes and _is_in(pass_, self._wanted.after):
            self._fingerprints.pop()
        if self._wanted.failures:
            self._print(f"After {pass_heading(pass_)} Failed", module)

    def _print(self, where: str, module: ModuleOp) -> None:
        text = print_anyway(module, self._printed)
        print(f"// -----// IR Dump {where} //----- //\n{text}", file=sys.stderr)


class PrintBetween(PassInstrumentation):
    """Prints the IR after each pass on standard error, as xdsl-opt does."""

    def __init__(self, printed: Printed) -> None:
        self._printed = printed

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Prints what the pass left."""
        print(f"// IR after {pass_}\n{self._printed(module)}", file=sys.stderr)


def _is_in(pass_: ModulePass, names: Collection[str] | None) -> bool:
    return names is None or pass_.name in names


def _names(option: str, written: list[str], known: Collection[str]) -> list[str]:
    """The names of passes that an option lists, each checked."""
    names: list[str] = []
    for text in written:
        start = 0
        for part in text.split(","):
            name = part.strip()
            at = start + len(part) - len(part.lstrip())
            start += len(part) + 1
            if name not in known:
                span = Span(at, at + max(1, len(name)), Input(text, f"<print-ir-{option}>"))
                raise PipelineError(_unknown(name, known), span)
            names.append(name)
    return names


def _unknown(name: str, known: Collection[str]) -> str:
    if not name:
        return "expected the name of a pass"
    if name in PIPELINES:
        return f"'{name}' is a pipeline; expected passes, such as those of its that --list-pipelines shows"
    near = get_close_matches(name, known, n=1)
    return f"unknown pass '{name}'" + (f"; did you mean '{near[0]}'?" if near else "; see --list-passes")
