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
FROM_KERNELS = "plan-memory," + TO_LOOPS
FROM_GRAPH = "gradients,finish,form-kernels{vector-bits=%d}," + FROM_KERNELS
TO_GPU = (
    "finish,form-kernels{device=cuda vector-bits=%d dtypes=f32,i32},plan-memory,"
    "lower-to-gpu{vector-bits=%d},verify-level{level=gpu}"
)


def programs(folder: str) -> list[Path]:
    """The tests of a folder, without those of error messages."""
    paths = sorted((LIT / folder).glob("*.mlir"))
    return [path for path in paths if not ERRORS.search(path.read_text())]


def lowered(text: str, bits: int) -> str:
    """The passes that lead a program from where it is to level `loops`, or `gpu` if it names devices."""
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    if not any("graph.kernel" in line for line in lines):
        return (TO_GPU if "graph.devices" in text else FROM_GRAPH) % (bits, bits)
    return (TO_LOOPS if any("memory = [" in line for line in lines) else FROM_KERNELS) % bits


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
    text = path.read_text()
    check(text, lowered(text, bits))


@needs_mlir_opt
@pytest.mark.parametrize("bits", [256, 512])
@pytest.mark.parametrize("path", programs("kernels"), ids=lambda path: path.stem)
def test_loops_of_graphs(path: Path, bits: int) -> None:
    text = path.read_text()
    check(text, lowered(text, bits))


@needs_mlir_opt
@pytest.mark.parametrize("path", programs("gpu"), ids=lambda path: path.stem)
def test_gpu_kernels(path: Path) -> None:
    text = path.read_text()
    if "form-kernels{" in text:
        check(text, TO_GPU % (256, 256))
    else:
        check(text, "kernels,gpu" if "-p kernels,gpu" in text else "verify-level{level=gpu}")
