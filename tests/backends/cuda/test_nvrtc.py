"""Every kernel that we print, compiled by NVRTC for a real architecture: no GPU needed, only the wheel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.cuda_runtime.compile_kernels import CudaCompileError, compile_kernels, compile_to_cubin
from pullback.tests.compiled_kernels import Kernels, needs_nvrtc
from pullback.tests.gpu import programs
from pullback.tests.gpu.programs import Program


@needs_nvrtc
@pytest.mark.parametrize(
    "build", [programs.tanh_chain, programs.transpose, programs.gather, programs.softmax, programs.moments]
)
def test_emitted_kernels(build: Callable[[], Program]) -> None:
    assert compile_to_cubin(cuda_source(build().module)).startswith(b"\x7fELF")


@needs_nvrtc
def test_errors_carry_the_log() -> None:
    with pytest.raises(CudaCompileError, match='identifier "nonsense" is undefined'):
        compile_to_cubin('extern "C" __global__ void k(float* y) { y[0] = nonsense; }')
    with pytest.raises(CudaCompileError, match="gpu-architecture"):
        compile_to_cubin("", "sm_1")


@needs_nvrtc
def test_the_kernels_of_tests_are_compiled_as_one_program() -> None:
    kernels = Kernels()
    for build in (programs.softmax, programs.softmax, programs.gather, programs.moments):
        kernels.record(build().module)
    assert len(kernels.origins) == 3
    kernels.check("sm_90")
    (wrong,) = (text for text in kernels.origins if "expf" in text)
    kernels.origins[wrong.replace("expf", "expg")] = "softmax_kernel of a test"
    with pytest.raises(CudaCompileError, match=r'softmax_kernel of a test\(\d+\): error: identifier "expg"'):
        kernels.check("sm_90")


@needs_nvrtc
def test_a_kernel_whose_values_do_not_fit_registers() -> None:
    loads = "".join(f"const float v{i} = x[threadIdx.x + {i}]; " for i in range(100))
    stores = "".join(f"y[threadIdx.x + {i}] = v{i} * v{(i + 37) % 100}; " for i in range(100))
    arguments = "const volatile float* x, volatile float* y"
    text = f'extern "C" __global__ void __launch_bounds__(1024) recorded_kernel_({arguments}) {{ {loads}'
    kernels = Kernels({f"{text} __syncthreads(); {stores} }}\n": "large_kernel of a test"})
    with pytest.raises(AssertionError, match="large_kernel of a test spills registers on sm_80"):
        kernels.check("sm_80")


@needs_nvrtc
def test_functions_that_kernels_call_are_no_kernels() -> None:
    text = 'extern "C" __global__ void f(double* x) { x[threadIdx.x] = sin(x[threadIdx.x]); }'
    compiled = compile_kernels(text, "sm_90", verbose=True)
    assert "Function properties for __internal" in compiled.log
    assert compiled.resources.keys() == {"f"}
