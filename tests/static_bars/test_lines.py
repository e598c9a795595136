"""Bars of the machine code of kernels of rows and columns: what is kept stays in registers, and accesses are wide."""

from __future__ import annotations

import os

import pytest

from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.cuda_runtime.compile_kernels import compile_kernels
from pullback.tests.compiled_kernels import has_nvrtc
from pullback.tests.gpu.test_geometry import PROGRAMS, lowered
from pullback.tests.static_bars.disassembly import disassemble, disassembler

missing = (not has_nvrtc() or disassembler() is None) and not os.environ.get("CI")
pytestmark = pytest.mark.skipif(missing, reason="no nvidia-cuda-nvrtc and nvidia-cuda-nvdisasm")

REGISTERS = {
    "softmax 32768 x 4096": 40,
    "softmax 1000000 x 8": 32,
    "softmax 4000 x 8192": 48,
    "layer norm gradient 32768 x 4096": 64,
    "layer norm gradient 200000 x 32": 40,
    "layer norm 1000 x 2000 of f64": 40,
    "column sums 65536 x 4096": 48,
    "sum of 2^28": 40,
}
"""The most registers of any kernel of a program, as the schedules by default have it."""


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("name", REGISTERS)
def test_rows_stay_in_registers(name: str, architecture: str) -> None:
    module, _ = lowered(PROGRAMS[name])
    program = compile_kernels(cuda_source(module), architecture, verbose=True)
    for kernel, resources in program.resources.items():
        assert resources.spill_bytes == resources.stack_bytes == 0, kernel
        assert resources.registers <= REGISTERS[name], kernel
    code = disassemble(program.cubin)
    first = code.get("main_kernel_0_stage0", code["main_kernel_0"])
    assert first.count(r"LDG\.E\.128") == first.count("LDG") > 0
