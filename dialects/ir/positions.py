"""Positions: the Python line or the place in a text at which an operation was written, noted on its location.

A note is no part of the location's value. Two locations with one name are equal wherever they were written, text does
not change by it unless it is printed with debug info, and caches and kernels do not see it. Whatever a pass does with
the location of an operation (keeps it, hands it on, puts it under that of a call), the note goes with it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeAlias, TypeVar

import xdsl
from xdsl.dialects.builtin import (
    ArrayAttr,
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.lexer import Span


class Place(NamedTuple):
    """A file, a line from 1, and a column from 1 (0 where it is not known)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """`model.py:17`, as far as the file is below the working directory, else with the whole path."""
        file = self.file
        with contextlib.suppress(ValueError, OSError):
            inside = os.path.relpath(file)
            file = inside if os.path.isabs(file) and not inside.startswith(os.pardir) else file
        return f"{file}:{self.line}"

    def place(self) -> Place:
        return self


class PythonLine(NamedTuple):
    """A line of Python, as a code object and the offset of an instruction in it.

    To compute the line takes as long as the function is, so that happens when it is asked for. The code object stays
    alive, the frame and what its variables hold do not.
    """

    code: CodeType
    offset: int

    def place(self) -> Place:
        """The file, line and column."""
        lines = _lines(self.code)
        line, column = lines[self.offset // 2] if 0 <= self.offset // 2 < len(lines) else (None, None)
        return Place(
            self.code.co_filename,
            self.code.co_firstlineno if line is None else line,
            0 if column is None else column + 1,
        )

    def __reduce__(self) -> tuple[Callable[..., Place], tuple[Any, ...]]:
        """Pickles as file and line: code is not copied to another process."""
        return Place, tuple(self.place())


class TextPosition(NamedTuple):
    """The place in a text from which an operation was read, or one from which it was made.

    Attributes:
        span: the place.
        given: the one that the location there gives, if any.
        is_own: whether the operation, or one of which it is a copy, was read there.
    """

    span: Span
    given: Place | None = None
    is_own: bool = True

    def place(self) -> Place:
        """The file, line and column: those given, else those in the text."""
        if self.given is not None:
            return self.given
        text, starts = self.span.input, _line_starts(self.span.input.content)
        line = bisect_right(starts, self.span.start)
        return Place(text.name, line + self.span.line_offset, self.span.start - starts[line - 1] + 1)

    def __reduce__(self) -> tuple[Callable[..., Place], tuple[Any, ...]]:
        return Place, tuple(self.place())


LocationT = TypeVar("LocationT", bound=LocationAttr)
Position: TypeAlias = Place | PythonLine | TextPosition
_NOTE = "_position"
_set, _new, _tuple = object.__setattr__, object.__new__, tuple.__new__
_frame_at = sys._getframe  # pyright: ignore[reportPrivateUsage]

# ---- lines of Python -------------------------------------------------------------------------------------------

_PACKAGE = Path(__file__).parents[2]
COMPILER = frozenset(
    {"backends", "dialects", "driver", "extend", "frontend", "passes", "process", "tools", "__init__.py"}
)
"""What of the package is the compiler: folders beside these use it as everyone does."""
_BETWEEN = (contextlib.__file__, functools.__file__, f"{Path(xdsl.__file__).parent}{os.sep}")
"""What calls functions of Pullback that users did not write."""
_inside: dict[str, bool] = {}
"""Whether a file of code belongs to Pullback."""


_DEPTH = 6
"""How deep the insertion of an operation is below an operator, or below what names it for a function, nearly always."""
_entries: dict[int, int] = {}
"""Where the frame is that called the function which calls one at `_DEPTH`, by the identity of the latter's code."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def records_lines() -> bool:
    """Whether lines of Python are recorded where nothing else is said: unless `PULLBACK_RECORD_LINES` is 0."""
    return os.environ.get("PULLBACK_RECORD_LINES", "1") != "0"


def calls_no_user_code(function: FunctionT, below: int = 0) -> FunctionT:
    """Declares (as a decorator) that while a function runs no code of users does: all frames inside are Pullback's.

    So the search for a line may skip them, each of which Python would have to make an object of.

    Args:
        function: the function.
        below: how many functions of Pullback are around it, at the least.
    """
    _entries[id(function.__code__)] = _DEPTH + 1 + below
    return function


def note_calling_line(location: LocationAttr) -> None:
    """Notes the line of Python that calls Pullback on a location that nothing else uses yet, unless it has a position.

    It is the line of the innermost frame outside of Pullback. Called by what inserts an operation into a graph.
    """
    leaf = location if type(location) is NameLoc else _leaf(location)  # nearly always
    if getattr(leaf, _NOTE, None) is not None:
        return
    frame: FrameType | None
    try:
        frame = _frame_at(_entries.get(id(_frame_at(_DEPTH).f_code), 1))
    except ValueError:  # the stack is not so deep
        frame = _frame_at(1)
    while frame is not None:
        code = frame.f_code
        inside = _inside.get(code.co_filename)
        if inside is None:
            inside = _inside[code.co_filename] = _is_inside(code.co_filename)
        if not inside:
            _set(leaf, _NOTE, _tuple(PythonLine, (code, frame.f_lasti)))
            return
        frame = frame.f_back


def _is_inside(file: str) -> bool:
    if file.startswith(_BETWEEN):
        return True
    path = Path(file)
    return path.is_relative_to(_PACKAGE) and path.relative_to(_PACKAGE).parts[0] in COMPILER


def _lines(code: CodeType) -> list[tuple[int | None, int | None]]:
    """The line and column of each instruction of a code object, kept for the latest ones."""
    # By identity: the hash of a code object is computed from all that is in it.
    known = _resolved.get(id(code))
    if known is None:
        if len(_resolved) >= 64:
            _resolved.clear()
        known = code, [(line, column) for line, _, column, _ in code.co_positions()]
        _resolved[id(code)] = known
    return known[1]


_resolved: dict[int, tuple[CodeType, list[tuple[int | None, int | None]]]] = {}


@functools.lru_cache(maxsize=4)
def _line_starts(text: str) -> list[int]:
    """Where each line of a text begins."""
    return [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]


# ---- notes on locations ----------------------------------------------------------------------------------------


def at_position(location: LocationT, position: Position | None) -> LocationT:
    """A location of equal value with this position, or as it is without one."""
    if position is None:
        return location
    match location:
        case CallSiteLoc():
            return _with(location, callee=at_position(location.callee, position))  # pyright: ignore[reportArgumentType]
        case FusedLoc(locations=ArrayAttr() as parts) if parts.data:
            first = at_position(parts.data[0], position)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType, reportArgumentType]
            return _with(location, locations=ArrayAttr((first, *parts.data[1:])))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        case _:
            return _with(location, **{_NOTE: position})


def placed_as(location: LocationT, other: LocationAttr) -> LocationT:
    """A location of equal value with the position noted on another one, from whose operation this one is made."""
    note = noted_in(other)
    return at_position(location, note._replace(is_own=False) if isinstance(note, TextPosition) else note)


def place_new(location: LocationT, other: LocationAttr) -> LocationT:
    """Notes the position of another location on one that nothing else uses yet, and returns it; see `placed_as`."""
    note = getattr(other, _NOTE, None) if type(other) is NameLoc else noted_in(other)
    if note is not None:
        _set(_leaf(location), _NOTE, note._replace(is_own=False) if type(note) is TextPosition else note)
    return location


def noted_in(location: Attribute) -> Position | None:
    """The position noted on a location, or on a part of it, the innermost function's first."""
    return next(_notes(location), None)


def place_in(location: Attribute) -> Place | None:
    """Where the user wrote an operation: the position that its location spells out, else its line of Python."""
    match location:
        case FileLineColLoc():
            return Place(location.filename.data, location.line.data, location.column.data)
        case NameLoc() | UnknownLoc():
            inner = place_in(location.location) if isinstance(location, NameLoc) else None
            note = getattr(location, _NOTE, None)
            return inner or (note.given if isinstance(note, TextPosition) else note and note.place())
        case CallSiteLoc():
            return place_in(location.callee) or place_in(location.caller)
        case FusedLoc(locations=ArrayAttr() as parts):
            return next((p for p in map(place_in, parts) if p is not None), None)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return None


def place_of(op: Operation | None) -> Place | None:
    """Where the user wrote an operation, or the nearest one around it of which that is known."""
    while op is not None:
        if (place := place_in(op.location)) is not None:
            return place
        op = op.parent_op()
    return None


def text_position_of(op: Operation) -> TextPosition | None:
    """The place in the text from which an operation was read, or the one that it was made from."""
    return next((note for note in _notes(op.location) if isinstance(note, TextPosition)), None)


def spelled_out(location: LocationAttr) -> LocationAttr:
    """The location with its notes as part of it: `loc("tanh")` becomes `loc("tanh"("model.py":17:5))`."""
    match location:
        case NameLoc(location=NoneAttr()) if (note := getattr(location, _NOTE, None)) is not None:
            return _with(location, location=_written(note))
        case UnknownLoc() if (note := getattr(location, _NOTE, None)) is not None:
            return _written(note)
        case CallSiteLoc():
            return _with(location, callee=spelled_out(location.callee), caller=spelled_out(location.caller))  # pyright: ignore[reportArgumentType]
        case FusedLoc(locations=ArrayAttr() as parts):
            return _with(location, locations=ArrayAttr([spelled_out(part) for part in parts]))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType, reportArgumentType]
        case _:
            return location


