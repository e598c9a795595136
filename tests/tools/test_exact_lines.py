"""`pullback-run` points at the operation's own line, whatever level the text is of and however it is lowered first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pullback.tools.opt import main as opt
from pullback.tools.run import main as run

INVERSE = """\
func.func @main(%x: tensor<{0}x{0}xf32>) -> tensor<{0}x{0}xf32> {{
  %y = graph.tanh %x : tensor<{0}x{0}xf32>

  %bad = graph.matrix_inverse %y : tensor<{0}x{0}xf32>
  %z = graph.exp %bad : tensor<{0}x{0}xf32>
  func.return %z : tensor<{0}x{0}xf32>
}}
"""
CALLED = """\
func.func private @inner(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %y = graph.tanh %x : tensor<?x?xf32>
  %bad = graph.cholesky %y : tensor<?x?xf32>
  func.return %bad : tensor<?x?xf32>
}
func.func @main(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %y = graph.negative %x : tensor<?x?xf32>
  %r = func.call @inner(%y) : (tensor<?x?xf32>) -> tensor<?x?xf32> loc("call")
  func.return %r : tensor<?x?xf32>
}
"""
REQUEST = """\
func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %y = graph.tanh %x : tensor<2x2xf32>
  %bad = graph.matrix_inverse %y : tensor<2x2xf32> loc("inverse"("model.py":17:5))
  %s = graph.sum %bad {axes = array<i64: 0, 1>} : (tensor<2x2xf32>) -> tensor<f32>
  %dx = graph.gradients of (%s) wrt (%x) : (tensor<f32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  func.return %dx : tensor<2x2xf32>
}
"""
SHAPES = """\
func.func @main(%x: tensor<?x?xf32>) -> tensor<2x?xf32> {
  %y = graph.tanh %x : tensor<?x?xf32>
  %c = graph.fill {value = 1.0 : f32} : tensor<2x5xf32>
  %bad = graph.add %c, %y : (tensor<2x5xf32>, tensor<?x?xf32>) -> tensor<2x5xf32>
  %z = graph.exp %bad : tensor<2x5xf32>
  %w = graph.identity %z : (tensor<2x5xf32>) -> tensor<2x?xf32>
  func.return %w : tensor<2x?xf32>
}
"""
EXTENTS = """\
func.func @main(%x: tensor<?x?xf32>) -> tensor<?xf32> {
  %y = graph.tanh %x : tensor<?x?xf32>
  %s = graph.sum %y {axes = array<i64: 0, 1>} : (tensor<?x?xf32>) -> tensor<f32>
  %i = graph.cast %s : (tensor<f32>) -> tensor<i64>
  %one = graph.expand_dims %i {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
  %bad = graph.broadcast_to %s, %one : (tensor<f32>, tensor<1xi64>) -> tensor<?xf32>
  func.return %bad : tensor<?xf32>
}
"""
ZEROS = "x=[[0.0, 0.0], [0.0, 0.0]]"
PROGRAMS = {
    "static": INVERSE.format(2),
    "unknown": INVERSE.format("?"),
    "called": CALLED,
    "request": REQUEST,
    "shapes": SHAPES,
}
RUN = [
    *((name, "", "numpy") for name in PROGRAMS),
    *((name, "", target) for name in ("static", "unknown", "called", "shapes") for target in ("cpu", "simt")),
    *((name, "gradients,finish", target) for name in PROGRAMS for target in ("numpy", "cpu", "simt")),
    *(
        (name, "gradients,finish,kernels", t)
        for name in ("static", "request")
        for t in ("numpy", "cpu", "simt")
    ),
    *(("static", "finish,form-kernels", target) for target in ("numpy", "cpu", "simt")),
]


def error_of(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(arguments) == 1
    return capsys.readouterr().err


def pointed_at(error: str, path: Path) -> str:
    """The line that an error points at, which it shows, too."""
    found = re.match(rf"{re.escape(str(path))}:(\d+):\d+: error: .*\n(.*)\n", error)
    assert found is not None, error
    line = path.read_text().splitlines()[int(found[1]) - 1]
    assert line == found[2]
    return line


@pytest.mark.parametrize(("name", "passes", "target"), RUN)
def test_what_goes_wrong_as_it_is_run(
    name: str, passes: str, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lowered by the tool itself, and as a text of its own that was lowered before."""
    path = tmp_path / "f.mlir"
    path.write_text(PROGRAMS[name])
    error = error_of([str(path), "-p", passes, "--target", target, "--input", ZEROS], capsys)
    assert pointed_at(error, path).lstrip().startswith("%bad = ")
    assert ("note: model.py:17: graph.matrix_inverse comes from here" in error) == (name == "request")
    if not passes:
        return
    text = tmp_path / "lowered.mlir"
    assert opt([str(path), "-p", passes, "-o", str(text)]) == 0
    error = error_of([str(text), "--target", target, "--input", ZEROS], capsys)
    wrong = {"called": "graph.cholesky", "shapes": "graph.add"}.get(name, "graph.matrix_inverse")
    assert f" = {wrong} " in pointed_at(error, text)


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_extents_known_at_run_time_alone(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "f.mlir"
    path.write_text(EXTENTS)
    error = error_of([str(path), "--target", target, "--input", ZEROS], capsys)
    assert pointed_at(error, path).startswith("  %bad = ")


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
@pytest.mark.parametrize("level", ["graph", "kernels"])
def test_text_that_does_not_verify(
    level: str, target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "f.mlir"
    good = tmp_path / "good.mlir"
    good.write_text(INVERSE.format(2).replace("matrix_inverse", "negative"))
    assert opt([str(good), "-p", "finish" if level == "graph" else "finish,kernels", "-o", str(path)]) == 0
    edited = re.sub(r"graph\.negative (%\w+) ", r"graph.softmax \1 {axis = 7 : i64} ", path.read_text())
    path.write_text(edited)
    error = error_of([str(path), "--target", target, "--input", ZEROS], capsys)
    assert "graph.softmax" in pointed_at(error, path)


@pytest.mark.parametrize("target", ["cpu", "simt"])  # NumPy runs kernels whatever their schedules
def test_an_edited_schedule(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, path = tmp_path / "good.mlir", tmp_path / "f.mlir"
    good.write_text(INVERSE.format(2).replace("matrix_inverse", "negative"))
    assert opt([str(good), "-p", "finish,kernels", "-o", str(path)]) == 0
    path.write_text(re.sub(r"parallel = \[[^]]*\]", "parallel = [1000]", path.read_text()))
    error = error_of([str(path), "--target", target, "--input", ZEROS], capsys)
    assert "graph.kernel" in pointed_at(error, path)


def test_debuginfo_has_the_lines_of_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f.mlir"
    path.write_text(REQUEST)
    assert opt([str(path)]) == 0
    assert str(path) not in capsys.readouterr().out
    assert opt([str(path), "-p", "gradients,finish,kernels", "--print-debuginfo"]) == 0
    text = capsys.readouterr().out
    assert re.search(rf'graph\.tanh .* loc\("{re.escape(str(path))}":2:3\)', text)
    assert 'loc("inverse"("model.py":17:5))' in text
    assert re.search(r'fused\["gradients/inverse_grad/"\("model\.py":17:5\), "gradient of inverse"\]', text)
