"""The width of a kernel's indices: 32 bits where nothing that it counts needs more.

Indices are sums of products that end as an index into a buffer, and these come out right modulo 2^32 wherever the
buffers are small. Divisions, comparisons and loops need more: what they look at must itself be small, as in

    %number = arith.addi %before, %thread      // at most blocks * threads - 1
    %row = arith.divui %number, %c37
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType, IntegerAttr, MemRefType
from xdsl.dialects.gpu import DimensionEnum
from xdsl.ir import Attribute, Block, Operation, SSAValue

from pullback.dialects.upstream.arith import CmpiOp, SelectOp
from pullback.dialects.upstream.gpu import BlockIdOp, ThreadIdOp

MOST_ELEMENTS = 1 << 31
"""No buffer of a kernel with 32-bit indices has so many elements."""
_LIMIT = 1 << 32


def bits_32(block: Block, memories: Sequence[Attribute], blocks: int, threads: int) -> bool:
    """Tells whether 32 bits are enough for all indices of a kernel.

    Args:
        block: its body.
        memories: the types of the buffers that it accesses, memrefs.
        blocks: the blocks of its grid.
        threads: the threads of a block.
    """
    if any(prod(type_.get_shape()) >= MOST_ELEMENTS for type_ in memories if isinstance(type_, MemRefType)):
        return False
    bounds = LargestValues(blocks, threads)
    return all(bounds.suits(op) for op in block.walk())


class LargestValues:
    """The largest value that each index may have; None where that is not known."""

    def __init__(self, blocks: int, threads: int) -> None:
        self._coordinates = {BlockIdOp: max(blocks - 1, 0), ThreadIdOp: threads - 1}
        self._known: dict[SSAValue, int | None] = {}

    def suits(self, op: Operation) -> bool:
        """Tells whether an operation means the same on 32 bits."""
        match op:
            case arith.DivUIOp() | arith.RemUIOp() | arith.MinUIOp() | arith.MaxUIOp() | CmpiOp():
                looked_at = [v for v in op.operands if isinstance(v.type, IndexType)]
                return all(self._is_small(self.largest(value)) for value in looked_at)
            case scf.ForOp():
                upper, step = self.largest(op.ub), self.largest(op.step)
                return upper is not None and step is not None and self._is_small(upper + step)
            case _:
                return True

    def largest(self, value: SSAValue) -> int | None:
        """The largest value of an index."""
        if value not in self._known:
            self._known[value] = None
            self._known[value] = self._found(value)
        return self._known[value]

    def _found(self, value: SSAValue) -> int | None:
        owner = value.owner
        if isinstance(owner, Block):
            loop = owner.parent_op()
            if not isinstance(loop, scf.ForOp) or value is not owner.args[0]:
                return None
            upper = self.largest(loop.ub)
            return None if upper is None else max(upper - 1, 0)
        if isinstance(owner, arith.ConstantOp):
            number = owner.value
            return number.value.data if isinstance(number, IntegerAttr) and number.value.data >= 0 else None
        if isinstance(owner, BlockIdOp | ThreadIdOp):
            return self._coordinates[type(owner)] if owner.dimension.data is DimensionEnum.X else 0
        return self._computed(owner)

    def _computed(self, op: Operation) -> int | None:
        if isinstance(op, SelectOp):
            choices = [self.largest(choice) for choice in op.operands[1:]]
            known = [choice for choice in choices if choice is not None]
            return max(known) if len(known) == len(choices) else None
        if not isinstance(op, _BINARY):
            return None
        a, b = map(self.largest, op.operands)
        if isinstance(op, arith.RemUIOp | arith.MinUIOp):
            known = [n for n in (a, b) if n is not None]
            return min(known, default=None)
        if a is None or b is None:
            return None
        match op:
            case arith.AddiOp():
                return a + b
            case arith.MuliOp():
                return a * b
            case arith.DivUIOp():
                return a // _constant(op.rhs)
            case _:
                return max(a, b)

    @staticmethod
    def _is_small(value: int | None) -> bool:
        return value is not None and value < _LIMIT


_BINARY = (arith.AddiOp, arith.MuliOp, arith.DivUIOp, arith.RemUIOp, arith.MinUIOp, arith.MaxUIOp)


def _constant(value: SSAValue) -> int:
    """The number that something is divided by, at least 1."""
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return max(owner.value.value.data, 1)
    return 1
