"""README.md and docs/*.md are run: what they print is what a reader sees.

- `python` blocks run in order in one namespace per document; in `>>>` style their output is compared.
- `console` blocks run each `$ command` in a shell and compare the output; `...` matches any text.
- `mlir` blocks must parse and verify; one that begins with `// file: NAME` is written there for the commands.
"""

from __future__ import annotations

import doctest
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.evaluators.doctest import OutputChecker
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

from pullback.backends.cuda_runtime import api
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.verification import verify
from pullback.tests.cuda_core.stand_in import StandIn
from pullback.tests.shell import needs_bash, run_shell

ROOT = Path(__file__).parents[2]
WALK_THROUGH = ROOT / "docs" / "extend.md"
"""The page on a package that is not installed here: `test_walk_through.py` runs it."""
DOCUMENTS = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").glob("**/*.md")) if p != WALK_THROUGH)]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FILE_COMMENT = "// file: "
RECIPES = [ROOT / "docs" / "training.md", *sorted((ROOT / "docs").glob("add-*.md"))]
IMPORT = re.compile(r"(>>> |\.\.\. )?\s*(from|import) pullback\b")
FOR_EXTENSIONS = re.compile(r"(>>> )?(from pullback\.extend(\.operations)? import |import pullback as pb$)")


@pytest.fixture(autouse=True)
def _in_scratch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enter_scratch_folder(tmp_path, monkeypatch)


def enter_scratch_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run there, find the tools of this environment, and print as in documents."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    # One width for every terminal, no colours: the tables that tools print are compared as text.
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


ON_FIBERS = ("cuda-text", "gpu")
"""Pages whose kernels are CUDA text that runs on the CPU; of target `cuda` through the stand-in for `cuda.core`."""
RUN = [pytest.param(p, marks=pytest.mark.compiler) if p.stem in ON_FIBERS else p for p in DOCUMENTS]


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.name)
def test_document(path: Path) -> None:
    sybil = Sybil(
        parsers=[
            SkipParser(),
            PythonCodeBlockParser(doctest_optionflags=OPTIONS),
            CodeBlockParser("console", check_console),
            CodeBlockParser("mlir", check_mlir),
        ]
    )
    with api.using(StandIn()) if path.stem == "gpu" else nullcontext():
        for example in sybil.parse(path).examples():
            example.evaluate()


def check_console(example: Example) -> str | None:
    """Run a block's commands, our tools in this process; the difference from what it shows, or None."""
    return _difference(example, lambda command: _in_bash(command) if needs_bash(command) else _here(command))


def check_in_bash(example: Example) -> str | None:
    """Run a block's commands in processes of their own, which find what the environment says."""
    return _difference(example, _in_bash)


def _difference(example: Example, run: Callable[[str], tuple[int, str]]) -> str | None:
    for command, shown in commands(str(example.parsed)):
        status, printed = run(command)
        if not OutputChecker().check_output(shown, printed, OPTIONS):
            return f"$ {command}\nshown:\n{shown}\nprinted (status {status}):\n{printed}"
    return None


def _in_bash(command: str) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def _here(command: str) -> tuple[int, str]:
    printed = io.BytesIO()
    status = run_shell(command, printed, printed)
    return status, printed.getvalue().decode()


def commands(block: str) -> list[tuple[str, str]]:
    """The `$` lines of a block, continued ones joined, each with the output that follows it."""
    found: list[tuple[str, str]] = []
    for line in block.replace("\\\n", "").splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].strip(), ""))
        elif found:
            command, shown = found[-1]
            found[-1] = (command, shown + line)
    return found


def check_mlir(example: Example) -> None:
    """A program in a document is a program."""
    text = str(example.parsed)
    verify(parse(context(), text, Path(example.path).name, line_offset=example.line).module)
    first, _, rest = text.partition("\n")
    if first.startswith(FILE_COMMENT):
        Path(first.removeprefix(FILE_COMMENT).strip()).write_text(rest)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_recipes_import_what_is_for_extensions(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if IMPORT.match(line)]
    assert [line for line in lines if not FOR_EXTENSIONS.match(line)] == []


def test_commands_are_split_at_prompts() -> None:
    assert commands("$ a \\\n  b\nout\n$ c\n") == [("a   b", "out\n"), ("c", "")]
