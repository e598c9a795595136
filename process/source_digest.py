"""The digest of source files, by which compiled code that is kept tells who made it: names, sizes, times of change.

That is what Python itself goes by where it keeps compiled modules. To read the contents of all would take 40 ms, and
this takes 3.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import xdsl

from pullback.process.definition_places import OURS

_PACKAGE = Path(__file__).parents[1]
COMPILER = ("backends", "dialects", "driver", "passes", "process")
"""The folders of the package that make code of a finished graph."""
_BEGUN = time.time_ns()
"""When this process read its sources: it may have read a file that was edited since, or not yet."""


class UnknownSourceError(Exception):
    """What a definition does cannot be told from files; the message says which and why."""


@cache
def own_digest() -> str:
    """The digest of the sources of the compiler, and of xDSL.

    Raises:
        UnknownSourceError: they are in no folder, or were edited since the process began.
    """
    if not (_PACKAGE / "process").is_dir():
        raise UnknownSourceError(f"the sources of {OURS} are in no folder")
    return _digest([*(_PACKAGE / folder for folder in COMPILER), Path(xdsl.__file__).parent])


def is_of_compiler(module: str) -> bool:
    """Tells whether `own_digest` and the version of Python say all of a module."""
    package, _, rest = module.partition(".")
    if package == OURS:
        return rest.partition(".")[0] in COMPILER
    return package in ("xdsl", "builtins") or package in sys.stdlib_module_names


def digest_of_definitions(definitions: Iterable[Any]) -> str:
    """The digest of the packages that classes and functions are defined in, but for those of the compiler.

    Raises:
        UnknownSourceError: one of them is a closure, or its module has no file that says what it is.
    """
    modules = dict.fromkeys(name for defined in definitions for name in _modules_of(defined))
    return _digest(dict.fromkeys(_folder_or_file(name) for name in sorted(modules)))


def _modules_of(defined: Any) -> Iterator[str]:
    """The modules that say what a class or a function is."""
    module: str = defined.__module__
    if is_of_compiler(module):
        return
    found: Any = sys.modules.get(module)
    for name in defined.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is not defined or module == "__main__":
        raise UnknownSourceError(f"{module}.{defined.__qualname__} is defined while the program runs")
    for base in defined.__mro__ if isinstance(defined, type) else (defined,):
        if not is_of_compiler(base.__module__):
            yield base.__module__


def _folder_or_file(name: str) -> Path:
    """The package of a module; for one of ours that is no part of the compiler, its file."""
    package = sys.modules.get(name if name.startswith(f"{OURS}.") else name.partition(".")[0])
    file = getattr(package, "__file__", None)
    if not isinstance(package, ModuleType) or file is None or not os.path.isfile(file):
        raise UnknownSourceError(f"the module {name} has no source")
    is_package = hasattr(package, "__path__") and not name.startswith(f"{OURS}.")
    return Path(file).parent if is_package else Path(file)


def _digest(roots: Iterable[Path]) -> str:
    lines: list[str] = []
    for root in roots:
        lines.append(f"{root}\n")
        for path, entry in _files(root):
            if entry.st_mtime_ns >= _BEGUN:
                raise UnknownSourceError(f"{path} was edited after this process began")
            lines.append(f"{path}\0{entry.st_size}\0{entry.st_mtime_ns}\n")
    return hashlib.sha256("".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    if not root.is_dir():
        yield str(root), root.stat()
        return
    folders = [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        folders.append(entry.path)
                elif entry.is_file():
                    yield entry.path, entry.stat()
