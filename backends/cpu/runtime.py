"""Compiles level `loops` to native code with LLVM's JIT, and calls it on NumPy arrays."""

from __future__ import annotations

import ctypes
import itertools
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from llvmlite.binding import ffi
from numpy import ndarray
from numpy.typing import NDArray
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cpu.debug_library import DebugLibrary
from pullback.backends.cpu.emit_objects import emit_objects
from pullback.backends.cpu.entry_arguments import EntryParameter, address_of, parameters_of
from pullback.backends.cpu.host_functions import HostFunctions
from pullback.backends.cpu.llvm.debug_lines import DebugLines
from pullback.backends.cpu.llvm.printer import Printed, print_module
from pullback.backends.cpu.machine import target_machine
from pullback.dialects.graph.kernel.written_arguments import written_arguments
from pullback.process.locks import COMPILING, wait_before_fork
from pullback.process.whole_files import write_bytes

_numbers = itertools.count()
wait_before_fork(ffi.lib._lock._lock)  # pyright: ignore[reportPrivateUsage] what each call of LLVM is made under


@cache
def jit() -> llvm.LLJIT:
    """The process's JIT session."""
    return llvm.create_lljit_compiler(target_machine())


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


def compile_module(module: ModuleOp, entry: str = "main", library: Path | None = None) -> Executable:
    """Compiles a module of level `loops`, whose entry function takes memrefs of static shape and returns nothing.

    With `library` the code has debug lines, the positions in the locations of operations, and is written there as a
    shared library.

    Raises ValueError where there is no such function, or where the module is not of level `loops`.
    """
    functions = [op for op in module.ops if isinstance(op, func.FuncOp) and op.sym_name.data == entry]
    if not functions or not functions[0].body.blocks:
        raise ValueError(f"the module has no function @{entry} with a body")
    parameters = parameters_of(functions[0], written_arguments(module)[entry])
    printed = print_module(module, entry, None if library is None else DebugLines())
    return Executable(printed, entry, parameters, HostFunctions(module, entry, printed.polls), library)


class NativeCall:
    """A native function with some of its arrays bound: called with the others, in order."""

    def __init__(
        self,
        function: Any,
        parameters: tuple[EntryParameter, ...],
        bound: Mapping[int, NDArray[Any]] | None = None,
        *,
        code: llvm.ResourceTracker | DebugLibrary,
    ):
        bound = bound or {}
        for position, array in bound.items():
            parameters[position].check(array)
        self.parameters = parameters
        self._function = function
        self._code = code  # keeps the machine code in memory
        self._bound = dict(bound)  # keeps the bound arrays alive
        self._addresses = [address_of(bound[at]) if at in bound else 0 for at in range(len(parameters))]
        self._open = tuple(at for at in range(len(parameters)) if at not in bound)
        self._checks = tuple(parameters[at].facts for at in self._open)
        self._pack = struct.Struct(f"{len(parameters)}P").pack
        if len(set(self._addresses)) != len(parameters) and not self._open:
            self._check_overlap(self._addresses)
        self._packed = self._pack(*self._addresses)

    def __call__(self, *arrays: NDArray[Any]) -> None:
        """Runs the function on `arrays`, which it reads and writes in place, and the bound ones.

        Raises TypeError for a wrong number of arrays, for what is no NumPy array, and for a wrong dtype;
        ValueError for a wrong shape, for memory that is not C-contiguous or not aligned, and, where the
        function writes, for an array that is read-only or begins where another one does. Arrays that are
        written to must not overlap others in any way. The global interpreter lock is released meanwhile.
        """
        if len(arrays) != len(self._open):
            raise self._wrong_count(len(arrays))
        if not arrays:
            self._function(self._packed)
            return
        addresses = self._addresses.copy()
        # EntryParameter.check says the same in words; written out, the loop takes half the time.
        for (at, shape, dtypes, flags), array in zip(self._checks, arrays, strict=True):
            if (
                array.__class__ is not ndarray
                or array.shape != shape
                or array.dtype not in dtypes
                or array.flags.num & flags != flags
            ):
                self.parameters[at].check(array)
            addresses[at] = address_of(array)
        if len(set(addresses)) != len(addresses):
            self._check_overlap(addresses)
        # A bytes object is passed as a pointer to its contents, and each call has one of its own.
        self._function(self._pack(*addresses))

    def bind(self, arrays: Mapping[int, NDArray[Any]]) -> NativeCall:
        """Binds arrays to these positions; they are checked once, now, and kept alive. The result takes the others."""
        return NativeCall(self._function, self.parameters, self._bound | dict(arrays), code=self._code)

    def _wrong_count(self, got: int) -> TypeError:
        names = ", ".join(self.parameters[at].where for at in self._open)
        return TypeError(f"expected {len(self._open)} arrays ({names}), got {got}")

    def _check_overlap(self, addresses: list[int]) -> None:
        """Refuses two non-empty arrays that begin at one address, if the function writes to either."""
        first: dict[int, EntryParameter] = {}
        for parameter, address in zip(self.parameters, addresses, strict=True):
            if 0 in parameter.shape:
                continue
            other = first.setdefault(address, parameter)
            if other is not parameter and (other.is_written or parameter.is_written):
                raise ValueError(
                    f"{other.where} and {parameter.where} share memory that the function writes to"
                )


class Executable(NativeCall):
    """A compiled entry function, called with NumPy arrays in the order of its parameters; see `NativeCall`."""

    def __init__(
        self,
        printed: Printed,
        entry: str,
        parameters: tuple[EntryParameter, ...],
        host: HostFunctions,
        library: Path | None = None,
    ) -> None:
        self.llvm_text = printed.text
        """The LLVM IR that was compiled."""
        self.calls_host_late = printed.calls_host_late
        self._variables = printed.changed
        symbol = host.symbol if host else f"{entry}.packed"
        symbols = [symbol, f"{entry}.changed"] if printed.changed else [symbol]
        with COMPILING:  # the JIT session is one for the process
            code: llvm.ResourceTracker | DebugLibrary
            if library is None:
                texts = (printed.text, host.llvm_text) if host else (printed.text,)
                code = link(emit_objects(texts), symbols, host.addresses if host else None)
            else:
                write_bytes(library.with_suffix(".ll"), printed.text.encode())
                texts = (printed.text, host.text_with_addresses) if host else (printed.text,)
                code = DebugLibrary(library, emit_objects(texts))
        if printed.changed:
            self._changed = (ctypes.c_byte * len(printed.changed)).from_address(code[f"{entry}.changed"])
        function: Any
        if host:
            function = host.calling(ctypes.PYFUNCTYPE(None, ctypes.c_char_p)(code[symbol]))
        else:
            function = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(code[symbol])
        super().__init__(function, parameters, code=code)

    def changed(self) -> list[str]:
        """The variables that the latest call has changed, if it ended before its end."""
        return (
            [name for name, byte in zip(self._variables, self._changed, strict=True) if byte]
            if self._variables
            else []
        )
