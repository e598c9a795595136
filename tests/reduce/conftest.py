"""A tool run on a text, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pullback.tools.reduce import command_line


@dataclass(frozen=True)
class Said:
    """What a run left: the exit status, standard output, standard error."""

    status: int
    out: str
    err: str


RunReduce = Callable[..., Said]


@pytest.fixture
def run_reduce(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> RunReduce:
    """Runs `pullback-reduce` on a text; the name of the file is left out of messages."""

    def run(text: str, *arguments: str) -> Said:
        path = tmp_path / "program.mlir"
        path.write_text(text)
        status = command_line.main([str(path), *arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Said(status, said.out, said.err.replace(str(path), "FILE"))

    return run
