"""Lines of shell that tests run in their process do what bash does with them."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from pullback.tests.shell import needs_bash, run_shell

LINES = [
    "echo a 'b  c' | tr a-c x-z",
    "printf 'x\\ny\\n' >made && cat made | head -1",
    "ls absent 2>&1 | wc -l",
    "ls absent 2>/dev/null || echo none",
    "ls absent | cat",
    "false; echo after",
    "false && echo never",
    "cat <given >copied && cat copied given",
    "sh -c 'echo out; echo err >&2' 2>&1 >/dev/null | cat",
    "sh -c 'echo out; echo err >&2' >both 2>&1; cat both",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_does_what_bash_does(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("given").write_text("text\n")
    command = ["bash", "-o", "pipefail", "-c", line]
    expected = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    out = io.BytesIO()
    assert run_shell(line, out, out) == expected.returncode
    assert out.getvalue() == expected.stdout


def test_not_turns_the_status_around(tmp_path: Path) -> None:
    out = io.BytesIO()
    assert run_shell("not false", out, out) == 0
    assert run_shell("not true", out, out) == 1
    assert run_shell(f"not pullback-opt {tmp_path}/absent 2>&1 | filecheck {__file__}", out, out) == 0
    assert run_shell(f"pullback-opt {tmp_path}/absent 2>&1 | cat", out, out) == 1


# CHECK: error: cannot read


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("pullback-opt f.mlir | grep -E 'a*$'", False),
        ('pullback-opt f.mlir -p "cse,dce"', False),
        ("cat x | pullback-opt", False),
        ("PYTHONPATH=x pullback-opt f.mlir", True),
        ("pullback-opt $file", True),
        ('pullback-opt "$file"', True),
        ("for f in a b; do pullback-opt $f; done", True),
        ("pullback-opt ir/*", True),
        ("cat pullback-opt.txt", True),
        ("ls", True),
    ],
)
def test_what_only_bash_expands(line: str, needs: bool) -> None:
    assert needs_bash(line) == needs
