"""Diagnostics: turns exceptions of parsers, passes and backends into messages with position and pass.

The class of an exception decides whether it is a message for users: see `pullback.dialects.ir.diagnostics`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from xdsl.ir import Operation
from xdsl.utils.exceptions import DiagnosticException, ParseError
from xdsl.utils.lexer import Span

from pullback.dialects.ir.diagnostics import PASS_NOTE, PLACE_NOTE, TextError, render
from pullback.dialects.ir.source import Source
from pullback.process.plugin_code import plugin_that_raised


@dataclass(frozen=True)
class Failure:
    """One error of the user's program, of the command line, or of a pass."""

    span: Span
    message: str
    notes: tuple[str, ...] = ()
    is_internal: bool = False
    """Whether it is an error of the compiler, and no message for people."""

    def noting(self, note: str) -> Failure:
        """The same failure with one more note, before the others."""
        return replace(self, notes=(note, *self.notes))

    @property
    def line(self) -> int:
        """The line of the file, counted from 1."""
        return self.span.get_location().line

    def __str__(self) -> str:
        return "\n".join([render(self.span, self.message), *(f"note: {note}" for note in self.notes)])


def explain(error: Exception, source: Source | None, start: Span) -> Failure:
    """Turn an exception into a failure.

    Args:
        error: what was raised.
        source: the program and its positions, once it has been read.
        start: where the program's text begins, for errors that have no better place.
    """
    notes = tuple(
        note
        for note in getattr(error, "__notes__", ())
        if note.startswith(PASS_NOTE) or note.endswith(PLACE_NOTE)
    )
    match error:
        case ParseError():
            return Failure(cast(Span, error.span), _sentence(error.msg))
        case TextError():
            return Failure(error.span, error.message)
        case DiagnosticException(op=Operation() as op) if source is not None:
            made = () if source.position(op) or op is source.module else (f"about: {_one_line(op)}",)
            return Failure(source.locate(op), str(error), (*made, *notes))
        case DiagnosticException():
            return Failure(start, _sentence(str(error)), notes)
        case RecursionError():
            return Failure(start, "the program is nested too deeply", notes)
        case MemoryError():
            said = f": {error}" if str(error) else ""
            return Failure(start, f"out of memory{said}", notes)
        case _:
            plugin = plugin_that_raised(error)
            of = "" if plugin is None else f" of plug-in '{plugin}'"
            message = f"internal error{of}: {type(error).__name__}: {error} (--traceback shows where)"
            return Failure(start, message, notes, is_internal=True)


def _sentence(message: str) -> str:
    """One line, begun in lower case as the tools of LLVM do; a name in front stays as it is."""
    text = " ".join(message.split())
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _one_line(op: Operation) -> str:
    """The op as text without its regions."""
    return str(op).split("{\n", 1)[0].splitlines()[0].strip()
