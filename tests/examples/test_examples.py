"""The examples beside `train_digits.py` learn what they should, draw a picture, and fail like tools."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(folder: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def printed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    assert match is not None, text
    return float(match[1])


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


def test_convolutions_begin_to_read(tmp_path: Path) -> None:
    text = printed(run(tmp_path, "train_convolutions", "--epochs", "3"))
    assert number(r"test accuracy: (0\.\d{4})\n", text) >= 0.93
    assert is_picture(tmp_path / "convolutions.png")


@pytest.mark.slow
def test_convolutions_read(tmp_path: Path) -> None:
    text = printed(run(tmp_path, "train_convolutions", "--no-plot"))
    assert number(r"test accuracy: (0\.\d{4})\n", text) >= 0.98
    assert list(tmp_path.iterdir()) == []


def test_word_vectors_begin_to_tell_words_apart(tmp_path: Path) -> None:
    text = printed(run(tmp_path, "word_vectors", "--steps", "400"))
    assert number(r"loss: (\d\.\d+)", text) - number(r"-> (\d\.\d+)", text) > 0.7
    assert is_picture(tmp_path / "words.png")


@pytest.mark.slow
def test_word_vectors_know_neighbours(tmp_path: Path) -> None:
    text = printed(run(tmp_path, "word_vectors", "--no-plot"))
    (line,) = re.findall(r"^true: .*$", text, re.MULTILINE)
    assert "false" in line


@pytest.mark.slow
def test_both_targets_learn_the_same_vectors(tmp_path: Path) -> None:
    options = ("--steps", "60", "--no-plot")
    losses = [
        number(r"-> (\d\.\d+)", printed(run(tmp_path, "word_vectors", "--target", target, *options)))
        for target in ("cpu", "numpy")
    ]
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)


@pytest.mark.slow
def test_a_transformer_writes_better_than_pairs(tmp_path: Path) -> None:
    text = printed(run(tmp_path, "characters"))
    assert number(r"bits for a character: (\d\.\d+)", text) < number(r"pairs: (\d\.\d+)", text) - 0.8
    assert is_picture(tmp_path / "characters.png")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("train_convolutions", ["--batch", "9999"], "--batch 9999: there are 1198 images"),
        (
            "train_convolutions",
            ["--plot", "missing/a.png"],
            "--plot missing/a.png: there is no folder missing",
        ),
        ("word_vectors", ["--vocabulary", "5"], "--vocabulary 5: too small to have 'list'"),
        ("word_vectors", ["--rate", "0"], "expected a number above 0, got '0'"),
        ("characters", ["--text", "300"], "--text 300: expected at least 704 characters"),
        ("characters", ["--steps", "none"], "expected a whole number from 1 on, got 'none'"),
        ("two_devices", ["--table", "banana"], "'banana' names no device: expected 'cpu:0'"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, name: str, options: list[str], message: str) -> None:
    done = run(tmp_path, name, *options)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
