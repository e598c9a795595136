"""Capacity of a CPU's vector registers: lanes, and the block of a matrix product that is kept in them.

Schedules state it, and the lowering to loops asks again where text states nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.ir.diagnostics import DiagnosticError

MAX_VECTOR = 128
"""Elements in a vector, however wide the registers."""


def check_vector_bits(vector_bits: int, module: ModuleOp) -> None:
    """Raises DiagnosticError unless registers may be so wide."""
    if vector_bits < 64 or vector_bits & (vector_bits - 1):
        raise DiagnosticError(f"vector-bits is {vector_bits}; expected a power of two from 64 on", module)


def lane_count(vector_bits: int, element_types: Sequence[Attribute]) -> int:
    """The number of lanes that the widest of these types allows."""
    widest = max((max(bit_width(t), 8) for t in element_types), default=32)
    return max(vector_bits // widest, 1)


def tile_of(vector_bits: int) -> tuple[int, int]:
    """Chooses the rows and vectors of the register block of a product: as many as fit beside its operands.

    There are 32 registers of 512 bits (AVX-512), and 16 narrower ones (AVX2, SSE).
    """
    return (6, 4) if vector_bits >= 512 else (6, 2)
