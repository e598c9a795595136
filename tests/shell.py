"""Runs lines of shell with our tools in this process, which has imported them: a Python of its own takes a second to.

Lines are split by lit's parser, as those of FileCheck tests. Supported are pipes, `&&`, `||`, `;`, `not`, `2>&1`, `>`,
`2>`, `<` and quotes. Variables, loops and patterns of file names are bash's alone: `needs_bash` tells.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import filecheck.main
from lit.ShUtil import ShParser

from pullback.tools import opt, run
from pullback.tools.reduce import command_line

_QUOTED = re.compile("'[^']*'" + '|"[^"$`]*"')
_BASH = re.compile(r"[$`*?~\\]|^\w+=|\b(for|exec|cd|export)\b")


def needs_bash(line: str) -> bool:
    """Tells whether a line has what only bash expands, or starts none of our tools by its name."""
    bare = _QUOTED.sub("_", line)
    return bool(_BASH.search(bare)) or not any(re.search(rf"(^|[|;&] *){tool}\b", bare) for tool in TOOLS)


def run_shell(line: str, out: io.BytesIO, err: io.BytesIO) -> int:
    """Run a line: what it prints goes to `out` and `err`, which may be one. Returns its exit status.

    A command of a pipe that fails makes the pipe fail, as under lit.
    """
    return _run(ShParser(line, pipefail=True).parse(), out, err)


def _run(node: Any, out: io.BytesIO, err: io.BytesIO) -> int:
    if hasattr(node, "op"):
        status = _run(node.lhs, out, err)
        goes_on = {"&&": status == 0, "||": status != 0, ";": True}[node.op]
        return _run(node.rhs, out, err) if goes_on else status
    data, failed = b"", 0
    for command in node.commands:
        stdout = out if command is node.commands[-1] else io.BytesIO()
        status = _command(command, data, stdout, err)
        data = stdout.getvalue()
        failed = status or failed
    return failed


def _command(command: Any, data: bytes, out: io.BytesIO, err: io.BytesIO) -> int:
    """Run one command with its redirections, in their order; `not` turns failure into success."""
    arguments = [str(argument) for argument in command.args]
    files: list[tuple[Path, io.BytesIO]] = []
    for operator, target in command.redirects:
        match operator:
            case ("<",):
                data = Path(target).read_bytes()
            case (">&", 2) if str(target) == "1":
                err = out
            case (">",) | (">", 1):
                files.append((Path(target), out := io.BytesIO()))
            case (">", 2):
                files.append((Path(target), err := io.BytesIO()))
            case _:
                raise NotImplementedError(f"{operator} {target}")
    negated = arguments[0] == "not"
    status = _process(arguments[negated:], data, out, err)
    for path, printed in files:
        path.write_bytes(printed.getvalue())
    return int(status == 0) if negated else status


def _process(arguments: Sequence[str], data: bytes, out: io.BytesIO, err: io.BytesIO) -> int:
    if tool := TOOLS.get(arguments[0]):
        return _in_process(tool, arguments[1:], data, out, err)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        arguments,
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if out is err else subprocess.PIPE,
        env={**os.environ, "PATH": path},
        check=False,
    )
    out.write(done.stdout)
    err.write(done.stderr or b"")
    return done.returncode


def _in_process(
    tool: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    data: bytes,
    out: io.BytesIO,
    err: io.BytesIO,
) -> int:
    kept = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    sys.stdout, sys.stderr = written = [
        io.TextIOWrapper(buffer, encoding="utf-8", write_through=True) for buffer in (out, err)
    ]
    try:
        return tool(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception:
        traceback.print_exc()
        return 70
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
        for stream in written:
            stream.detach()  # or it would close the buffer with itself


def _filecheck(arguments: Sequence[str]) -> int:
    filecheck.main.main(["filecheck", *arguments])
    return 0


TOOLS: dict[str, Callable[[Sequence[str]], int]] = {
    "pullback-opt": opt.main,
    "pullback-run": run.main,
    "pullback-reduce": command_line.main,
    "filecheck": _filecheck,
}
