"""Helpers for these tests: tools that fail as they should, and signals as a shell sends them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from pullback.process import interrupts
from pullback.tools import opt

Fails = Callable[..., str]


@pytest.fixture
def fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Fails:
    """Runs a tool on a text, expects exit status 1; what it says, with the file's name left out."""

    def check(text: str, *arguments: str, tool: Callable[[list[str]], int] = opt.main) -> str:
        path = tmp_path / "program.mlir"
        path.write_text(text)
        assert tool([str(path), *arguments]) == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "internal error" not in said
        return said.replace(str(path), "FILE")

    return check


@pytest.fixture
def ctrl_c() -> Generator[None]:
    """Signals as a program finds them that was started from a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
    assert not interrupts._current
