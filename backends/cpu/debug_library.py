"""Code with debug lines as a shared library, which debuggers and profilers read: they do not see what LLVM's JIT loads.

kernels.mlir      the program, whose lines the library's line table names
kernels.ll        the LLVM IR
kernels.so        the machine code, linked by the machine's C compiler
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.process.whole_files import write_bytes

LINKERS = ("cc", "gcc", "clang")


class LinkError(DiagnosticError, OSError):
    """There is no linker, or it has failed."""


class DebugLibrary:
    """A shared library that is loaded as long as the process runs.

    Args:
        path: where to write the library; what is there already is replaced, and stays loaded where it is.
        objects: the object files of the machine code.
    """

    def __init__(self, path: Path, objects: Sequence[bytes]) -> None:
        compiled = [path.with_suffix(f".{at}.o") for at in range(len(objects))]
        for name, contents in zip(compiled, objects, strict=True):
            write_bytes(name, contents)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            _run([_linker(), "-shared", "-o", str(beside), *map(str, compiled)])
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
            for name in compiled:
                name.unlink(missing_ok=True)
        self._library = ctypes.CDLL(str(path))

    def __getitem__(self, symbol: str) -> int:
        """The address of a symbol."""
        return ctypes.addressof(ctypes.c_char.in_dll(self._library, symbol))


def _linker() -> str:
    found = next(filter(None, map(shutil.which, LINKERS)), None)
    if found is None:
        raise LinkError(f"debug lines need a linker: install one of {', '.join(LINKERS)}")
    return found


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LinkError(f"{command[0]} cannot link code with debug lines: {done.stderr.strip()}")
