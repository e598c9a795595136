"""Cubins that were compiled before, also by other processes: one file for each text, architecture, NVRTC and options.

One that is damaged is compiled again.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pullback.backends.cuda_runtime.api import compiler_version, cuda_core
from pullback.backends.cuda_runtime.compile_kernels import OPTIONS, compile_to_cubin
from pullback.backends.object_cache.kept_files import is_kept
from pullback.backends.object_cache.private_folder import private_folder
from pullback.backends.object_cache.sealed_files import keep_sealed, read_sealed

MAGIC = b"pullback cubin 2\n"


def object_code(text: str, architecture: str) -> Any:
    """The object code of a text for a real architecture, such as `sm_90`.

    Raises:
        CudaCompileError: NVRTC refuses the text.
        NotPrivateError: somebody else could put code into the folder of what is kept.
    """
    cubin = _cubin(text, architecture)
    return cuda_core().ObjectCode.from_cubin(cubin, name="kernels.cu")


def _cubin(text: str, architecture: str) -> bytes:
    path = private_folder() / f"{_key(text, architecture)}.cubin"
    if is_kept(path) and (kept := read_sealed(path, MAGIC)) is not None:
        return kept
    cubin = compile_to_cubin(text, architecture)
    keep_sealed(path, MAGIC, cubin)
    return cubin


def _key(text: str, architecture: str) -> str:
    parts = [compiler_version(), architecture, *(f"{name}={value}" for name, value in OPTIONS.items()), text]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
