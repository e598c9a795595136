"""Views of buffers in kernels: loads and stores of elements, and of rows whose index is known at run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import memref
from xdsl.dialects.builtin import UNKNOWN_LOC, IntegerType, LocationAttr, MemRefType
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.types import is_float
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.arith import CmpiOp, IndexCastOp
from pullback.dialects.upstream.prefetch import PrefetchOp
from pullback.passes.lowering.code_builder import CodeBuilder, Term, index_op, result_of
from pullback.passes.lowering.strided_layout import StridedLayout


@dataclass(frozen=True)
class BufferView:
    """A memref, the layout in which loops step through it, and the type of its elements in registers."""

    value: SSAValue
    layout: StridedLayout
    element_type: Attribute
    origin: LocationAttr = UNKNOWN_LOC
    """The location of stores: that of the operation whose result they store."""

    @property
    def memory_type(self) -> Attribute:
        """The element type in memory."""
        type_ = self.value.type
        assert isinstance(type_, MemRefType)
        return type_.element_type

    @property
    def rounds(self) -> bool:
        """Whether what is stored is rounded, so that nothing can be added up there."""
        return is_float(self.element_type) and self.element_type != self.memory_type

    def indices(self, builder: CodeBuilder, terms: Sequence[Term], constant: int) -> list[SSAValue]:
        """The index along each dimension."""
        along: list[list[Term]] = [[] for _ in self.layout.shape]
        for value, step in terms:
            dimension, factor = self.layout.dimension(step)
            along[dimension].append((value, factor))
        digits = self.layout.digits(constant)
        return [builder.sum_of(t, digit) for t, digit in zip(along, digits, strict=True)]

    def load(self, builder: CodeBuilder, terms: Sequence[Term], constant: int) -> Scalar:
        """One element."""
        op = new_operation(
            memref.LoadOp,
            operands=[self.value, *self.indices(builder, terms, constant)],
            result_types=[self.memory_type],
        )
        return Scalar(result_of(op, self.value.name_hint)).cast(self.element_type)

    def store(self, builder: CodeBuilder, value: Scalar, terms: Sequence[Term], constant: int) -> None:
        """One element."""
        indices = self.indices(builder, terms, constant)
        self.insert_store(
            new_operation(memref.StoreOp, operands=[self.stored(value).value, self.value, *indices])
        )

    def fetch(self, builder: CodeBuilder, terms: Sequence[Term], constant: int, locality: int = 3) -> None:
        """Has an element fetched into the caches, if there is one; see `PrefetchOp` for the locality."""
        insert(PrefetchOp(self.value, self.indices(builder, terms, constant), locality=locality))

    def insert_store(self, op: Operation) -> None:
        """Inserts an operation that stores to the buffer, with its origin."""
        op.location = self.origin
        insert(op)

    def stored(self, value: Scalar) -> Scalar:
        """Casts a value to the element type in memory."""
        return value.cast(self.memory_type)


# ---- rows ---------------------------------------------------------------------------------------------------


def is_in_range(index: Scalar, rows: int) -> Scalar:
    """Tells whether an index, or each lane of a vector of them, is in range of so many rows."""
    assert isinstance(index.element_type, IntegerType)
    most = 1 << index.element_type.width.data - 1  # an index that is not negative is smaller than that
    op = CmpiOp(index.value, index.like(min(rows, most)).value, "ult")
    return Scalar(result_of(op, "inside"))


def index_of(value: Scalar) -> SSAValue:
    """Casts an integer to index."""
    return result_of(index_op(IndexCastOp, value.value), "row")


def row_in_range(builder: CodeBuilder, index: Scalar, is_inside: Scalar) -> SSAValue:
    """Replaces an index out of range by 0."""
    return select(is_inside, Scalar(index_of(index)), Scalar(builder.index(0))).value
