"""The machine code of matrix products: results in registers, four neighbours of a tile at a time."""

from __future__ import annotations

import os

import pytest

from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.cuda_runtime.compile_kernels import compile_kernels, compile_to_cubin
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_pipeline import lowered
from pullback.tests.compiled_kernels import has_nvrtc
from pullback.tests.static_bars.disassembly import MachineCode, disassemble, disassembler

MISSING = not (has_nvrtc() and disassembler()) and not os.environ.get("CI")
pytestmark = pytest.mark.skipif(MISSING, reason="no nvidia-cuda-nvrtc, or no nvdisasm")


def source_of(m: int, k: int, n: int, dtype: str) -> str:
    """A product with a bias."""
    x, w, b, y = (f"tensor<{shape}x{dtype}>" for shape in (f"{m}x{k}", f"{k}x{n}", f"{n}", f"{m}x{n}"))
    module = parse(
        context(),
        f"""func.func @main(%x: {x}, %w: {w}, %b: {b}) -> {y} {{
          %p = graph.matmul %x, %w : ({x}, {w}) -> {y}
          %y = graph.add %p, %b : ({y}, {b}) -> {y}
          func.return %y : {y}
        }}""",
    ).module
    return cuda_source(lowered(module, "kernels,gpu"))


def code_of(m: int, k: int, n: int, dtype: str, architecture: str) -> MachineCode:
    """The kernel of a product with a bias."""
    return disassemble(compile_to_cubin(source_of(m, k, n, dtype), architecture))["main_kernel_0"]


def registers_of(m: int, k: int, n: int) -> int:
    made = compile_kernels(source_of(m, k, n, "f32"), "sm_90", verbose=True)
    return made.resources["main_kernel_0"].registers


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("size", [(1024, 512, 1024), (1000, 3000, 1003)], ids=str)
def test_results_stay_in_registers(size: tuple[int, int, int], architecture: str) -> None:
    code = code_of(*size, "f32", architecture)
    assert (
        code.calls == 0 or architecture == "sm_80"
    )  # where loops with barriers are left by what looks like one
    assert code.count("LDL|STL") == 0, "local arrays are in memory"
    assert code.count("BAR") == 2
    assert code.count(r"LDS\.128") * 8 == code.count("FFMA"), "an element of a tile is read by itself"
    assert code.count("LDS") == code.count(r"LDS\.128")


def test_large_products() -> None:
    """Sixteen products for each access of shared memory, and two blocks on each processor; both factors by vectors."""
    code, registers = code_of(4096, 512, 4096, "f32", "sm_90"), registers_of(4096, 512, 4096)
    assert registers <= 128
    assert code.count("CALL|LDL|STL") == 0
    assert code.count(r"LDS\.128") * 16 == code.count("FFMA") == 512
    assert code.count(r"LDG\.E\.128") == 4


def test_double_precision() -> None:
    code = code_of(1000, 512, 1003, "f64", "sm_90")
    assert code.count("CALL|LDL|STL") == 0
    assert code.count(r"LDS\.128") * 4 == code.count("DFMA")
