"""Compiles CUDA C++ text to a cubin by NVRTC, with neither a GPU nor a driver."""

from __future__ import annotations

from typing import Any

from pullback.backends.cuda_runtime.api import cuda_core
from pullback.backends.cuda_runtime.cuda_error import CudaError


def object_code(text: str, architecture: str) -> Any:
    """The object code of a text for a real architecture, such as `sm_90`."""
    module = cuda_core()
    options = module.ProgramOptions(std="c++17", arch=architecture, name="kernels.cu")
    try:
        return module.Program(text, "c++", options).compile("cubin")
    except Exception as error:
        raise CudaError(f"NVRTC refuses the text of the kernels: {error}") from error
