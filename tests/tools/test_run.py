"""`pullback-run` end to end: results in files and tables, and errors for wrong arrays."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tools import opt, run

PROGRAM = """\
func.func @main(%x: tensor<?x2xf32>, %n: tensor<i32> loc("scope/n")) -> (tensor<?x2xf32>, tensor<i32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<2xf32>>
  %old = graph.read %w : (!graph.ref<tensor<2xf32>>) -> tensor<2xf32>
  %y = graph.add %x, %old : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32> loc("layer/y")
  %new = graph.add %old, %old : tensor<2xf32>
  graph.assign %w, %new : !graph.ref<tensor<2xf32>>, tensor<2xf32>
  func.return %y, %n : tensor<?x2xf32>, tensor<i32>
}
"""
EDITED = """\
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = graph.kernel %x schedule<kind = pointwise, parallel = [2], gpu = {threads = 7}> : tensor<2xf32> {
  ^bb0(%a: tensor<2xf32>):
    %b = graph.tanh %a : tensor<2xf32>
    graph.yield %b : tensor<2xf32>
  }
  func.return %y : tensor<2xf32>
}
"""
ARGUMENTS = ["--input=x=[[1, 2], [0.5, 4]]", "--input=scope/n=3", "--variable=w=[10, 20]"]


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.mlir"
    path.write_text(PROGRAM)
    return str(path)


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the tool, expect exit status 1, no output and no traceback; the errors it printed."""
    assert run.main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    return printed.err


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_edited_schedules_are_refused_where_they_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, target: str
) -> None:
    path = tmp_path / "edited.mlir"
    path.write_text(EDITED)
    error = fails(capsys, str(path), "--input=x=[1, 2]", f"--target={target}")
    assert error.startswith(f"{path}:2:3: error: schedule: threads is 7; expected a power of two")


def test_results_and_variables_are_saved(program: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1, 2]], np.float32))
    arguments = [f"--input=x={tmp_path / 'x.npy'}", *ARGUMENTS[1:], f"--output={tmp_path / 'out'}"]
    assert run.main([program, *arguments]) == 0
    saved = {path.name: np.load(path) for path in (tmp_path / "out").iterdir()}
    assert saved.keys() == {"layer.y.npy", "scope.n.npy", "w.npy"}
    np.testing.assert_array_equal(saved["layer.y.npy"], np.array([[11, 22]], np.float32), strict=True)
    np.testing.assert_array_equal(saved["scope.n.npy"], np.array(3, np.int32), strict=True)
    np.testing.assert_array_equal(saved["w.npy"], np.array([20, 40], np.float32), strict=True)


