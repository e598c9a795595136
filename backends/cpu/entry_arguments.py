"""Parameters of a native entry function, and the checks of the NumPy arrays that it is called with."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects import func
from xdsl.dialects.builtin import (
    BFloat16Type,
    IndexType,
    IntegerType,
    MemRefType,
)
from xdsl.ir import Attribute

from pullback.dialects.graph.tensor.types import numpy_dtype
from pullback.dialects.ir.diagnostics import DiagnosticError


def dtypes_of(type: Attribute) -> tuple[np.dtype[Any], ...]:
    """The NumPy dtypes that an element type may be passed as, the usual one first.

    Signless integers are signed or unsigned, and i8 is also NumPy's bool. bf16 may come as its bits.
    """
    if isinstance(type, IntegerType):
        names = [f"int{type.width.data}", f"uint{type.width.data}"]
        return tuple(np.dtype(name) for name in names + ["bool"] * (type.width.data == 8))
    if isinstance(type, IndexType):
        return (np.dtype(np.int64),)
    bits = (np.dtype(np.uint16),) if isinstance(type, BFloat16Type) else ()
    return numpy_dtype(type), *bits


@dataclass(frozen=True)
class EntryParameter:
    """A memref parameter of an entry function."""

    position: int
    name: str
    shape: tuple[int, ...]
    dtypes: tuple[np.dtype[Any], ...]
    is_written: bool

    @property
    def where(self) -> str:
        """Its name in messages: `argument 2 (%w)`."""
        return f"argument {self.position} (%{self.name})" if self.name else f"argument {self.position}"

    def check(self, array: object) -> None:
        """Raises TypeError or ValueError for what does not fit, with what was expected."""
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{self.where}: expected a NumPy array, got {type(array).__name__}")
        array = cast(NDArray[Any], array)
        if array.dtype not in self.dtypes:
            expected = " or ".join(str(dtype) for dtype in self.dtypes)
            raise TypeError(f"{self.where}: expected dtype {expected}, got {array.dtype}")
        if array.shape != self.shape:
            raise ValueError(f"{self.where}: expected shape {self.shape}, got {array.shape}")
        if not array.flags.c_contiguous:
            raise ValueError(
                f"{self.where}: expected a C-contiguous array, got strides {array.strides}; "
                "pass np.ascontiguousarray(array)"
            )
        if not array.flags.aligned:
            raise ValueError(f"{self.where}: expected memory aligned to {array.dtype.itemsize} bytes")
        if self.is_written and not array.flags.writeable:
            raise ValueError(f"{self.where}: the function writes to this array, but it is read-only")


class SignatureError(DiagnosticError, ValueError):
    """An entry function has a parameter that is no memref of static shape, or of a dtype that NumPy lacks."""


def parameters_of(function: func.FuncOp, written: AbstractSet[int]) -> tuple[EntryParameter, ...]:
    """The parameters of an entry function; raises ValueError for one that is no memref of static shape."""
    parameters: list[EntryParameter] = []
    for position, argument in enumerate(function.body.block.args):
        memref = argument.type
        if not isinstance(memref, MemRefType) or not memref.has_static_shape():
            raise SignatureError(
                f"@{function.sym_name.data}: expected argument {position} to be a memref of static shape, "
                f"got {memref}",
                function,
            )
        dtypes = dtypes_of(memref.element_type)
        shape = tuple(memref.get_shape())
        parameters.append(
            EntryParameter(position, argument.name_hint or "", shape, dtypes, position in written)
        )
    return tuple(parameters)
