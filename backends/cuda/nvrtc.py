"""Compiles CUDA C++ to a cubin by NVRTC (ctypes), with neither a GPU nor a driver nor the CUDA toolkit.

The library comes with the wheel `nvidia-cuda-nvrtc` (extra `[cuda]`).
"""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pullback.dialects.ir.diagnostics import DiagnosticError

DEFAULT_ARCHITECTURE = "sm_90"


class CudaCompileError(DiagnosticError, RuntimeError):
    """NVRTC refused the program; the text is its log."""


def available() -> bool:
    """Tells whether the wheel with the library is installed."""
    return bool(_libraries())


@dataclass(frozen=True)
class Resources:
    """What the assembler says that a kernel takes, for each thread."""

    registers: int
    stack_bytes: int
    spill_bytes: int
    """Stored to memory for lack of registers, and loaded from it."""


@dataclass(frozen=True)
class Compiled:
    """A program in the code of one architecture."""

    cubin: bytes
    log: str

    @property
    def resources(self) -> dict[str, Resources]:
        """Reads the resources of each kernel from the log."""
        return {found["name"]: _resources(found) for found in _RESOURCES.finditer(self.log)}


_OTHER_LINES = r"(?:(?!Function properties).)*?"
_RESOURCES = re.compile(
    rf"Function properties for (?P<name>\w+)\s{_OTHER_LINES}(?P<stack>\d+) bytes stack frame, "
    rf"(?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads"
    rf"{_OTHER_LINES}Used (?P<registers>\d+) registers",
    re.DOTALL,
)
"""Functions of CUDA's library that a kernel calls have properties, too, but no registers of their own."""


def _resources(found: re.Match[str]) -> Resources:
    return Resources(int(found["registers"]), int(found["stack"]), int(found["stores"]) + int(found["loads"]))


def compile_to_cubin(source: str, architecture: str = DEFAULT_ARCHITECTURE) -> bytes:
    """Compile a program for one real architecture, such as `sm_90`; errors as those of `compile_program`."""
    return compile_program(source, architecture).cubin


def compile_program(
    source: str, architecture: str = DEFAULT_ARCHITECTURE, *, verbose: bool = False
) -> Compiled:
    """Compile a program for one real architecture; `verbose` makes the assembler log what each kernel takes.

    Raises CudaCompileError with NVRTC's log, ImportError where the library is not installed.
    """
    nvrtc = _library()
    program = ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None))
    try:
        options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
        options += [b"--ptxas-options=-v"] if verbose else []
        result = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = _read(nvrtc, program, "ProgramLog").rstrip(b"\0\n").decode()
        if result:
            raise CudaCompileError(log)
        return Compiled(_read(nvrtc, program, "CUBIN"), log)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _read(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(nvrtc[f"nvrtcGet{what}Size"](program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(nvrtc[f"nvrtcGet{what}"](program, buffer))
    return buffer.raw


def _check(result: int) -> None:
    if result:
        nvrtc = _library()
        nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise CudaCompileError(nvrtc.nvrtcGetErrorString(result).decode())


def _libraries() -> list[Path]:
    """The library's files: what it loads first, then itself."""
    package = find_spec("nvidia")
    roots = package.submodule_search_locations if package is not None else None
    for root in roots or ():
        for main in Path(root).glob("**/libnvrtc.so.*"):
            if "alt" not in main.name:
                return [*main.parent.glob("libnvrtc-builtins.so.*"), main]
    return []


@cache
def _library() -> ctypes.CDLL:
    libraries = _libraries()
    if not libraries:
        raise ImportError("NVRTC is not installed: pip install 'pullback[cuda]'")
    return [ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL) for path in libraries][-1]
