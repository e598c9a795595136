"""`ModuleText`: the operations of a program, the text that they print, and their places in the text that was read."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.utils.lexer import Input, Span

from pullback.dialects.context import context
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.dialects.ir.copying import copy_module
from pullback.dialects.ir.source import Source, note_copies
from pullback.dialects.ir.source import parse as parse_text
from pullback.dialects.ir.text import print_module
from pullback.dialects.verification import verify
from pullback.frontend.graph.graph import Graph
from pullback.frontend.module.program_error import UNREAD, located
from pullback.process.whole_files import write_bytes

if TYPE_CHECKING:
    from pullback.passes.pipeline.levels import LevelName


class ModuleText:
    """A program as operations and as text: what a `Module` is before it is lowered, run or explained."""

    _source: Source

    def __init__(self, op: ModuleOp | Graph) -> None:
        if isinstance(op, Graph):
            op = copied(op.module)
        if not isinstance(op, ModuleOp):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(
                f"Module: expected a ModuleOp of xDSL or a Graph, got {type(op).__name__}"
            )
        self._source = Source(op, {}, Span(0, 0, Input("", UNREAD)))

    @classmethod
    def of_source(cls, source: Source) -> Self:
        """A module that knows the text it was read from, to which messages point."""
        made = cls.__new__(cls)
        made._source = source
        return made

    @property
    def op(self) -> ModuleOp:
        """The operations, as a `ModuleOp` of xDSL: the module's own, no copy."""
        return self._source.module

    @property
    def source(self) -> Source:
        """The operations with the text they were read from."""
        return self._source

    def text(self, *, locations: bool = True, generic: bool = False, debuginfo: bool = False) -> str:
        """The MLIR text, which ends in a newline.

        Args:
            locations: whether `loc(...)` is printed for what has one.
            generic: whether every operation is in the generic syntax, which upstream's tools read without our dialect.
            debuginfo: whether locations have the line of Python, or else the place in the text, of each operation.
        """
        return print_module(self.op, locations=locations, generic=generic, debuginfo=debuginfo)

    def print(
        self,
        *,
        file: TextIO | None = None,
        locations: bool = True,
        generic: bool = False,
        debuginfo: bool = False,
    ) -> None:
        """Prints the text.

        Args:
            file: where to; standard output unless given.
            locations, generic, debuginfo: as in `text`.
        """
        (file or sys.stdout).write(self.text(locations=locations, generic=generic, debuginfo=debuginfo))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the text to a file, which is replaced at once: a reader sees the old text or the new one.

        Raises:
            OSError: the file cannot be written.
        """
        write_bytes(Path(path), self.text().encode())

    def verify(self, level: LevelName | None = None, target: str | None = None) -> None:
        """Checks that the module is valid IR and, if a level is given, that it is of this level.

        Args:
            level: the level that it must be of, schedules and memory plan included.
            target: at level `"kernels"` `"cpu"` or `"gpu"`, which must have the means for every kernel.

        Raises:
            ProgramError: it is not.
        """
        from pullback.passes.pipeline.verify_level import verify_level

        with self.located():
            if level is None:
                verify(self.op)
            else:
                verify_level(self.op, level, target)

    def copy(self) -> Self:
        """A copy, which can be rewritten without this one."""
        op = copied(self.op)
        note_copies(self.op, op)
        return self.of_source(replace(self._source, module=op))

    def become(self, other: ModuleText) -> None:
        """Takes the operations of another module, which has none afterwards; `op` stays the object that it is."""
        body, taken = self.op.body, other.op.body
        for block in list(body.blocks):
            body.erase_block(block, safe_erase=False)
        taken.move_blocks(body)
        self.op.attributes = dict(other.op.attributes)
        self.op.sym_name = other.op.sym_name
        self._source = replace(other._source, module=self.op)

    __copy__ = copy

    def __deepcopy__(self, memo: object) -> Self:
        return self.copy()

    def __reduce__(self) -> Any:
        return _unpickled, (type(self), self.text())

    def __eq__(self, other: object) -> bool:
        return _same(self.op, other.op) if isinstance(other, ModuleText) else NotImplemented

    __hash__ = None  # pyright: ignore[reportAssignmentType]  it can change

    def __str__(self) -> str:
        return self.text()

    def located(self) -> AbstractContextManager[None]:
        """Raises what is wrong with this module, or a copy of it, as a `ProgramError` with its place in the text."""
        return located(self.positioned)

    def positioned(self, op: Operation | None) -> Source:
        """The places of operations in the text that was read; if `op` was not in it, in the text that they print."""
        source = self._source
        if source.positions and (op is None or isinstance(op, ModuleOp) or source.position(op) is not None):
            return source
        try:
            printed = self._printed_positions()
        except Exception:  # a program that is not valid may have no text that can be read
            return source
        return source if source.positions and (op is None or printed.position(op) is None) else printed

    def _printed_positions(self) -> Source:
        """The places of operations in the text of this module."""
        read = _read(self.text())
        pairs = zip(read.module.walk(), self.op.walk(), strict=True)
        positions = {own: read.positions[op] for op, own in pairs if op in read.positions}
        return Source(self.op, positions, read.start)


def copied(module: ModuleOp) -> ModuleOp:
    """A copy of a module of any kind."""
    branches = any(op.successors for op in module.walk())
    return module.clone() if branches else copy_module(module)


def _unpickled(kind: type[ModuleText], text: str) -> ModuleText:
    with located(lambda op: None, text):
        return kind.of_source(_read(text))


def _read(text: str) -> Source:
    """Reads what a module has printed, operations of unknown dialects included."""
    made = context()
    made.allow_unregistered = True
    return parse_text(made, text, UNREAD)


def _same(a: ModuleOp, b: ModuleOp) -> bool:
    return a.is_structurally_equivalent(b) and all(
        _locations(x) == _locations(y) for x, y in zip(a.walk(), b.walk(), strict=True)
    )


def _locations(op: Operation) -> list[object]:
    arguments = [a.location for region in op.regions for block in region.blocks for a in block.args]
    return [op.location, *arguments]
