"""`ProgramError`: what is wrong with a program in text, and where, as the tools print it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from xdsl.ir import Operation
from xdsl.utils.exceptions import DiagnosticException, ParseError
from xdsl.utils.lexer import Input, Span

from pullback.dialects.ir.diagnostics import PASS_NOTE, DiagnosticError
from pullback.dialects.ir.source import Source
from pullback.driver.failure import Failure, explain

__all__ = ["ProgramError"]

UNREAD = "<module>"
"""What messages call the text of a module that was made of operations."""


class ProgramError(DiagnosticError, ValueError):
    """Something is wrong with a program, or with the text of a pipeline, at a place in its text.

    `str(error)` is what the tools print: `file:line:col: error: message`, the line, a caret under the place, and notes
    that name the pass. A traceback shows where in a pass it was raised, too; of wrong text it does not show the parser.

    Attributes:
        file, line, column: the place; lines and columns count from 1.
        message: what is wrong, without the place.
        notes: what else the tools say, such as the pass in which it happened.
        raised: the exception that the parser, a pass or a target raised; None in a copy that was pickled.
    """

    def __init__(self, failure: Failure, raised: Exception | None = None) -> None:
        super().__init__(str(failure))
        place = failure.span.get_location()
        self.file, self.line, self.column = failure.span.input.name, place.line, place.col
        self.message = failure.message
        self.notes = failure.notes
        self.raised = raised

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.args, {**vars(self), "raised": None})


def _restored(
    kind: type[ProgramError], arguments: tuple[object, ...], state: dict[str, object]
) -> ProgramError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(state)
    return error


@contextmanager
def located(
    source: Callable[[Operation | None], Source | None], text: str = "", name: str = UNREAD
) -> Generator[None]:
    """Raises what is wrong with a program as a `ProgramError`, with its place in the program's text.

    Args:
        source: gives the program and its places, for an error about an operation; None where it could not be read.
        text: what was read, for errors that have no place of their own.
        name: what messages call that text.
    """
    try:
        yield
    except ProgramError:
        raise
    except (DiagnosticException, ParseError) as error:
        found = source(getattr(error, "op", None))
        start = Span(0, 0, Input(text, name)) if found is None else found.start
        failure = explain(error, found, start)
        in_pass = any(note.startswith(PASS_NOTE) for note in failure.notes)
        raise ProgramError(failure, error) from (error if in_pass else None)
