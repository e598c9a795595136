"""Compiles CUDA C++ text to a cubin by NVRTC, with neither a GPU nor a driver nor the CUDA toolkit.

The library comes with the wheel `nvidia-cuda-nvrtc` (extra `[cuda]`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from pullback.backends.cuda_runtime.api import INSTALL, CudaMissingError, cuda_core
from pullback.backends.cuda_runtime.cuda_error import CudaError, first_line
from pullback.backends.cuda_runtime.kernel_resources import Resources, logged_resources

DEFAULT_ARCHITECTURE = "sm_90"
OPTIONS = {"std": "c++17", "name": "kernels.cu"}
"""What NVRTC is asked for, whatever the architecture."""


class CudaCompileError(CudaError):
    """NVRTC refused the program; the text has its log."""


@dataclass(frozen=True)
class CompiledKernels:
    """A program in the code of one architecture."""

    cubin: bytes
    log: str

    @property
    def resources(self) -> dict[str, Resources]:
        """What each kernel takes, where the log says it."""
        return logged_resources(self.log)


def compile_to_cubin(text: str, architecture: str = DEFAULT_ARCHITECTURE) -> bytes:
    """Compiles a text for one real architecture, such as `sm_90`; errors as those of `compile_kernels`."""
    return compile_kernels(text, architecture).cubin


def compile_kernels(
    text: str, architecture: str = DEFAULT_ARCHITECTURE, *, verbose: bool = False
) -> CompiledKernels:
    """Compiles a text for one real architecture; `verbose` makes the assembler log what each kernel takes.

    Raises:
        CudaCompileError: NVRTC refuses the text.
        CudaMissingError: a wheel is not installed.
    """
    module, log = cuda_core(), io.StringIO()
    extra = {"ptxas_options": ["-v"]} if verbose else {}
    options = module.ProgramOptions(arch=architecture, **OPTIONS, **extra)
    try:
        code = module.Program(text, "c++", options).compile("cubin", logs=log)
    except Exception as error:
        if type(error).__name__ == "DynamicLibNotFoundError":
            raise CudaMissingError(
                f"kernels are compiled by NVRTC, whose library is not there ({first_line(error)}): {INSTALL}"
            ) from error
        raise CudaCompileError(
            f"NVRTC refuses the text of the kernels for {architecture}: {error}"
        ) from error
    return CompiledKernels(bytes(code.code), log.getvalue())