def test_values_and_table(capsys: pytest.CaptureFixture[str], program: str) -> None:
    assert run.main([program, *ARGUMENTS, "--values"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["layer/y = [[11.0, 22.0], [10.5, 24.0]]", "scope/n = 3", "w = [20.0, 40.0]"]
    assert run.main([program, *ARGUMENTS]) == 0
    table = capsys.readouterr().out
    assert "2 x 2" in table
    assert "16.875" in table


LOWERED = """
func.func @main(%x: memref<2xf32>, %state: memref<2xf32>)
    attributes {graph.arguments = ["output", "variable:w"]} {
  memref.copy %state, %x : memref<2xf32> to memref<2xf32>
  func.return
}
"""


def test_variables_of_a_function_on_memory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "lowered.mlir"
    path.write_text(LOWERED)
    for argument in ("--variable=w=[1, 2]", "--input=state=[1, 2]"):
        assert run.main([str(path), argument, "--target=simt", "--values"]) == 0
        assert capsys.readouterr().out.splitlines() == ["x = [1.0, 2.0]", "state = [1.0, 2.0]"]
    assert "no variable 'state'; it has w" in fails(capsys, str(path), "--variable=state=[1, 2]")
    twice = fails(capsys, str(path), "--variable=w=[1, 2]", "--input=state=[1, 2]", "--target=simt")
    assert "--input state: --variable w gives the same argument" in twice


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize(
    ("dtype", "given", "values", "mean"),
    [
        ("ui8", "[0, 100, 200]", "[0, 100, 200]", "100"),
        ("i8", "[-1, 0, 1]", "[-1, 0, 1]", "0"),
        ("bf16", "[0.5, 1, 1.5]", "[0.5, 1, 1.5]", "1"),
        ("f16", "[0.5, 1, 1.5]", "[0.5, 1.0, 1.5]", "1"),
        ("complex<f32>", '["1+2j", 0, "-1+1j"]', "[(1+2j), 0j, (-1+1j)]", "0+1j"),
        ("i64", "[]", "[]", "nan"),
    ],
)
def test_every_dtype_may_be_written_out(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    dtype: str,
    given: str,
    values: str,
    mean: str,
    target: str,
) -> None:
    type_ = f"tensor<{0 if given == '[]' else 3}x{dtype}>"
    path = tmp_path / "program.mlir"
    path.write_text(f"func.func @main(%x: {type_}) -> {type_} {{\n  func.return %x : {type_}\n}}\n")
    assert run.main([str(path), f"--input=x={given}", "--target", target, "--values"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"x = {values}"]
    assert run.main([str(path), f"--input=x={given}", "--target", target]) == 0
    assert mean in capsys.readouterr().out


def test_numbers_that_a_dtype_cannot_hold(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "program.mlir"
    path.write_text(
        "func.func @main(%x: tensor<1xui8>) -> tensor<1xui8> {\n  func.return %x : tensor<1xui8>\n}\n"
    )
    for number in ("256", "-1", "0.5"):
        assert "not an array of uint8" in fails(capsys, str(path), f"--input=x=[{number}]")


@pytest.mark.parametrize(
    ("type_", "given", "message"),
    [
        ("f64", "1e999", "1e999 is too large for f64"),
        ("f64", "-0.01e-5000", "-0.01e-5000 is so small that it would be 0 in f64"),
        ("complex<f64>", "1e999j", "1e999j is too large for complex<f64>"),
        ("i64", "1" * 5000, "a number of 5000 digits is too large for any dtype"),
        ("f32", "1e40", "a number is too large for float32; give another dtype="),
    ],
)
def test_numbers_that_would_be_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, type_: str, given: str, message: str
) -> None:
    """Some were infinite or 0 silently, or had a message about Python; reasons were cut off."""
    path = tmp_path / "f.mlir"
    path.write_text(f"func.func @main(%x: tensor<1x{type_}>) {{ func.return }}")
    assert fails(capsys, str(path), f"--input=x=[{given}]").endswith(message + "\n")


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize(
    ("type_", "printed"),
    [
        ("4xf32", "[nan, inf, -inf, 0.1]"),
        ("2xbf16", "[inf, 0.100098]"),
        ("f64", "nan"),
        ("2xi1", "[True, False]"),
        ("4xcomplex<f64>", "[(-inf+0j), (1-2j), 0j, (nan+infj)]"),
        ("0xf32", "[]"),
    ],
)
def test_values_are_read_as_they_are_printed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, type_: str, printed: str, target: str
) -> None:
    path, type_ = tmp_path / "f.mlir", f"tensor<{type_}>"
    path.write_text(f"func.func @main(%x: {type_}) -> {type_} {{ func.return %x : {type_} }}")
    assert run.main([str(path), f"--input=x={printed}", "--target", target, "--values"]) == 0
    assert capsys.readouterr().out == f"x = {printed}\n"


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_a_function_on_memory(capsys: pytest.CaptureFixture[str], tmp_path: Path, target: str) -> None:
    path = tmp_path / "loops.mlir"
    path.write_text("""\
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) {
  %v0 = arith.constant 0 : index
  %v = vector.load %x[%v0] : memref<4xf32>, vector<4xf32>
  %w = arith.addf %v, %v : vector<4xf32>
  vector.store %w, %y[%v0] : memref<4xf32>, vector<4xf32>
  func.return
}
""")
    assert run.main([str(path), "--input=x=[1, 2, 3, 4]", "--target", target, "--values"]) == 0
    assert capsys.readouterr().out.splitlines() == ["x = [1.0, 2.0, 3.0, 4.0]", "y = [2.0, 4.0, 6.0, 8.0]"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "inputs are missing: --input x=... (tensor<?x2xf32>), --input scope/n=... (tensor<i32>)"),
        (["--input", "x"], "expected NAME=FILE.npy"),
        (["--input", "q=1"], "the program has no input 'q'; it has x, scope/n"),
        ([*ARGUMENTS, "--variable", "v=1"], "the program has no variable 'v'; it has w"),
        ([*ARGUMENTS, "--input", "x=1"], "'x' is given twice"),
        ([*ARGUMENTS[:1], "--input", "scope/n=3.5"], "not an array of int32"),
        ([*ARGUMENTS[:1], "--input", "scope/n=3000000000"], "not an array of int32"),
        ([*ARGUMENTS[1:], "--input", "x=[[1], [2, 3]]"], "not an array of float32"),
        ([*ARGUMENTS[1:], "--input", "x=[[1e99, 1]]"], "a number is too large for float32"),
        ([*ARGUMENTS[1:], "--input", "x=[1, 2]"], "shape (2,), expected tensor<?x2xf32>"),
        ([*ARGUMENTS[1:], "--input", "x=missing.npy"], "cannot read: No such file or directory"),
        ([*ARGUMENTS[1:], "--input", "x=what"], "neither a .npy file nor numbers"),
        (["--function", "f"], "the program has no such function; it has: main"),
        (["--target", "abacus"], "invalid choice: 'abacus'"),
        (["-p", "nosuch"], "unknown pass or pipeline 'nosuch'"),
    ],
)
def test_what_does_not_fit(
    capsys: pytest.CaptureFixture[str], program: str, arguments: list[str], message: str
) -> None:
    assert message in fails(capsys, program, *arguments)


