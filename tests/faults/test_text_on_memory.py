"""Text of level `loops` on cpu: types of host operations wrote beyond memory, and long vectors ended the process."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cpu.runtime import compile_module
from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.tests.driver.host_cases import interpreted, native
from pullback.tools import opt, run

TYPES = "(memref<3x3xf32>, memref<3x3xf32>) -> () attr"


def text_of_loops() -> str:
    with pb.Graph():
        x = pb.placeholder("f32", (3, 3), name="x")
        step = pb.compile([x], pb.cholesky(x), target="cpu")
    return step.ir("loops", [(3, 3)])


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            {"tensor<3x3xf32>": "tensor<300x300xf32>"},
            "argument 0 is memref<3x3xf32>, where 'graph.cholesky' works on tensor<300x300xf32>: expected "
            "memref<300x300xf32>",
        ),
        ({"tensor<3x3xf32>": "tensor<3x3xf64>"}, "argument 0 is memref<3x3xf32>, where"),
        ({"tensor<3x3xf32>": "tensor<?x?xf32>"}, "in memory every extent is known"),
        ({TYPES: "(memref<3x3xf32>, memref<9xf32>) -> () attr"}, "argument 1 is memref<9xf32>, where"),
        (
            {TYPES: "(memref<3x3xf32, strided<[1, 3]>>, memref<3x3xf32>) -> () attr"},
            "argument 0 is memref<3x3xf32, strided<[1, 3]>>, where",
        ),
        (
            {TYPES: "(memref<3x3xf32>, memref<3x3xf32>) -> i32 attr"},
            "leaves its results in memory: expected none",
        ),
    ],
)
@pytest.mark.parametrize("how", [interpreted, native])
def test_types_of_host_operations(how: Callable[..., Any], edits: dict[str, str], message: str) -> None:
    text = text_of_loops()
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(DiagnosticError, match=re.escape(message)):
        how(text, [np.eye(3, dtype=np.float32)], [np.zeros((3, 3), np.float32)])


def test_the_tools_name_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "program.mlir"
    path.write_text(text_of_loops().replace("tensor<3x3xf32>", "tensor<300x300xf32>"))
    line = next(i for i, line in enumerate(path.read_text().splitlines(), 1) if "graph.cholesky" in line)
    given = "x=[[1, 0, 0], [0, 1, 0], [0, 0, 1]]"
    runs: list[tuple[Callable[[list[str]], int], list[str]]] = [
        (run.main, ["--input", given, "--target", "cpu"]),
        (run.main, ["--input", given, "--target", "numpy"]),
        (opt.main, ["-p", "verify-level{level=loops}"]),
        (opt.main, ["-t", "llvm-ir"]),
    ]
    for tool, arguments in runs:
        assert tool([str(path), *arguments]) == 1
        assert capsys.readouterr().err.startswith(f"{path}:{line}:3: error: argument 0 is memref<3x3xf32>")


@pytest.mark.parametrize("shape", ["65536", "0", "64x64", "1025"])
def test_vectors_are_bounded(shape: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"""func.func @main(%x: memref<65536xf32>) {{
  %i = arith.constant 0 : index
  %v = vector.load %x[%i] : memref<65536xf32>, vector<{shape}xf32>
  %w = math.exp %v : vector<{shape}xf32>
  vector.store %w, %x[%i] : memref<65536xf32>, vector<{shape}xf32>
  func.return
}}
"""
    path = tmp_path / "program.mlir"
    path.write_text(text)
    for target in ("numpy", "cpu"):
        assert run.main([str(path), "--target", target]) == 1
        assert f"{path}:3:3: error: 'vector.load': vector_c1: vector<{shape}xf32>" in capsys.readouterr().err
    with pytest.raises(DiagnosticError, match="expected 1 to 1024"):
        compile_module(parse(context(), text).module)
