"""Finds the C++ compiler of the machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from pullback.dialects.ir.diagnostics import DiagnosticError

NAMES = ("c++", "g++", "clang++")
"""What is looked for on the PATH, in this order."""


class NoCompilerError(DiagnosticError, RuntimeError):
    """There is no C++ compiler."""


@dataclass(frozen=True)
class CxxCompiler:
    """A C++ compiler that is called by `command`; `version` is what it says of itself."""

    command: tuple[str, ...]
    version: str

    @property
    def is_gcc(self) -> bool:
        """Whether it is GCC, whatever its name; others take the options of Clang."""
        return "Free Software Foundation" in self.version


def find_compiler() -> CxxCompiler:
    """The compiler that `CXX` names, or else the first on the PATH, or else the wheel ziglang where it is installed.

    Raises NoCompilerError where there is none, or the one that `CXX` names does not run.
    """
    if named := shlex.split(os.environ.get("CXX", "")):
        return _asked(tuple(named))
    for name in NAMES:
        if path := shutil.which(name):
            return _asked((path,))
    if find_spec("ziglang") is not None:
        return _asked((sys.executable, "-m", "ziglang", "c++"))
    raise NoCompilerError(
        f"target 'fibers' compiles CUDA C++ text for the CPU, and there is no C++ compiler: none of {', '.join(NAMES)} "
        "is on the PATH. Install one (on Debian: apt install g++), or name one by the environment variable CXX, or "
        "run: pip install ziglang"
    )


@cache
def _asked(command: tuple[str, ...]) -> CxxCompiler:
    """A compiler, after it has told its version."""
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        raise NoCompilerError(f"the C++ compiler {shlex.join(command)} does not run: {said}") from error
    return CxxCompiler(command, done.stdout)
