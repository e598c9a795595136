"""Programs that show a planted bug shrink to the few operations that it needs."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from pullback.tests.reduce.planted import (
    operations,
    program,
    scheduled,
    unchecked_schedules,
    with_short_product,
    wrong_fold,
    wrong_rule,
)
from pullback.tools.reduce import command_line

MOST = 5
"""Operations that are left at most."""
FEW = """
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %a = graph.exp %x : tensor<4xf32>
  %b = graph.multiply %a, %y : tensor<4xf32>
  %c = graph.subtract %x, %b : tensor<4xf32>
  %d = graph.tanh %c : tensor<4xf32>
  func.return %d : tensor<4xf32>
}
"""


def reduced(text: str, tmp_path: Path, *arguments: str) -> str:
    source, made = tmp_path / "program.mlir", tmp_path / "reduced.mlir"
    source.write_text(text)
    assert command_line.main([str(source), "-o", str(made), *arguments]) == 0
    return made.read_text()


def test_a_wrong_fold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with wrong_fold():
        text = reduced(program(10, 1), tmp_path, "--wrong-number")
    assert operations(text) == 2
    assert "graph.subtract" in text and "graph.multiply" in text
    assert "tensor<1" in text or "tensor<f" in text
    said = capsys.readouterr()
    assert "operations" in said.err and "wrong number: result" in said.err
    assert said.out == ""


def test_a_wrong_fold_between_targets(tmp_path: Path) -> None:
    """simt finishes programs, numpy runs them as they are."""
    with wrong_fold():
        text = reduced(FEW, tmp_path, "--mismatch", "numpy,simt", "-p", "")
    assert operations(text) == 2


@pytest.mark.parametrize(("target", "level"), [("cpu", "loops"), ("numpy", "loops"), ("simt", "gpu")])
def test_a_wrong_fold_that_runs_on_memory(tmp_path: Path, target: str, level: str) -> None:
    with wrong_fold():
        text = reduced(FEW, tmp_path, "--wrong-number", "-p", f"finish,kernels,{level}", "--target", target)
    assert operations(text) == 2


def test_a_wrong_rule(tmp_path: Path) -> None:
    with wrong_rule():
        text = reduced(program(10, 3, smooth=True), tmp_path, "--wrong-gradient")
    assert operations(text) == 1
    assert "graph.tanh" in text


@pytest.mark.parametrize("options", [["--tolerance", "100"], ["--low", "0", "--high", "1e-9"]])
def test_options_of_wrong_gradients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    """The rule of tanh that is planted is right at 0."""
    text = "func.func @main(%x: tensor<3xf64>) -> tensor<3xf64> {\n  %y = graph.tanh %x : tensor<3xf64>\n"
    file = tmp_path / "rule.mlir"
    file.write_text(f"{text}  func.return %y : tensor<3xf64>\n}}\n")
    with wrong_rule():
        assert command_line.main([str(file), "--wrong-gradient"]) == 0
        assert command_line.main([str(file), "--wrong-gradient", *options]) == 1
    assert "no wrong gradient" in capsys.readouterr().err


def test_a_wrong_rule_in_a_request(tmp_path: Path) -> None:
    """A rule is wrong, and a fold depends on what it makes: the request stays, as near to it as can be."""
    text = """
!V = tensor<4xf64>
func.func @main(%x: !V, %w: !V) -> (!V, !V) {
  %a = graph.multiply %x, %w : !V
  %b = graph.exp %a : !V
  %c = graph.sin %b : !V
  %d = graph.add %c, %x : !V
  %e = graph.tanh %d : !V
  %f = graph.multiply %e, %w : !V
  %dx, %dw = graph.gradients of (%f) wrt (%x, %w) seeds (%a) : (!V, !V, !V, !V) -> (!V, !V)
  %g = graph.add %dx, %e : !V
  func.return %g, %dw : !V, !V
}
"""
    with wrong_rule():
        made = reduced(text, tmp_path, "--wrong-gradient")
    assert operations(made) == 1


def test_a_wrong_schedule(tmp_path: Path) -> None:
    with unchecked_schedules():
        text = with_short_product(scheduled(program(12, 1)))
        assert operations(text) > 20
        made = reduced(text, tmp_path, "--wrong-number", "--target", "cpu")
    assert operations(made) == 2
    assert "reduce = [2]" in made and "memory" not in made


def test_a_schedule_that_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = with_short_product(scheduled(program(12, 1)))
    made = reduced(text, tmp_path, "--crash", "--target", "simt")
    assert operations(made) <= MOST
    assert "ScheduleError in pass verify-level: schedule: reduce is [2]" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 4, 5])
@pytest.mark.parametrize("kind", ["fold", "fold on cpu", "rule", "schedule", "refused schedule"])
def test_two_hundred_operations(kind: str, seed: int, tmp_path: Path) -> None:
    """To at most five operations in a minute of processor time, that of the processes of candidates included."""
    plant, text, arguments = case(kind, seed)
    assert operations(text) >= 200
    start = sum(os.times()[:4])
    with plant:
        made = reduced(text, tmp_path, *arguments)
    assert sum(os.times()[:4]) - start < 60
    assert operations(made) <= MOST


def case(kind: str, seed: int) -> tuple[AbstractContextManager[None], str, list[str]]:
    match kind:
        case "fold":
            return wrong_fold(), program(45, seed), ["--wrong-number"]
        case "fold on cpu":
            return wrong_fold(), program(45, seed), ["--wrong-number", "--target", "cpu"]
        case "rule":
            return wrong_rule(), program(45, seed, smooth=True), ["--wrong-gradient"]
        case "schedule":
            text = with_short_product(scheduled(program(60, seed)))
            return unchecked_schedules(), text, ["--wrong-number", "--target", "cpu"]
        case _:
            return (
                nullcontext(),
                with_short_product(scheduled(program(60, seed))),
                ["--crash", "--target", "cpu"],
            )
