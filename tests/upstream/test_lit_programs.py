"""Upstream MLIR accepts all modules of levels `loops` and `gpu` of the lit tests, in custom and in generic form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.tests.mlir_tools import accepts, needs_mlir_opt

ERRORS = re.compile("--verify-diagnostics|RUN: not ")
"""What tests of error messages hold."""
LIT = Path(__file__).parents[1] / "filecheck"
TO_LOOPS = "lower-to-loops{vector-bits=%d},verify-level{level=loops}"
FROM_GRAPH = "gradients,finish,form-kernels{vector-bits=%d},plan-memory," + TO_LOOPS


def programs(folder: str) -> list[Path]:
    """The tests of a folder, without those of error messages."""
    paths = sorted((LIT / folder).glob("*.mlir"))
    return [path for path in paths if not ERRORS.search(path.read_text())]


def is_scheduled(text: str) -> bool:
    """Whether a program has kernels already, outside of comments."""
    return any("graph.kernel" in line for line in text.splitlines() if not line.startswith("//"))


def check(text: str, pipeline: str) -> None:
    """`mlir-opt` reads what is left of each piece of a file after a pipeline."""
    for piece in text.split("// -----"):
        module = parse(context(), piece).module
        run_passes(context(), module, parse_passes(pipeline))
        for generic in (False, True):
            accepts(print_module(module, generic=generic))


@needs_mlir_opt
@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("path", programs("loops"), ids=lambda path: path.stem)
def test_loops_of_kernels(path: Path, bits: int) -> None:
    check(path.read_text(), TO_LOOPS % bits)


@needs_mlir_opt
@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("path", programs("kernels"), ids=lambda path: path.stem)
def test_loops_of_graphs(path: Path, bits: int) -> None:
    text = path.read_text()
    check(text, TO_LOOPS % bits if is_scheduled(text) else FROM_GRAPH % (bits, bits))


@needs_mlir_opt
@pytest.mark.parametrize("path", programs("gpu"), ids=lambda path: path.stem)
def test_gpu_kernels(path: Path) -> None:
    text = path.read_text()
    check(text, "kernels,gpu" if "-p kernels,gpu" in text else "verify-level{level=gpu}")
