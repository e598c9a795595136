"""Reproducers of the tools: written on request and after a crash, and read back as the options of a command line."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.ir.print_anyway import print_anyway
from pullback.dialects.verification import VerificationError
from pullback.driver.array_text import base64_text
from pullback.driver.failure import Failure
from pullback.driver.reproducer import (
    Reproducer,
    how_to_repeat,
    parse_reproducer,
    program_alone,
    versions,
    write_reproducer,
)
from pullback.passes.pipeline.instrumentation import PassInstrumentation
from pullback.passes.pipeline.print_pipeline import pass_heading
from pullback.tools.array_arguments import is_file
from pullback.tools.files import STANDARD, FileError, read_text
from pullback.tools.outermost import Once

FIELDS = {
    **{"passes": "pipeline", "function": "function", "target": "target"},
    **{"input": "inputs", "variable": "variables"},
}
"""The options that are fields of a reproducer, in the tools that have them."""
ABOUT_THE_RUN = {
    *("file", "input_file", "output", "output_file", "text", "given", "repeated"),
    *("reproducer", "crash_reproducer", "local_reproducer", "run_reproducer"),
    *("print_ir_dir", "print_between_passes", "dump_pass_pipeline", "timing", "statistics", "traceback"),
    *("print_ir_before", "print_ir_before_all", "print_ir_after", "print_ir_after_all"),
    *("print_ir_after_change", "print_ir_after_failure"),
}
"""Options that say what is told of a run, and where; a reproducer has none of them, and no file to write."""
LARGEST_UNASKED = 1 << 26
"""Bytes of the largest arrays that are written into a reproducer for which nobody asked."""


def add_reproducers(parser: argparse.ArgumentParser) -> None:
    """Declare the options that write reproducers and repeat them, with MLIR's names for them."""
    add = parser.add_argument
    add(
        "--reproducer",
        "--mlir-generate-reproducer",
        action=Once,
        metavar="FILE",
        help="write program, pipeline, inputs and versions into FILE, for --run-reproducer",
    )
    add(
        "--crash-reproducer",
        "--mlir-pass-pipeline-crash-reproducer",
        action=Once,
        metavar="FILE",
        help="the same only where the run fails; after an internal error it is written anyway, into a temporary file",
    )
    add(
        "--local-reproducer",
        "--mlir-pass-pipeline-local-reproducer",
        action="store_true",
        help="a reproducer of a failure holds the program as it was before the pass that failed, and this pass",
    )
    add("--run-reproducer", action="store_true", help="repeat the run of which FILE is a reproducer")


