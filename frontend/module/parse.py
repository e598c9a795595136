"""`parse`: reads a program from MLIR text."""

from __future__ import annotations

import os
from pathlib import Path

from xdsl.context import Context

from pullback.dialects.context import context as all_dialects
from pullback.dialects.ir.source import parse as parsed
from pullback.frontend.module.module import Module
from pullback.frontend.module.program_error import located
from pullback.process.quiet_collector import quiet_collector

__all__ = ["context", "parse"]

SUFFIX = ".mlir"


def parse(
    source: str | os.PathLike[str],
    *,
    name: str | None = None,
    verify: bool = True,
    context: Context | None = None,
) -> Module:
    """Reads a program of any level, and verifies it.

    Args:
        source: the text of the program; or the path of a file: a `Path`, or a string of one line that ends in `.mlir`,
            which is no program.
        name: what messages call the text; the path, or `"<input>"` unless given.
        verify: whether the program must be valid IR.
        context: the dialects that may appear; those of `pb.context()` unless given.

    Raises:
        ProgramError: wrong syntax, an unknown operation, or a program that is not valid; `str` of it is
            `file:line:col: error: ...` with the line and a caret.
        OSError: the file cannot be read.
    """
    text, called = _text_and_name(source)
    called = called if name is None else name
    with located(lambda op: None, text, called), quiet_collector():
        module = Module.of_source(parsed(context or all_dialects(), text, called))
    if verify:
        module.verify()
    return module


def context() -> Context:
    """A new context of xDSL with every dialect that programs may have: what `parse` takes, and passes are given.

    `context.allow_unregistered = True` lets operations of unknown dialects pass, in generic syntax.
    """
    return all_dialects()


def _text_and_name(source: str | os.PathLike[str]) -> tuple[str, str]:
    if isinstance(source, str) and not (source.endswith(SUFFIX) and "\n" not in source):
        return source, "<input>"
    path = Path(source)
    try:
        return path.read_text("utf-8"), str(path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: error: not UTF-8 text (byte {error.start}); expected MLIR") from None
