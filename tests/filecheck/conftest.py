"""Runs the RUN lines of `*.mlir` in this process: 30 ms a file, where stock lit starts Python anew for 500.

The lines are those that `lit tests/filecheck` runs in its shell, split by lit's own parser. Supported here:
pipes, `&&`, `not`, `2>&1`, `>`, `2>`, `<`, `%s`, `%t`, `%S`, and continued lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filecheck.main
import pytest
from lit.ShUtil import ShParser

from pullback.tools import opt, run

_RUN = re.compile(r"(?://|#)\s*RUN:(.*)")


@dataclass
class Result:
    """What a command left."""

    status: int
    out: bytes
    err: bytes


class RunLineError(Exception):
    """A RUN line failed; the text shows the line and what its commands printed on stderr."""


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.File | None:
    if file_path.suffix == ".mlir":
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
    """Run one line; a command of a pipe that fails makes the line fail, as under lit."""
    errors: list[str] = []
    if not _run(ShParser(line, pipefail=True).parse(), errors):
        raise RunLineError("\n".join([f"RUN: {line}", *errors]))


def _run(node: Any, errors: list[str]) -> bool:
    if hasattr(node, "op"):
        first = _run(node.lhs, errors)
        return first and _run(node.rhs, errors) if node.op == "&&" else _run(node.rhs, errors)
    data = b""
    succeeded = True
    for command in node.commands:
        result = _command(command, data)
        data = result.out
        errors.append(result.err.decode(errors="replace"))
        succeeded = succeeded and result.status == 0
    if not succeeded:
        errors.append(data.decode(errors="replace"))
    return succeeded != node.negate


def _command(command: Any, data: bytes) -> Result:
    """Run one command with its redirections; `not` turns failure into success."""
    arguments = [str(argument) for argument in command.args]
    negated = arguments[0] == "not"
    if negated:
        arguments = arguments[1:]
    targets = {
        "".join(map(str, operator)).replace("None", ""): target for operator, target in command.redirects
    }
    if "<" in targets:
        data = Path(targets["<"]).read_bytes()
    joined = str(targets.get(">&2", "")) == "1"
    tool = TOOLS.get(arguments[0])
    result = _in_process(tool, arguments, data, joined) if tool else _subprocess(arguments, data, joined)
    for operator, name in (("out", ">"), ("err", ">2")):
        if name in targets:
            Path(targets[name]).write_bytes(getattr(result, operator))
            setattr(result, operator, b"")
    if negated:
        result.status = int(result.status == 0)
    return result


def _in_process(tool: Callable[[list[str]], int], arguments: list[str], data: bytes, joined: bool) -> Result:
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")]
    streams += [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    source, out, err = streams
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = source, out, out if joined else err
    try:
        status = tool(arguments)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception:
        status = 70
        traceback.print_exc()
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
    return Result(status, _bytes(out), _bytes(err))


def _bytes(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue()


def _subprocess(arguments: list[str], data: bytes, joined: bool) -> Result:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        arguments,
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if joined else subprocess.PIPE,
        env={**os.environ, "PATH": path},
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr or b"")


def _filecheck(arguments: list[str]) -> int:
    filecheck.main.main(arguments)
    return 0


TOOLS: dict[str, Callable[[list[str]], int]] = {
    "pullback-opt": lambda arguments: opt.main(arguments[1:]),
    "pullback-run": lambda arguments: run.main(arguments[1:]),
    "filecheck": _filecheck,
}
