"""The process's JIT session, and the libraries of native code that it holds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cache

import llvmlite.binding as llvm
from llvmlite.binding import ffi

from pullback.backends.cpu.kept_objects import kept_object
from pullback.backends.cpu.machine import target_machine
from pullback.process.locks import COMPILING, wait_before_fork

_numbers = itertools.count()
wait_before_fork(ffi.lib._lock._lock)  # pyright: ignore[reportPrivateUsage] what each call of LLVM is made under


@cache
def jit() -> llvm.LLJIT:
    """The process's JIT session.

    Its linker loads the sections of an object file side by side: LLVM's older one takes memory for each wherever there
    is some, and ends the process where two are more than 2 GiB apart.
    """
    return llvm.create_lljit_compiler(target_machine(), use_jit_link=True)


def link(
    objects: Sequence[bytes], symbols: Sequence[str], imported: Mapping[str, int] | None = None
) -> llvm.ResourceTracker:
    """Loads object files as one library; returns what keeps its code in memory, and knows the addresses of symbols.

    `imported` gives the addresses of what it uses and no library has. No other library sees its symbols.
    """
    library = llvm.JITLibraryBuilder()
    for object_file in objects:
        library.add_object_img(object_file)
    library.add_current_process()
    for symbol in symbols:
        library.export_symbol(symbol)
    for name, address in (imported or {}).items():
        library.import_symbol(name, address)
    return library.link(jit(), f"pullback.{next(_numbers)}")


def compiled_once(text: str, symbol: str, imported: Mapping[str, int]) -> int:
    """The address of a function of LLVM IR that stays as long as the process; see `link`."""
    with COMPILING:
        _kept.append(link([kept_object(text)], [symbol], imported))
    return _kept[-1][symbol]


_kept: list[llvm.ResourceTracker] = []
