"""Compiles level `loops` to native code with LLVM's JIT, and calls it on NumPy arrays."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cpu.calls.call_table import CallForm, format_of
from pullback.backends.cpu.calls.checked_call import ONLY_GIVEN, checked_call
from pullback.backends.cpu.calls.unsigned_views import unsigned, viewed_as_unsigned
from pullback.backends.cpu.entry_arguments import EntryParameter
from pullback.backends.cpu.host_functions import HostFunctions
from pullback.backends.cpu.jit_session import link
from pullback.backends.cpu.native_code import NativeCode
from pullback.backends.cpu.threads.thread_pool import ThreadPool, pool
from pullback.process.locks import COMPILING

if TYPE_CHECKING:
    from pullback.backends.cpu.debug_library import DebugLibrary

# Code that was compiled before is loaded without what prints LLVM IR, which takes a while to import.

T = TypeVar("T")


def compile_module(module: ModuleOp, entry: str = "main", library: Path | None = None) -> Executable:
    """Compiles a module of level `loops`, whose entry function takes memrefs of static shape and returns nothing.

    With `library` the code has debug lines, the positions in the locations of operations, and is written there as a
    shared library.

    Raises ValueError where there is no such function, or where the module is not of level `loops`.
    """
    from pullback.backends.cpu.make_native_code import make_native_code

    return Executable(*make_native_code(module, entry, library), library)


class PackedFunction:
    """Native code that takes a pointer to the addresses of its arguments.

    Args:
        address: of the code.
        code: keeps it in memory.
        host: the functions of Python that it calls, if it does.
        threads: the pool that it calls, if it does.
    """

    def __init__(
        self,
        address: int,
        code: llvm.ResourceTracker | DebugLibrary,
        host: HostFunctions,
        threads: ThreadPool | None,
    ) -> None:
        self._address, self._code, self._host, self._threads = address, code, host, threads
        prototype = ctypes.PYFUNCTYPE if host else ctypes.CFUNCTYPE
        self._native = self._prepared(prototype(None, ctypes.c_char_p)(address))

    def __call__(self, *addresses: int) -> None:
        # A bytes object is passed as a pointer to its contents, and each call has one of its own.
        self._native(struct.pack(f"{len(addresses)}P", *addresses))

    def checked(
        self,
        parameters: Sequence[EntryParameter],
        bound: Mapping[int, NDArray[Any]],
        form: CallForm = ONLY_GIVEN,
    ) -> Callable[..., Any]:
        """See `checked_call`."""
        addresses = {at: array.ctypes.data for at, array in bound.items()}
        keep = self, tuple(bound.values())
        holds_lock = bool(self._host)
        run = checked_call(self._address, parameters, addresses, form, holds_lock=holds_lock, keep=keep)
        return self._prepared(run)

    def _prepared(self, native: Callable[..., T]) -> Callable[..., T]:
        """Wraps the native function by what is to be done before each call."""
        if self._host:
            native = self._host.calling(native)
        return self._threads.calling(native) if self._threads else native


class NativeCall:
    """A native function with some of its arrays bound: called with the others, in order."""

    def __init__(
        self,
        function: PackedFunction,
        parameters: tuple[EntryParameter, ...],
        bound: Mapping[int, NDArray[Any]] | None = None,
    ):
        bound = bound or {}
        for position, array in bound.items():
            parameters[position].check(array)
        self.parameters = parameters
        self._function = function
        self._bound = dict(bound)  # keeps the bound arrays alive
        self._addresses = {at: array.ctypes.data for at, array in bound.items()}
        self._open = [parameters[at] for at in range(len(parameters)) if at not in bound]
        self._check_overlap(self._addresses)
        self._run = function.checked(parameters, self._bound)

    def __call__(self, *arrays: NDArray[Any]) -> None:
        """Runs the function on `arrays`, which it reads and writes in place, and the bound ones.

        Raises TypeError for a wrong number of arrays, for what is no NumPy array, and for a wrong dtype;
        ValueError for a wrong shape, for memory that is not C-contiguous or not aligned, and, where the
        function writes, for an array that is read-only or begins where another one does. Arrays that are
        written to must not overlap others in any way. The global interpreter lock is released meanwhile.
        """
        if self._run(*arrays) is NotImplemented:
            self._run_checked_here(arrays)

    def _run_checked_here(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Says what does not fit; runs what only the native checks could not tell."""
        if len(arrays) != len(self._open):
            raise self._wrong_count(len(arrays))
        addresses = dict(self._addresses)
        for parameter, array in zip(self._open, arrays, strict=True):
            parameter.check(array)
            addresses[parameter.position] = array.ctypes.data
        self._check_overlap(addresses)
        self._function(*(addresses[at] for at in range(len(self.parameters))))

    def bind(self, arrays: Mapping[int, NDArray[Any]]) -> NativeCall:
        """Binds arrays to these positions; they are checked once, now, and kept alive. The result takes the others."""
        return NativeCall(self._function, self.parameters, self._bound | dict(arrays))

    def whole(self, dtypes: Mapping[int, np.dtype[Any]], form: CallForm) -> Callable[..., Any] | None:
        """A function of the arrays that are neither bound nor made, which runs all of a call; see `checked_call`.

        Args:
            dtypes: of the arrays that it is given, by position: those alone, and not others of the same memory.
            form: what it makes and holds.

        Returns:
            The function, or None where it would refuse each call: elements have no format in the buffer protocol.
        """
        known = {at: dtype if format_of(dtype) else unsigned(dtype) for at, dtype in dtypes.items()}
        if any(format_of(dtype) is None for dtype in known.values()):
            return None
        exact = [
            replace(p, dtypes=(known[p.position],)) if p.position in known else p for p in self.parameters
        ]
        run = self._function.checked(exact, self._bound, form)
        return run if known == dtypes else viewed_as_unsigned([*dtypes.values()], run)

    def _wrong_count(self, got: int) -> TypeError:
        names = ", ".join(parameter.where for parameter in self._open)
        return TypeError(f"expected {len(self._open)} arrays ({names}), got {got}")

    def _check_overlap(self, addresses: Mapping[int, int]) -> None:
        """Refuses two non-empty arrays that begin at one address, if the function writes to either."""
        first: dict[int, EntryParameter] = {}
        for position, address in addresses.items():
            parameter = self.parameters[position]
            if 0 in parameter.shape:
                continue
            other = first.setdefault(address, parameter)
            if other is not parameter and (other.is_written or parameter.is_written):
                raise ValueError(
                    f"{other.where} and {parameter.where} share memory that the function writes to"
                )


