"""Cubins that were compiled before, also by other processes: one file for each text, architecture, NVRTC and options.

A file begins with the digest of what follows. One that is damaged is compiled again.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from pullback.backends.cuda_runtime.api import compiler_version, cuda_core
from pullback.backends.cuda_runtime.compile_kernels import OPTIONS, compile_to_cubin
from pullback.backends.object_cache.kept_files import RESULT, is_kept, keep
from pullback.backends.object_cache.private_folder import private_folder

MAGIC = b"pullback cubin 1\n"
_DIGEST_BYTES = 32


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
    if is_kept(path):
        cubin = _unsealed(path.read_bytes())
        if cubin is not None:
            return cubin
    cubin = compile_to_cubin(text, architecture)

    def write(work: Path) -> None:
        (work / RESULT).write_bytes(_sealed(cubin))

    with suppress(OSError):  # a full disk, or a folder to read only: the next process compiles it again
        keep(path, write)
    return cubin


def _key(text: str, architecture: str) -> str:
    parts = [compiler_version(), architecture, *(f"{name}={value}" for name, value in OPTIONS.items()), text]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def _sealed(cubin: bytes) -> bytes:
    return MAGIC + hashlib.sha256(cubin).digest() + cubin


def _unsealed(entry: bytes) -> bytes | None:
    """The cubin of an entry, unless it is damaged."""
    digest, cubin = entry[len(MAGIC) :][:_DIGEST_BYTES], entry[len(MAGIC) + _DIGEST_BYTES :]
    is_whole = entry.startswith(MAGIC) and hashlib.sha256(cubin).digest() == digest
    return cubin if is_whole else None
