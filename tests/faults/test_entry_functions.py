"""Functions that native code cannot be given arrays for: an internal error in the tools, a diagnostic now."""

from __future__ import annotations

from pathlib import Path

import pytest

from pullback.tools import run


def test_an_unknown_extent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f.mlir"
    path.write_text("func.func @main(%x: memref<?xf32>) {\n  func.return\n}\n")
    assert run.main([str(path), "--target", "cpu", "--input", "x=[1,2]"]) == 1
    error = capsys.readouterr().err
    assert f"{path}:1:1: error: @main: expected argument 0 to be a memref of static shape" in error