def test_files_that_are_no_arrays(capsys: pytest.CaptureFixture[str], program: str, tmp_path: Path) -> None:
    pickled, archive, double = tmp_path / "pickled.npy", tmp_path / "archive.npz", tmp_path / "double.npy"
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    np.savez(archive, a=np.zeros(2))
    np.save(double, np.zeros((1, 2)))
    assert "not a .npy file of numbers" in fails(capsys, program, f"--input=x={pickled}", "--input=scope/n=1")
    assert "an .npz archive" in fails(capsys, program, f"--input=x={archive}", "--input=scope/n=1")
    assert "dtype float64, expected float32" in fails(
        capsys, program, f"--input=x={double}", "--input=scope/n=1"
    )


def test_a_wrong_program_has_a_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "program.mlir"
    path.write_text("func.func @main() {\n  nosuch.op\n}\n")
    assert fails(capsys, str(path)).startswith(f"{path}:2:3: error: unknown operation 'nosuch.op'")
    assert "cannot read" in fails(capsys, str(tmp_path / "missing.mlir"))


def test_passes_of_the_target_are_observed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, folder = tmp_path / "program.mlir", tmp_path / "ir"
    program.write_text(EDITED.replace(", gpu = {threads = 7}", ""))
    arguments = [str(program), "--input", "x=[0,0]", "-p", "cse", "--print-ir-dir", str(folder), "--timing"]
    assert run.main([*arguments, "--target", "cpu"]) == 0
    names = [path.stem.partition("-")[2] for path in sorted(folder.iterdir())]
    assert names[:2] == ["input", "cse"]
    assert names[-2:] == ["lower-to-loops", "verify-level"]
    assert "func.call @main_kernel_0" in sorted(folder.iterdir())[-1].read_text()
    table = capsys.readouterr().err
    assert "cse" in table
    assert "lower-to-loops" in table
    assert run.main([*arguments[:5], "--timing"]) == 0
    assert "lower-to-loops" not in capsys.readouterr().err
    assert "cannot make the folder" in fails(capsys, *arguments[:5], "--print-ir-dir", str(program / "under"))


@pytest.mark.parametrize("tool", [opt, run])
def test_versions(tool: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Both tools tell the version that Python does, on standard output."""
    assert tool.main(["--version"]) == 0
    assert capsys.readouterr().out == f"pullback {pb.__version__}, xdsl {version('xdsl')}\n"
