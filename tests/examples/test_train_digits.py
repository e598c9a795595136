"""`examples/train_digits.py` learns to read, on native code as on the evaluator, and fails like a tool."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_digits.py"


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLE, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def accuracy(done: subprocess.CompletedProcess[str]) -> float:
    assert done.returncode == 0, done.stderr
    match = re.fullmatch(r"test accuracy: (0\.\d{4})\n", done.stdout)
    assert match is not None, done.stdout
    return float(match[1])


def test_native_code_learns_to_read(tmp_path: Path) -> None:
    done = run(tmp_path, "--target", "cpu")
    assert accuracy(done) >= 0.965
    assert done.stderr == ""
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["digits.png"]


def test_both_targets_agree(tmp_path: Path) -> None:
    short = ("--epochs", "4", "--no-plot")
    assert accuracy(run(tmp_path, "--target", "cpu", *short)) == pytest.approx(
        accuracy(run(tmp_path, "--target", "numpy", *short)), abs=2 / 599
    )


def test_every_level_is_written(tmp_path: Path) -> None:
    accuracy(run(tmp_path, "--epochs", "1", "--no-plot", "--dump-ir", "ir"))
    names = sorted(p.name for p in (tmp_path / "ir").iterdir())
    assert names == ["1-gradients.mlir", "2-graph.mlir", "3-kernels.mlir", "4-loops.mlir", "5-llvm.ll"]
    assert "define " in (tmp_path / "ir" / "5-llvm.ll").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "expected a whole number from 1 on, got '0'"),
        (["--batch", "9999"], "--batch 9999: there are 1198 images"),
        (["--rate", "nan"], "expected a number above 0, got 'nan'"),
        (["--plot", "missing/digits.png"], "--plot missing/digits.png: there is no folder missing"),
        (["--target", "tpu"], "invalid choice: 'tpu'"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, options: list[str], message: str) -> None:
    done = run(tmp_path, *options)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
