"""Compiles CUDA C++ text to a shared library for the CPU, or finds the one that was compiled before."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pullback.backends.fibers.compiler import CxxCompiler, find_compiler
from pullback.backends.object_cache.kept_files import RESULT, kept
from pullback.backends.object_cache.private_folder import private_folder
from pullback.dialects.ir.diagnostics import DiagnosticError

DEVICE = Path(__file__).parent / "device"
"""What the words of CUDA mean, and the scheduler."""
TEXT = "kernels.cu"
"""What messages of the compiler call the text."""
LARGEST_FRAME = 1 << 14
"""Bytes of a stack that one function may take: a fiber's is small, and no memory beyond it is guarded."""
OPTIONS = (
    *("-std=c++17", "-O1", "-fPIC", f"-Wframe-larger-than={LARGEST_FRAME}"),
    # As on the device: signed integers wrap, products are not fused into sums, casts of pointers are read as written.
    *("-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-math-errno"),
    # glibc's checks of frames refuse a longjmp to another stack.
    *("-U_FORTIFY_SOURCE", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden"),
    *("-fno-builtin-isnan", "-fno-builtin-isinf", "-fno-builtin-isfinite"),
)
PLAIN = ("-fno-sanitize=all", "-fsanitize=alignment")
"""A misaligned access ends a process on some machines, so it is always an error: that costs next to nothing."""
SANITIZED = ("-fsanitize=undefined,bounds,alignment", "-fno-sanitize=vptr")
STRICT_BOUNDS = "-fsanitize=bounds-strict"
"""What GCC alone has: without it, an array at the end of a struct has no bounds."""


class CompileError(DiagnosticError, RuntimeError):
    """The compiler refused the text, and the message is its log; or it has made nothing."""


def compile_text(text: str, kernels: Sequence[str], *, sanitize: bool = False) -> Path:
    """The shared library of a text that defines these kernels, with `pullback_launch` and `pullback_run_NAME` of each.

    A library is compiled once for each text, device, compiler and set of options.

    Raises CompileError for text that the compiler refuses, NoCompilerError where there is none.
    """
    compiler, folder = find_compiler(), private_folder()
    entries = "".join(f"PULLBACK_ENTRY({name})\n" for name in kernels)
    program = f'#include "device.h"\n#include "{TEXT}"\n{entries}'
    plain, options = _options(compiler, False), _options(compiler, sanitize)

    def compile_library(work: Path) -> None:
        device = [_device_object(compiler, folder, plain, path) for path in sorted(DEVICE.glob("*.cpp"))]
        (work / TEXT).write_text(text, newline="")
        (work / "program.cpp").write_text(program)
        _run(compiler, work, *options, f"-I{DEVICE}", "-c", "program.cpp", "-o", "program.o")
        # Without the sanitizers' library: the device has what it would have.
        _run(compiler, work, "-shared", "program.o", *map(str, device), "-lm", "-o", RESULT)

    return kept(folder / f"{_digest(compiler, options, text, program)}.so", compile_library)


def _device_object(compiler: CxxCompiler, folder: Path, options: Sequence[str], source: Path) -> Path:
    """The object of a part of the device, which all libraries are linked with."""
    return kept(
        folder / f"{_digest(compiler, options, source.name)}.o",
        lambda work: _run(compiler, work, *options, "-O2", "-c", str(source)),
    )


def _run(compiler: CxxCompiler, work: Path, *arguments: str) -> None:
    arguments = arguments if "-o" in arguments else (*arguments, "-o", RESULT)
    done = subprocess.run(
        [*compiler.command, *arguments], cwd=work, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CompileError(f"the C++ compiler refuses the CUDA text:\n{done.stderr.strip()}")
    if not (work / arguments[arguments.index("-o") + 1]).is_file():
        # A wrapper that swallows a failure, or a program that is no compiler.
        raise CompileError(
            f"the C++ compiler {shlex.join(compiler.command)} reports success and has written no output; expected a "
            f"compiler that takes: {shlex.join(arguments)}"
        )


def _options(compiler: CxxCompiler, sanitize: bool) -> tuple[str, ...]:
    limit = f"-Werror=frame-larger-than={LARGEST_FRAME if compiler.is_gcc else ''}"
    sanitizers = SANITIZED if sanitize else PLAIN
    return (*OPTIONS, limit, *sanitizers, *([STRICT_BOUNDS] if sanitize and compiler.is_gcc else []))


def _digest(compiler: CxxCompiler, options: Sequence[str], *texts: str) -> str:
    parts = [*compiler.command, compiler.version, *options, _device_digest(), *texts]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


@cache
def _device_digest() -> str:
    sources = [path.read_bytes() for path in sorted(DEVICE.iterdir()) if path.is_file()]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()
