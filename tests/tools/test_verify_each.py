"""`--verify-each=run`: a planted fault is found in the pass that has it, and nothing is reported where all is right."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from xdsl.dialects import math

from pullback.backends.cpu.llvm.printer import EMITTERS
from pullback.passes.simplify.folds import arithmetic
from pullback.tools import opt, run

PROGRAM = """func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
  %v = graph.read %w : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %h = graph.multiply %x, %v : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %one = graph.constant dense<1.0> : tensor<2x3xf32>
  %k = graph.add %h, %one : tensor<2x3xf32>
  %y = graph.tanh %k : tensor<2x3xf32>
  %dw = graph.gradients of (%y) wrt (%w) : (tensor<2x3xf32>, !graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  graph.assign_sub %w, %dw : !graph.ref<tensor<3xf32>>, tensor<3xf32>
  func.return %y : tensor<2x3xf32>
}
"""
GIVEN = ["--input", "x=[[1,2,3],[4,5,6]]", "--variable", "w=[1,2,3]"]


@pytest.fixture(name="program")
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    return str(path)


@pytest.fixture(name="wrong_fold")
def _wrong_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """x + 1 is x."""
    monkeypatch.setitem(arithmetic.NEUTRAL_ON_THE_RIGHT, arithmetic.Add, 1)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("pipeline", ["gradients,finish,kernels,loops", "gradients,finish,kernels,gpu"])
def test_right_passes_change_nothing(program: str, pipeline: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert opt.main([program, "-p", pipeline, "--verify-each=run"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert opt.main([program, "-p", pipeline]) == 0
    assert capsys.readouterr().out == shown.out


@pytest.mark.usefixtures("wrong_fold")
@pytest.mark.parametrize("tool", [opt.main, run.main])
def test_a_wrong_fold(
    program: str, tool: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool([program, "-p", "gradients,finish", *GIVEN, "--verify-each=run"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        f"{program}:7:3: error: 'canonicalize' changed a number of @main: result 'y'[0, 0] was "
    )
    assert "the first value that differs is 'y' (graph.tanh)[0, 0]: 0.9640276, then 0.7615942" in said
    assert "note: in pass 'canonicalize'" in said
    (reproducer,) = Path(program).parent.glob("pullback-verify-each-*.mlir")
    assert f"pullback-run --run-reproducer {reproducer}" in said
    assert run.main(["--run-reproducer", str(reproducer)]) == 1
    assert (
        "'canonicalize' changed a number of @main: result 'y'[0, 0] was 0.9640276" in capsys.readouterr().err
    )


@pytest.mark.usefixtures("wrong_fold")
def test_a_wrong_fold_in_the_pipeline_of_a_target(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([program, "-p", "gradients", *GIVEN, "--target", "cpu", "--verify-each=run"]) == 1
    assert "'canonicalize' changed a number of @main" in capsys.readouterr().err


def test_wrong_native_code(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_cpu = [program, "-p", "gradients,finish", *GIVEN, "--target", "cpu", "--verify-each=run"]
    assert run.main(on_cpu) == 0
    monkeypatch.setitem(EMITTERS, math.TanhOp, EMITTERS[math.AtanOp])
    capsys.readouterr()
    assert run.main(on_cpu) == 1
    assert (
        "target 'cpu' changed a number of @main: result 'y'[0, 0] was 0.9640276 and is 1."
        in capsys.readouterr().err
    )


@pytest.mark.usefixtures("wrong_fold")
@pytest.mark.parametrize("option", ["--verify-each", "--verify-each=verifier"])
def test_the_verifier_runs_nothing(program: str, option: str) -> None:
    assert opt.main([option, program, "-p", "gradients,finish", "-o", "/dev/null"]) == 0


def test_wrong_options(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert opt.main([program, "--verify-each=never"]) == 1
    assert "invalid choice: 'never' (choose from" in capsys.readouterr().err
    assert opt.main([program, "--input", "x=[1]"]) == 1
    assert "pullback-opt: error: --input and --variable are for --verify-each=run" in capsys.readouterr().err
    assert opt.main([program, "--verify-each=run", "--input", "z=[1]"]) == 1
    assert "the program has no input 'z'; it has x" in capsys.readouterr().err


def test_a_role_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "roles.mlir"
    path.write_text("""
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) attributes {graph.arguments = ["input", "out"]} {
  memref.copy %x, %y : memref<4xf32> to memref<4xf32>
  func.return
}
""")
    assert opt.main([str(path), "-p", "cse", "--verify-each=run"]) == 0
    said = capsys.readouterr().err
    assert "@main is not run: graph.arguments says that argument 1 is 'out': expected one of input," in said
