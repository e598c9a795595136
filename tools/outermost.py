"""The outermost frame of a tool: exit statuses, and errors outside of the compiled program."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from threading import TIMEOUT_MAX
from types import FrameType
from typing import Any

from pullback.dialects.ir.diagnostics import TextError
from pullback.driver.failure import Failure
from pullback.passes.rewriting.limits import MAX_OPERATIONS
from pullback.tools.files import FileError, forget_standard_output, write_out
from pullback.tools.remarks import remarks_shown

PASSES = ("-p", "--passes", "--pass-pipeline")
"""The names of the option for a pipeline: xdsl-opt's, and mlir-opt's."""


def exit_status(run: Callable[[], int], tool: str) -> int:
    """Run a tool: its exit status, or 1 after an error that it does not report itself, which is printed here.

    Standard output is flushed: a full disk is an error of the tool, not of Python's exit.
    """
    try:
        with remarks_shown():
            status = _after_arguments(run)
        write_out("")
        return status
    except TextError as error:
        _say(str(Failure(error.span, error.message)))
    except FileError as error:
        _say(str(error))
    except BrokenPipeError:  # the reader left (`| head`)
        forget_standard_output()
    except MemoryError:
        _say(f"{tool}: error: out of memory")
    except KeyboardInterrupt:
        return 130
    return 1


def _say(message: str) -> None:
    with suppress(OSError):  # there is no reader left to be told
        print(message, file=sys.stderr)


def _after_arguments(run: Callable[[], int]) -> int:
    try:
        return run()
    except SystemExit as stop:  # argparse: 0 after --help, 2 after a wrong argument
        return 1 if stop.code else 0


@contextmanager
def termination_interrupts() -> Generator[None]:
    """Makes SIGTERM an interrupt, so that child processes and files end with the tool; for the main thread."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Once(argparse.Action):
    """Stores the value of an option; given twice it is an error, since one of the two would count for nothing."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given: set[str] = getattr(namespace, "given", set())
        if self.dest in given:
            parser.error(f"{option_string} is given twice")
        namespace.given = given | {self.dest}
        setattr(namespace, self.dest, values)


def add_max_operations(parser: argparse.ArgumentParser) -> None:
    """Declare `--max-operations`, which both tools have."""
    parser.add_argument(
        "--max-operations",
        action=Once,
        type=positive,
        metavar="N",
        help="how many operations a program may become where calls are inlined and gradients generated "
        f"(default: {MAX_OPERATIONS})",
    )


def add_version(parser: argparse.ArgumentParser) -> None:
    """Declare `--version`, which both tools have."""
    versions = ", ".join(f"{name} {_version(name)}" for name in ("pullback", "xdsl"))
    parser.add_argument("-v", "--version", action="version", version=versions)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"  # found by PYTHONPATH


def positive(text: str) -> int:
    """Reads a whole number of at least 1, as the type of an option; ValueError for any other text."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def count(text: str) -> int:
    """Reads a whole number of at least 0, as the type of an option; ValueError for any other text."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def seconds(text: str) -> float:
    """Reads a time above 0 that one can wait for, as the type of an option; ValueError for any other text."""
    number = float(text)
    if not 0 < number <= TIMEOUT_MAX:
        raise ValueError
    return number


positive.__name__, count.__name__, seconds.__name__ = (
    "positive number",
    "count",
    "number of seconds",
)  # argparse says it
