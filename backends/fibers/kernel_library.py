"""A compiled text, loaded: it runs a kernel on memory, one launch at a time."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Sequence
from enum import IntEnum
from math import prod
from pathlib import Path

from pullback.backends.host_program.host_program import MAX_THREADS
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.process.locks import Lock

BYTES_PER_FIBER = (1 << 16) + 5 * 64
"""No power of two: what fibers use of their stacks would share a few sets of the processor's cache."""
SECONDS_BETWEEN_POLLS = 0.2
"""How long blocks run until Python may handle a signal such as Ctrl-C."""
Extent = tuple[int, int, int]


class ThreadOrder(IntEnum):
    """The order in which blocks, warps and lanes take their turn."""

    FORWARDS = 0
    BACKWARDS = 1
    STRIDED = 2


class LaunchError(DiagnosticError, RuntimeError):
    """A launch went wrong in a block; the message says where and how."""


class Library:
    """A shared library of `compile_text`. A path is loaded once for each process."""

    def __init__(self, path: Path) -> None:
        self._code = ctypes.CDLL(str(path))
        self._launch = self._code.pullback_launch
        self._launch.restype = ctypes.c_char_p
        self._block = self._code.pullback_block
        self._block.restype = ctypes.POINTER(ctypes.c_uint)
        self._lock = Lock()

    def launch(
        self,
        kernel: str,
        grid: Extent,
        block: Extent,
        values: Sequence[int],
        order: ThreadOrder,
        poll: Callable[[], None] = lambda: None,
    ) -> None:
        """Run all threads of a launch; the global interpreter lock is released, another launch of this library waits.

        Args:
            kernel: the function's name.
            grid: the number of blocks along x, y and z.
            block: the number of threads of each.
            values: the bits of each argument: an address, or a number.
            order: the order of blocks and threads.
            poll: is called between blocks now and then, and may end the launch by an exception.

        Raises:
            LaunchError: threads diverge or, in a sanitized library, behave as is undefined.
        """
        run = self._code[f"pullback_run_{kernel}"]
        bits = (ctypes.c_uint64 * len(values))(*values)
        start = ctypes.addressof(bits)
        pointers = (ctypes.c_void_p * len(values))(*range(start, start + 8 * len(values), 8))
        sizes = (ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(*block)
        first, duration = ctypes.c_uint64(0), ctypes.c_double(SECONDS_BETWEEN_POLLS)
        with self._lock, FiberStacks() as stacks:
            memory = ctypes.c_void_p(stacks), ctypes.c_size_t(BYTES_PER_FIBER)
            while first.value < prod(grid):
                fault = self._launch(
                    run, pointers, *sizes, int(order), *memory, ctypes.byref(first), duration
                )
                if fault is not None:
                    at = self._block()
                    raise LaunchError(f"block ({at[0]}, {at[1]}, {at[2]}), {fault.decode()}")
                poll()


class FiberStacks:
    """Memory for the stacks of one launch's fibers: taken from the pool of the process, and given back."""

    _pool: list[mmap.mmap] = []

    def __enter__(self) -> int:
        try:
            self._memory = self._pool.pop()
        except IndexError:
            self._memory = mmap.mmap(-1, MAX_THREADS * BYTES_PER_FIBER, flags=mmap.MAP_PRIVATE)
        return ctypes.addressof(ctypes.c_char.from_buffer(self._memory))

    def __exit__(self, *exception: object) -> None:
        self._pool.append(self._memory)


_loaded: dict[Path, Library] = {}
_loading = Lock()


def load(path: Path) -> Library:
    """The library at `path`; the dynamic linker would give its memory to two who load it."""
    with _loading:
        if path not in _loaded:
            _loaded[path] = Library(path)
        return _loaded[path]
