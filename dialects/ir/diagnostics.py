"""Diagnostics: errors about the program being compiled, and their rendering with the source line.

A message for people is told by its class: tools print the text of each `DiagnosticException` (xDSL's class, from which
`DiagnosticError` is derived) and call everything else an internal error. So a backend's or an extension's own
exceptions derive from `DiagnosticError`, and no tool lists them.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.utils.exceptions import DiagnosticException
from xdsl.utils.lexer import Span

from pullback.dialects.ir.positions import place_in, place_of

PLACE_NOTE = "comes from here"
"""How the note ends that says where the op of an error was written."""
PASS_NOTE = "in pass"
"""How the note begins that says which pass raised an exception."""

ErrorT = TypeVar("ErrorT", bound=BaseException)


class DiagnosticError(DiagnosticException):
    """Something is wrong with the user's program.

    Passes and verifiers raise it, alone or together with the Python exception that callers expect::

        class MissingGradientError(DiagnosticError, LookupError): ...

    Args:
        message: what was wrong, what was expected, what to do. It names no file: the tool that holds the source
            text adds the position of `op`.
        op: the op that the message is about, or None when it is about the whole module.
    """

    def __init__(self, message: str, op: Operation | None = None) -> None:
        super().__init__(message)
        self.op = op

    @property
    def op(self) -> Operation | None:
        """The op that the message is about. A note says where the user wrote it, as far as that is known."""
        return self._op

    @op.setter
    def op(self, op: Operation | None) -> None:
        self._op = op
        if op is not None:
            note_place(self, op)

    def __reduce__(self) -> Any:
        """Pickles without the op, which is part of a program that is not copied along to another process."""
        return _copied, (type(self), self.args, {**vars(self), "_op": None})


def _copied(
    kind: type[DiagnosticError], arguments: tuple[Any, ...], state: dict[str, Any]
) -> DiagnosticError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(state)
    return error


def note_place(error: ErrorT, about: Operation | SSAValue) -> ErrorT:
    """Adds the note `model.py:17: graph.tanh comes from here` to an error, where the user's line is known.

    Returns:
        The error.
    """
    if isinstance(about, BlockArgument):
        place, what = place_in(about.location), "the argument"
    else:
        op = about.owner if isinstance(about, SSAValue) else about
        place, what = (place_of(op), op.name) if isinstance(op, Operation) else (None, "")
    if place is not None and (note := f"{place}: {what} {PLACE_NOTE}") not in getattr(error, "__notes__", ()):
        error.add_note(note)
    return error


class TextError(DiagnosticError, ValueError):
    """The text of an option or of a pipeline is wrong at `span`."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span


@contextmanager
def about(op: Operation) -> Generator[None]:
    """Blames an operation for the errors raised inside that name none."""
    try:
        yield
    except DiagnosticError as error:
        error.op = error.op or op
        raise


class UnsupportedError(DiagnosticError, NotImplementedError):
    """The program is right, but this target cannot translate or run `op` yet."""


def render(span: Span, message: str, severity: str = "error") -> str:
    """Renders `file:line:col: error: message`, the source line, and a caret under the start of `span`."""
    source = span.input
    start = source.get_start_of_line(span.start)
    end = source.get_end_of_line(span.start)
    line = source.content[start:end].rstrip("\r")
    offset = min(span.start - start, len(line))
    # Tabs are kept in the margin, so that the caret is under its column whatever their width.
    margin = "".join("\t" if character == "\t" else " " for character in line[:offset])
    width = max(1, min(span.end, end) - span.start)
    return f"{span.get_location()}: {severity}: {message}\n{line}\n{margin}{'^' * width}"
