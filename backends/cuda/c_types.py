"""Spells types in CUDA C++. The width of `index` is the kernel's: 32 bits where its sizes allow, else 64."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects.builtin import (
    BFloat16Type,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    MemRefType,
)
from xdsl.ir import Attribute, Operation

from pullback.backends.cuda.vector_types import lanes, vector_name
from pullback.dialects.graph.kernel.index_bitwidth import bitwidth_of
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.dialects.upstream.types import element_type_of

_INTEGERS = {1: "bool", 8: "signed char", 16: "short", 32: "int", 64: "long long"}
_UNSIGNED = {"bool": "bool", "signed char": "unsigned char", "int": "unsigned", "unsigned": "unsigned"}


@dataclass(frozen=True)
class CTypes:
    """The types of one kernel."""

    index_bits: int = 64

    @staticmethod
    def of(kernel: Operation) -> CTypes:
        """The types of a `gpu.func`, by its attribute."""
        return CTypes(bitwidth_of(kernel))

    def name(self, type_: Attribute) -> str:
        """The type of a scalar or of a vector; UnsupportedError if CUDA text has none for it."""
        count = lanes(type_)
        return self.element(type_) if count is None else vector_name(self.element(type_), count)

    def element(self, type_: Attribute) -> str:
        """The type of a scalar, or of the elements of a vector or of memory."""
        match element_type_of(type_):
            case Float32Type():
                return "float"
            case Float64Type():
                return "double"
            case Float16Type():
                return "Half"
            case BFloat16Type():
                return "BFloat16"
            case IndexType():
                return "unsigned" if self.index_bits == 32 else "long long"
            case IntegerType() as integer if integer.width.data in _INTEGERS:
                return _INTEGERS[integer.width.data]
            case MemRefType() as memref:
                if isinstance(memref.element_type, IndexType) and self.index_bits == 32:
                    raise UnsupportedError(f"{memref} holds indices of 64 bits, and the kernel's have 32")
                return self.element(memref.element_type)  # pyright: ignore[reportUnknownArgumentType]
            case _:
                raise UnsupportedError(f"no CUDA type for {type_}")

    def unsigned(self, type_: Attribute) -> str:
        """The unsigned type of the same width."""
        name = self.element(type_)
        return _UNSIGNED.get(name, f"unsigned {name}")

    def signed(self, type_: Attribute) -> str:
        """The signed type of the same width."""
        name = self.element(type_)
        return "int" if name == "unsigned" else name
