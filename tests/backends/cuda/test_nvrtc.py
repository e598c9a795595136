"""Every kernel that we print, compiled by NVRTC for a real architecture: no GPU needed, only the wheel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pullback.backends.cuda import nvrtc
from pullback.backends.cuda.program_source import cuda_source
from pullback.tests.gpu import programs
from pullback.tests.gpu.programs import Program

pytestmark = pytest.mark.skipif(not nvrtc.available(), reason="no nvidia-cuda-nvrtc")


@pytest.mark.parametrize(
    "build", [programs.tanh_chain, programs.transpose, programs.gather, programs.softmax, programs.moments]
)
def test_emitted_kernels(build: Callable[[], Program]) -> None:
    assert nvrtc.compile_to_cubin(cuda_source(build().module)).startswith(b"\x7fELF")


def test_errors_carry_the_log() -> None:
    with pytest.raises(nvrtc.CompileError, match='identifier "nonsense" is undefined'):
        nvrtc.compile_to_cubin('extern "C" __global__ void k(float* y) { y[0] = nonsense; }')
    with pytest.raises(nvrtc.CompileError, match="gpu-architecture"):
        nvrtc.compile_to_cubin("", "sm_1")
