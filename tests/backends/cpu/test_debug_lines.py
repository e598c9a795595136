"""Debug lines: with `debug=` the code is a library whose line table names the operations of the program."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cpu import debug_library
from pullback.backends.cpu.emit_objects import emit_object
from pullback.backends.cpu.llvm.debug_lines import DebugLines
from pullback.backends.cpu.llvm.printer import print_module
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import lowered

needs_tools = pytest.mark.skipif(
    not shutil.which("objdump") or not any(map(shutil.which, debug_library.LINKERS)),
    reason="no linker, or no objdump to read line tables",
)
X = np.random.default_rng(0).standard_normal((40, 48)).astype(np.float32)


def compiled(debug: bool | str | Path = False, **options: object) -> pb.Step:
    """A step with two kernels, a host operation, and a gradient."""
    with pb.Graph():
        x = pb.placeholder("f32", X.shape, name="x")
        y = pb.softmax(x, name="soft")
        (dx,) = pb.gradients(y * y, [x])
        square = x @ pb.transpose(x) + 48.0 * pb.eye(40, dtype="f32")
        return pb.compile([x], [y, dx, pb.cholesky(square, name="root")], debug=debug, **options)  # type: ignore[arg-type]


def line_table(library: Path) -> dict[str, set[int]]:
    """The lines of each file that the line table of a library names; 0 stands for none."""
    done = subprocess.run(
        ["objdump", "--dwarf=decodedline", str(library)], capture_output=True, text=True, check=True
    )
    found: dict[str, set[int]] = {}
    for name, line in re.findall(r"^(\S+)\s+(\d+)\s+0x", done.stdout, re.MULTILINE):
        found.setdefault(name, set()).add(int(line))
    return found


@needs_tools
def test_lines_are_those_of_the_operations(tmp_path: Path) -> None:
    step = compiled(tmp_path)
    results = step(X)
    for got, expected in zip(results, compiled()(X), strict=True):
        np.testing.assert_array_equal(got, expected)
    (library,) = tmp_path.glob("*.so")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".ll", ".mlir", ".so"]
    assert step.debug_folder == tmp_path
    program = library.with_suffix(".mlir")
    table = line_table(library)
    assert set(table) == {program.name}
    lines = program.read_text().splitlines()
    shown = {lines[number - 1].strip() for number in table[program.name] - {0}}
    for operation in ("graph.exp", "graph.divide", "graph.matmul", "graph.cholesky"):
        assert any(operation in line for line in shown), operation
    assert any('"gradient of soft"' in line for line in shown)
    assert not any(line.startswith(("func.return", "graph.yield", "}")) for line in shown)


@needs_tools
def test_each_compilation_has_a_library_of_its_own(tmp_path: Path) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None,), name="x")
        step = pb.compile([x], [pb.tanh(x)], debug=str(tmp_path / "made" / "here"))
    for count in (3, 4):
        np.testing.assert_allclose(step(np.ones(count, np.float32))[0], np.full(count, np.tanh(1)), rtol=1e-5)
    assert step.debug_folder == tmp_path / "made" / "here"
    assert len(list((tmp_path / "made" / "here").glob("*.so"))) == 2


@needs_tools
def test_loops_of_all_threads_are_linked(tmp_path: Path) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (300_000,), name="x")
        step = pb.compile([x], [pb.tanh(x)], debug=tmp_path)
    values = np.linspace(-1, 1, 300_000, dtype=np.float32)
    np.testing.assert_allclose(step(values)[0], np.tanh(values), rtol=1e-6)
    assert "call void @pb.parallel(" in next(tmp_path.glob("*.ll")).read_text()


@needs_tools
def test_true_is_a_new_folder_and_copies_have_lines_too() -> None:
    first = compiled(True)
    second = pickle.loads(pickle.dumps(first))
    folders = {first.debug_folder, second.debug_folder}
    assert None not in folders and len(folders) == 2
    for step in (first, second):
        step(X)
        assert step.debug_folder is not None
        assert list(step.debug_folder.glob("*.so"))
        shutil.rmtree(step.debug_folder)
    assert compiled().debug_folder is None


@needs_tools
def test_an_exception_of_the_host_comes_through(tmp_path: Path) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3, 3), name="x")
        step = pb.compile([x], [pb.cholesky(x)], debug=tmp_path)
    np.testing.assert_allclose(step(np.eye(3, dtype=np.float32))[0], np.eye(3))
    with pytest.raises(ValueError, match="positive"):
        step(-np.eye(3, dtype=np.float32))


@needs_tools
@pytest.mark.parametrize("pipeline", ["form-kernels{max-ops=1},plan-memory", "kernels,loops"])
def test_pipelines_of_users(pipeline: str, tmp_path: Path) -> None:
    step = compiled(tmp_path, pipeline=pipeline)
    np.testing.assert_allclose(step(X)[0], compiled()(X)[0], rtol=1e-6)
    (library,) = tmp_path.glob("*.so")
    (lines,) = line_table(library).values()
    assert len(lines) > 5


@pytest.mark.parametrize("target", ["numpy", "simt"])
def test_other_targets_have_no_code(target: str) -> None:
    with pytest.raises(
        ValueError, match=f"debug: target '{target}' makes no code that has lines; these do: cpu"
    ):
        compiled(True, target=target)


def test_without_a_linker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debug_library, "LINKERS", ("no-such-linker",))
    with pytest.raises(OSError, match="debug lines need a linker: install one of no-such-linker"):
        compiled(tmp_path)(X)


PROGRAM = """
func.func @main(%x: tensor<64xf32>) -> tensor<64xf32> {
  %t = graph.tanh %x : tensor<64xf32> loc("t"("a\\22.mlir":7:3))
  %e = graph.multiply %t, %x : tensor<64xf32> loc("m"("main.py":9:1))
  func.return %e : tensor<64xf32>
}
"""


def test_positions_of_several_files() -> None:
    """Those that a text spells out, as well as those of `snapshot-op-locations`."""
    module = lowered(parse(context(), PROGRAM).module, "finish,kernels,loops")
    text = print_module(module, notes=DebugLines()).text
    assert '!DIFile(filename: "a\\22.mlir", directory: ".")' in text
    assert "!DILexicalBlockFile" in text
    assert re.search(r"!DILocation\(line: 7, column: 3", text) and re.search(
        r"!DILocation\(line: 9, column: 1", text
    )
    assert b".debug_line" in emit_object(text)


def test_without_debug_there_is_none() -> None:
    module = lowered(parse(context(), PROGRAM).module, "finish,kernels,loops")
    text = print_module(module).text
    assert "!dbg" not in text
    assert b".debug_line" not in emit_object(text)
    without = lowered(parse(context(), re.sub(r" loc\(.*", "", PROGRAM)).module, "finish,kernels,loops")
    assert print_module(without, notes=DebugLines()).text == print_module(without).text