class Executable(NativeCall):
    """A compiled entry function, called with NumPy arrays in the order of its parameters; see `NativeCall`.

    Args:
        code: its code, of which the objects are held no longer than it takes to load them.
        host: the functions of the host; those that the code declares unless given.
        library: where to write it as a shared library.
    """

    def __init__(
        self, code: NativeCode, host: HostFunctions | None = None, library: Path | None = None
    ) -> None:
        entry = code.entry
        host = HostFunctions(code.host_functions, entry, code.polls) if host is None else host
        self.calls_host = bool(code.host_functions)
        self.calls_host_late = code.calls_host_late
        self.polls = code.polls
        self._variables = code.variables
        symbol = host.symbol if host else f"{entry}.packed"
        symbols = [symbol, f"{entry}.changed"] if code.variables else [symbol]
        threads = pool() if code.calls_pool else None
        with COMPILING:  # the JIT session is one for the process
            loaded: llvm.ResourceTracker | DebugLibrary
            if library is None:
                addresses = (host.addresses if host else {}) | (threads.addresses if threads else {})
                loaded = link(code.objects, symbols, addresses)
            else:
                from pullback.backends.cpu.debug_library import DebugLibrary

                loaded = DebugLibrary(library, code.objects)
        if code.variables:
            self._changed = (ctypes.c_byte * len(code.variables)).from_address(loaded[f"{entry}.changed"])
        super().__init__(PackedFunction(loaded[symbol], loaded, host, threads), code.parameters)

    def changed(self) -> list[str]:
        """The variables that the latest call has changed, if it ended before its end."""
        names = self._variables
        return [name for name, byte in zip(names, self._changed, strict=True) if byte] if names else []
