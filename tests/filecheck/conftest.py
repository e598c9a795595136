"""Runs the RUN lines of `*.mlir` in this process: 30 ms a file, where stock lit starts Python anew for 1400.

The lines are those that `lit tests/filecheck` runs in its shell. Supported here is what `tests/shell.py` runs, and
`%s`, `%t`, `%S`, and continued lines.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pullback.tests.shell import run_shell

_RUN = re.compile(r"(?://|#)\s*RUN:(.*)")


class RunLineError(Exception):
    """A RUN line failed; the text shows the line and what it printed."""


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.File | None:
    if file_path.suffix == ".mlir" and file_path.parent.name != "Output":  # lit's folder of what lines wrote
        return MlirFile.from_parent(parent, path=file_path)
    return None


class MlirFile(pytest.File):
    def collect(self) -> Generator[MlirItem]:
        lines = run_lines(self.path.read_text())
        if lines:
            yield MlirItem.from_parent(self, name="RUN", lines=lines)


class MlirItem(pytest.Item):
    """The RUN lines of one file, in order: a later line may read what an earlier one wrote to %t."""

    def __init__(self, *, lines: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lines = lines

    def runtest(self) -> None:
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            for line in self.lines:
                run_line(substituted(line, self.path, Path(scratch) / "t"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, RunLineError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.path.name


def run_lines(text: str) -> list[str]:
    """The commands of a file, continued lines joined."""
    joined = "\n".join(_RUN.findall(text)).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()]


def substituted(line: str, path: Path, scratch: Path) -> str:
    """The line with lit's substitutions."""
    for name, value in {"%s": path, "%S": path.parent, "%t": scratch}.items():
        line = re.sub(rf"{name}\b", str(value), line)
    return line


def run_line(line: str) -> None:
    """Run one line; raises RunLineError where it fails."""
    out, err = io.BytesIO(), io.BytesIO()
    if run_shell(line, out, err):
        printed = (err.getvalue() + out.getvalue()).decode(errors="replace")
        raise RunLineError(f"RUN: {line}\n{printed}")
