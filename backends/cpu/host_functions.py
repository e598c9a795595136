"""Host operations as functions that native code calls: NumPy on the memory of their arguments."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import get_ident
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.numpy.host_calls import HostCall
from pullback.dialects.graph.host import is_host_function

Array = npt.NDArray[Any]
KNOWN_ADDRESSES = 64
"""How many arrays of one argument are kept: most lie in the arena, or in memory that is used again."""


class HostFunctions:
    """The host functions of a module, as C functions that return 0, or 1 after an exception.

    ctypes cannot raise through native code. So an exception is kept until the thread is back in Python; native code
    returns at once.
    """

    def __init__(self, module: ModuleOp) -> None:
        self._exceptions: dict[int, BaseException] = {}
        """By thread."""
        self._callbacks = {
            op.sym_name.data: self._callback(HostCall(op))
            for op in module.ops
            if isinstance(op, func.FuncOp) and is_host_function(op)
        }

    @property
    def addresses(self) -> dict[str, int]:
        """Where each function is, by name; as long as this object lives."""
        return {
            name: ctypes.cast(callback, ctypes.c_void_p).value or 0
            for name, callback in self._callbacks.items()
        }

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def calling(self, native: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """A native function that calls these, as one that raises what they raised."""

        def call(packed: bytes) -> None:
            with np.errstate(all="ignore"):
                native(packed)
            # Through `self` the callbacks live as long as what calls them.
            if self._exceptions and (exception := self._exceptions.pop(get_ident(), None)) is not None:
                raise exception

        return call

    def _callback(self, operation: HostCall) -> Any:
        views = [
            View(shape, dtype, number >= operation.results)
            for number, (shape, dtype) in enumerate(zip(operation.shapes, operation.dtypes, strict=True))
        ]
        exceptions = self._exceptions

        def run(*addresses: int | None) -> int:
            try:
                operation([view(address) for view, address in zip(views, addresses, strict=True)])
            except BaseException as exception:
                exceptions[get_ident()] = exception
                return 1
            return 0

        return ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * len(views))(run)


class View:
    """The memory of one argument as arrays, by address."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], writeable: bool) -> None:
        self._shape = shape
        self._dtype = dtype
        self._writeable = writeable
        self._bytes = ctypes.c_char * (dtype.itemsize * int(np.prod(shape, dtype=np.int64)))
        self._known: dict[int | None, Array] = {}

    def __call__(self, address: int | None) -> Array:
        """The array at an address: memory that is there for as long as the call lasts."""
        array = self._known.get(address)
        if array is None:
            if len(self._known) >= KNOWN_ADDRESSES:
                self._known.clear()
            memory = self._bytes.from_address(address or 0)
            array = np.ndarray(self._shape, self._dtype, memory)  # pyright: ignore[reportArgumentType] it is a buffer
            array.flags.writeable = self._writeable
            self._known[address] = array
        return array