def parsed_options(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line, with those of a reproducer where one is to be run.

    `text` is the program where it has been read, else None, and `repeated` are the options that a reproducer keeps.

    Raises:
        SystemExit: after a wrong option, or where one asks for help.
        FileError: the reproducer cannot be read.
        ReproducerError: it is none.
    """
    options = parser.parse_args(arguments)
    text = None
    if options.run_reproducer:
        name = getattr(options, "file", None) or getattr(options, "input_file", None) or STANDARD
        text = read_text(name)
        reproducer = parse_reproducer(text, "<stdin>" if name == STANDARD else name)
        _tell_differences(reproducer, parser.prog)
        options = parser.parse_args(arguments, _stored(parser, reproducer))
    options.text = text
    options.repeated = _repeated(parser, options)
    return options


def _stored(parser: argparse.ArgumentParser, reproducer: Reproducer) -> argparse.Namespace:
    """The options of a reproducer, none of which writes a file."""
    is_own = reproducer.tool == parser.prog
    fields = FIELDS if is_own or parser.prog == "pullback-run" else {"passes": "pipeline"}
    written = [] if not is_own else list(reproducer.arguments)
    for option, field in fields.items():
        if _is_field(parser, option):
            value = getattr(reproducer, field)
            written += [f"--{option}={one}" for one in (value if isinstance(value, tuple) else [value])]
    stored = parser.parse_args(written)
    for name in vars(stored):
        if name in ABOUT_THE_RUN:
            setattr(stored, name, parser.get_default(name))
    stored.given = set()
    return stored


def _is_field(parser: argparse.ArgumentParser, option: str) -> bool:
    """Tells whether a reproducer has a field for an option: what `pullback-opt` calls a target is another thing."""
    return option in FIELDS and (parser.prog == "pullback-run" or option not in ("function", "target"))


def _repeated(parser: argparse.ArgumentParser, options: argparse.Namespace) -> tuple[str, ...]:
    """The options that are not as they are without being given, written out."""
    written: list[str] = []
    for name, value in vars(options).items():
        is_kept = name not in ABOUT_THE_RUN and not _is_field(parser, name)
        if is_kept and value != parser.get_default(name):
            flag = "--" + name.replace("_", "-")
            values = value if isinstance(value, list) else [value]
            written += [flag] if value is True else [f"{flag}={one}" for one in values]
    return tuple(written)


def _tell_differences(reproducer: Reproducer, tool: str) -> None:
    """Says on standard error what is not as it was where a reproducer was written."""
    now = versions()
    others = [f"{name} {then}" for name, then in reproducer.versions.items() if now.get(name) != then]
    if others:
        here = ", ".join(f"{name} {now.get(name, 'none')}" for name in reproducer.versions if name in now)
        print(f"note: the reproducer is of {', '.join(others)}; here are {here}", file=sys.stderr)
    if reproducer.tool != tool:
        print(f"note: {reproducer.tool} wrote the reproducer; {tool} runs its passes", file=sys.stderr)


class Reproducing(PassInstrumentation):
    """Writes the reproducers of one run of a tool: at the start where one was asked for, and after failures."""

    needs_every_pass = False

    def __init__(self, tool: str, options: argparse.Namespace, text: str) -> None:
        self._tool = tool
        self._options = options
        self._text = text
        self._before = ""
        self._failed: tuple[ModulePass, Exception] | None = None
        self._is_written = False

    def start(self) -> None:
        """Write the reproducer that was asked for: a run that kills the process leaves it as well.

        Raises:
            FileError: the file cannot be written.
        """
        if self._options.reproducer is not None:
            path = Path(self._options.reproducer)
            try:
                write_reproducer(path, self._whole(""))
            except OSError as error:
                raise FileError(f"{path}: error: cannot write: {error.strerror}") from None

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Keeps the program as text, which is what a local reproducer holds."""
        if self._options.local_reproducer:
            self._before = print_anyway(module)

    def after_pass_failed(self, pass_: ModulePass, module: ModuleOp, error: Exception) -> None:
        """Keeps which pass failed, and how."""
        self._failed = pass_, error

    def after_failure(self, failure: Failure, error: Exception) -> Failure:
        """Write the reproducers that are due after a failure: the failure with a note that names the file."""
        failed = self._failed[0] if self._failed is not None and self._failed[1] is error else None
        is_broken = failed is not None and isinstance(error, VerificationError)
        asked = (self._options.crash_reproducer, self._options.reproducer)
        paths = [Path(path) for path in asked if path is not None]
        is_crash = failure.is_internal or (is_broken and not self._verifies_nothing())
        is_crash &= not self._options.run_reproducer  # there is one
        if self._is_written or not (paths or is_crash):
            return failure
        self._is_written = True
        said = str(failure).splitlines()[0]
        if failed is not None and self._options.local_reproducer:
            reproducer = Reproducer(
                self._before, pass_heading(failed), arguments=self._arguments_alone(), error=said
            )
        elif not paths and self._size() > LARGEST_UNASKED:
            return failure.noting("its arrays are too large for a reproducer unasked: give --reproducer FILE")
        else:
            reproducer = self._whole(said)
        return noting_reproducer(failure, reproducer, paths, self._tool)

    def _verifies_nothing(self) -> bool:
        return getattr(self._options, "disable_verify", False)

    def _arguments_alone(self) -> tuple[str, ...]:
        """The options that count for a pass alone, in `pullback-opt`."""
        both = ("--max-operations", "--disable-verify", "--allow-unregistered-dialect")
        return tuple(option for option in self._options.repeated if option.startswith(both))

    def _whole(self, error: str) -> Reproducer:
        options = self._options
        whole = Reproducer(
            program_alone(self._text),
            options.passes,
            self._tool,
            options.repeated,
            inputs=tuple(map(_embedded, options.input)),
            variables=tuple(map(_embedded, options.variable)),
            error=error,
        )
        is_run = self._tool == "pullback-run"
        return replace(whole, function=options.function, target=options.target) if is_run else whole

    def _size(self) -> int:
        given = [*self._options.input, *self._options.variable]
        return sum(
            os.path.getsize(source)
            for source in (a.partition("=")[2] for a in given)
            if os.path.isfile(source)
        )


def noting_reproducer(
    failure: Failure, reproducer: Reproducer, paths: Sequence[Path], temporary: str
) -> Failure:
    """Write a reproducer, where no paths are given into a temporary file with this prefix.

    Returns:
        The failure with a note that names the file and the command that repeats it, or says why there is none.
    """
    try:
        paths = paths or [_temporary(temporary)]
        for path in paths:
            write_reproducer(path, reproducer)
    except OSError as problem:
        return failure.noting(f"no reproducer could be written: {problem.strerror}")
    return failure.noting(how_to_repeat(paths[0], reproducer))


def _temporary(prefix: str) -> Path:
    handle, name = tempfile.mkstemp(prefix=f"{prefix}-", suffix=".mlir")
    os.close(handle)
    return Path(name)


def _embedded(argument: str) -> str:
    """An argument `NAME=FILE.npy` with the contents of the file in its place."""
    name, separator, source = argument.partition("=")
    if not separator or not is_file(source):
        return argument
    try:
        return f"{name}={base64_text(Path(source).read_bytes())}"
    except OSError:
        return argument  # repeated, it is the same error