def _written(position: Position) -> FileLineColLoc:
    file, line, column = position.place()
    return FileLineColLoc(StringAttr(file), IntAttr(line), IntAttr(column))


def _notes(location: Attribute) -> Iterator[Position]:
    if (note := getattr(location, _NOTE, None)) is not None:
        yield note
    match location:
        case CallSiteLoc():
            yield from _notes(location.callee)
            yield from _notes(location.caller)
        case NameLoc():
            yield from _notes(location.location)
        case FusedLoc(locations=ArrayAttr() as parts):
            for part in parts:  # pyright: ignore[reportUnknownVariableType]
                yield from _notes(part)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            pass


def _leaf(location: LocationAttr) -> LocationAttr:
    """The part of a location that carries the note: the name, in the innermost function."""
    if type(location) is FusedLoc and type(location.locations) is ArrayAttr and location.locations.data:
        first: LocationAttr = location.locations.data[0]  # pyright: ignore[reportAssignmentType, reportUnknownMemberType]
        if type(first) is NameLoc:  # a name and a role, as gradients have
            return first
    match location:
        case CallSiteLoc():
            return _leaf(location.callee)  # pyright: ignore[reportArgumentType]
        case FusedLoc(locations=ArrayAttr() as parts) if parts.data:
            return _leaf(parts.data[0])  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType, reportArgumentType]
        case _:
            return location


def _with(location: Any, /, **fields: object) -> Any:
    """A copy of a location with other fields or another note, not verified: that takes 15 us."""
    copy = _new(type(location))
    for name, value in {**location.__dict__, **fields}.items():
        _set(copy, name, value)
    return copy
