"""The machine code of scatter kernels: no call, nothing spilled, a few hundred instructions for any number of rows."""

from __future__ import annotations

import os

import pytest

from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.cuda_runtime.compile_kernels import compile_to_cubin
from pullback.driver.run_pipeline import lowered
from pullback.tests.compiled_kernels import has_nvrtc
from pullback.tests.gpu.test_scatter import Case
from pullback.tests.static_bars.disassembly import disassemble, disassembler

MISSING = not (has_nvrtc() and disassembler()) and not os.environ.get("CI")
pytestmark = pytest.mark.skipif(MISSING, reason="no nvidia-cuda-nvrtc, or no nvdisasm")


@pytest.mark.parametrize(("op", "kernels", "most"), [("add", 13, 350), ("replace", 9, 250)])
def test_gradient_of_an_embedding(op: str, kernels: int, most: int) -> None:
    module = lowered(Case(10**6, 50_000, (16,), op=op).module, "kernels,gpu")
    found = disassemble(compile_to_cubin(cuda_source(module), "sm_90"))
    assert len(found) == kernels
    for name, code in found.items():
        assert code.calls == 0, name
        assert code.count("LDL|STL") == 0, name
        assert code.size <= most, name
    if op == "replace":
        assert found["main_kernel_0_1_rows"].size <= 60
