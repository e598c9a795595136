"""Callbacks from native code to Python: host operations, as NumPy on the memory of their arguments, and `poll`.

Native code calls Python's C API itself. What Python raises stays with the thread, as in any extension module, and is
raised where the native function was called. A callback of `ctypes` would print it, or lose it where a signal arrives
before the callback's first line: then the function would go on with a result that was never computed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cpu.symbols import ASK, OUT_OF_MEMORY
from pullback.backends.evaluator.host_calls import HostCall
from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.process.interrupts import poll

Array = npt.NDArray[Any]
T = TypeVar("T")
KNOWN_ADDRESSES = 64
"""The number of arrays cached for one argument: most are in the arena, or in memory that is used again."""

C_API = {
    "PyErr_Occurred": "declare ptr @PyErr_Occurred()",
    "PyEval_RestoreThread": "declare void @PyEval_RestoreThread(ptr)",
    "PyEval_SaveThread": "declare ptr @PyEval_SaveThread()",
    "PyGILState_Ensure": "declare i32 @PyGILState_Ensure()",
    "PyGILState_Release": "declare void @PyGILState_Release(i32)",
    "PyObject_CallFunction": "declare ptr @PyObject_CallFunction(ptr, ptr, ...)",
    "Py_DecRef": "declare void @Py_DecRef(ptr)",
}


def declared_in(module: ModuleOp) -> tuple[func.FuncOp, ...]:
    """The declarations of the functions that the host runs, of a module of level `loops`."""
    return tuple(op for op in module.ops if isinstance(op, func.FuncOp) and is_host_function(op))


class HostFunctions:
    """The Python functions that a module's native code calls: each returns 0, or 1 after an exception.

    Args:
        declarations: the functions that the host runs; see `declared_in`.
        entry: the function that is called from Python.
        polls: whether it asks for signals meanwhile, or may find no memory.
    """

    def __init__(self, declarations: Iterable[func.FuncOp], entry: str, polls: bool) -> None:
        self._entry = entry
        self._callables: dict[str, tuple[Callable[..., None], int]] = {
            op.sym_name.data: _callable(HostCall(op)) for op in declarations
        }
        if polls:
            self._callables[ASK] = poll, 0
            self._callables[OUT_OF_MEMORY] = _out_of_memory, 1

    def __bool__(self) -> bool:
        return bool(self._callables)

    @property
    def addresses(self) -> dict[str, int]:
        """The addresses of the symbols that `llvm_text` does not define; valid as long as this object lives."""
        found = {name: address_of_function(name) for name in C_API}
        return found | {f"{name}.callable": id(function) for name, (function, _) in self._callables.items()}

    @property
    def symbol(self) -> str:
        """The symbol to call with the global interpreter lock held; the function releases it while it runs."""
        return f"{self._entry}.released"

    @property
    def llvm_text(self) -> str:
        """LLVM IR of the functions that native code calls, and of `symbol`."""
        packed = f"@{self._entry}.packed"
        lines = [f"declare void {packed}(ptr)", *C_API.values()]
        lines += [_released(self.symbol, packed)]
        lines += [_calling(name, count) for name, (_, count) in self._callables.items()]
        return "\n".join(lines)

    @property
    def text_with_addresses(self) -> str:
        """`llvm_text` for this process alone: it holds the addresses of Python's objects."""
        text = self.llvm_text
        for name, (function, _) in self._callables.items():
            text = text.replace(f"@{name}.callable = external global i8\n", "")
            text = text.replace(f"ptr @{name}.callable", f"ptr inttoptr (i64 {id(function)} to ptr)")
        return text

    def calling(self, native: Callable[..., T]) -> Callable[..., T]:
        """Wraps the native function: it keeps the callables, and NumPy's warnings are off where the host computes."""
        if self._callables.keys() == {ASK, OUT_OF_MEMORY}:  # what handles a signal has warnings as they were
            return native

        def call(*arguments: Any) -> T:
            with self._quiet():
                return native(*arguments)

        return call

    def _quiet(self) -> np.errstate:
        return np.errstate(all="ignore")


def _released(name: str, packed: str) -> str:
    return "\n".join(
        [
            f"define void @{name}(ptr %arguments) {{",
            "  %thread = call ptr @PyEval_SaveThread()",
            f"  call void {packed}(ptr %arguments)",
            "  call void @PyEval_RestoreThread(ptr %thread)",
            "  ret void",
            "}",
        ]
    )


def _calling(name: str, count: int) -> str:
    """LLVM IR of a function that calls Python with its pointers as integers; not again after an exception."""
    parameters = ", ".join(f"ptr %p{at}" for at in range(count))
    casts = [f"  %i{at} = ptrtoint ptr %p{at} to i64" for at in range(count)]
    arguments = "".join(f", i64 %i{at}" for at in range(count))
    units = "K" * count
    return "\n".join(
        [
            f"@{name}.callable = external global i8",
            f'@{name}.units = private constant [{count + 1} x i8] c"{units}\\00"',
            f"define i32 @{name}({parameters}) {{",
            "entry:",
            "  %lock = call i32 @PyGILState_Ensure()",
            "  %error = call ptr @PyErr_Occurred()",
            "  %fine = icmp eq ptr %error, null",
            "  br i1 %fine, label %run, label %end",
            "run:",
            *casts,
            f"  %result = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr @{name}.callable, "
            f"ptr @{name}.units{arguments})",
            "  call void @Py_DecRef(ptr %result)",
            "  br label %end",
            "end:",
            "  %outcome = phi ptr [ null, %entry ], [ %result, %run ]",
            "  call void @PyGILState_Release(i32 %lock)",
            "  %failed = icmp eq ptr %outcome, null",
            "  %status = zext i1 %failed to i32",
            "  ret i32 %status",
            "}",
        ]
    )


def address_of_function(name: str) -> int:
    """The address of a function of Python's C API."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


def _out_of_memory(count: int) -> None:
    """Raises MemoryError: native code wants so many bytes, which the system does not give."""
    raise MemoryError(f"no memory for {count:,} bytes of a stack, as a loop keeps for its gradient")


def _callable(operation: HostCall) -> tuple[Callable[..., None], int]:
    """A host operation as a Python function of addresses, with the number of its arguments."""
    views = [
        ArgumentMemory(shape, dtype, number >= operation.results)
        for number, (shape, dtype) in enumerate(zip(operation.shapes, operation.dtypes, strict=True))
    ]

    def run(*addresses: int) -> None:
        operation([view(address) for view, address in zip(views, addresses, strict=True)])

    return run, len(views)


class ArgumentMemory:
    """NumPy views of the memory of one argument, cached by address."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], writeable: bool) -> None:
        self._shape = shape
        self._dtype = dtype
        self._writeable = writeable
        self._bytes = ctypes.c_char * (dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
        self._known: dict[int, Array] = {}

    def __call__(self, address: int) -> Array:
        """The array at an address; the memory is valid as long as the call lasts."""
        array = self._known.get(address)
        if array is None:
            if len(self._known) >= KNOWN_ADDRESSES:
                self._known.clear()
            memory = self._bytes.from_address(address)
            array = np.ndarray(self._shape, self._dtype, memory)  # pyright: ignore[reportArgumentType] it is a buffer
            array.flags.writeable = self._writeable
            self._known[address] = array
        return array
