"""Loads and stores of single elements and of vectors, contiguous, strided or by index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith, memref, vector
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, MemRefType, VectorType, i1, i32
from xdsl.ir import Attribute, Operation, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp, IndexCastOp
from pullback.dialects.upstream.gather import GatherOp, ScatterOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.vectors import Lanes, shuffled
from pullback.passes.lowering.function_builder import FunctionBuilder, index_op, result_of
from pullback.passes.lowering.layout import Layout

Term = tuple[SSAValue, int]
"""An index and how many elements a step of it is."""


@dataclass(frozen=True)
class Buffer:
    """A memref argument of a kernel function, and the elements that it holds."""

    value: SSAValue
    layout: Layout
    element_type: Attribute

    @property
    def memory_type(self) -> Attribute:
        """The element type in memory."""
        type_ = self.value.type
        assert isinstance(type_, MemRefType)
        return type_.element_type

    def indices(self, builder: FunctionBuilder, terms: Sequence[Term], constant: int) -> list[SSAValue]:
        """The index along each dimension."""
        along: list[list[Term]] = [[] for _ in self.layout.shape]
        for value, step in terms:
            dimension, factor = self.layout.dimension(step)
            along[dimension].append((value, factor))
        digits = self.layout.digits(constant)
        return [builder.sum_of(t, digit) for t, digit in zip(along, digits, strict=True)]

    # ---- single elements --------------------------------------------------------------------------------

    def load(self, builder: FunctionBuilder, terms: Sequence[Term], constant: int) -> Scalar:
        """One element."""
        op = memref.LoadOp.create(
            operands=[self.value, *self.indices(builder, terms, constant)], result_types=[self.memory_type]
        )
        return Scalar(result_of(op, self.value.name_hint)).cast(self.element_type)

    def store(self, builder: FunctionBuilder, value: Scalar, terms: Sequence[Term], constant: int) -> None:
        """One element."""
        indices = self.indices(builder, terms, constant)
        insert(memref.StoreOp.create(operands=[self._stored(value).value, self.value, *indices]))

    def _stored(self, value: Scalar) -> Scalar:
        """The value as it stands in memory."""
        return value.cast(self.memory_type)

    # ---- vectors ----------------------------------------------------------------------------------------

    def load_vector(
        self, builder: FunctionBuilder, lanes: Lanes, terms: Sequence[Term], constant: int, stride: int
    ) -> Scalar:
        """One element per lane, `stride` elements apart; 0 in lanes that do not exist."""
        type_ = vector_type(self.memory_type, lanes.count)
        if stride == -1 and lanes.mask is None:
            last = self.indices(builder, terms, constant - (lanes.count - 1))
            loaded = result_of(vector.LoadOp.create(operands=[self.value, *last], result_types=[type_]))
            return shuffled(Scalar(loaded), range(lanes.count)[::-1]).cast(self.element_type)
        at = self.indices(builder, terms, constant)
        if stride != 1:
            steps = lane_steps(builder, lanes.count, stride)
            loaded = self._gather(builder, at, steps, lanes.mask or all_lanes(builder, lanes.count), type_)
        elif lanes.mask is None:
            loaded = result_of(vector.LoadOp.create(operands=[self.value, *at], result_types=[type_]))
        else:
            nothing = builder.number(0, type_).value
            operands = [self.value, *at, lanes.mask, nothing]
            loaded = result_of(vector.MaskedLoadOp.create(operands=operands, result_types=[type_]))
        loaded.name_hint = self.value.name_hint
        return Scalar(loaded).cast(self.element_type)

    def load_rows(
        self,
        builder: FunctionBuilder,
        lanes: Lanes,
        rows: Scalar,
        inside: Scalar,
        place: tuple[Sequence[Term], int, tuple[int, int]],
    ) -> Scalar:
        """One element per lane, each in a row of its own; 0 where `inside` is false.

        `place` holds the terms and the constant of the first lane's element, and the strides of lanes and rows.
        """
        terms, constant, (stride, row_stride) = place
        type_ = vector_type(self.memory_type, lanes.count)
        offsets = rows * row_stride
        if stride:
            offsets = offsets + Scalar(lane_steps(builder, lanes.count, stride)).cast(rows.element_type)
        mask = inside if lanes.mask is None else both(inside, Scalar(lanes.mask))
        at = self.indices(builder, terms, constant)
        return Scalar(self._gather(builder, at, offsets.value, mask.value, type_)).cast(self.element_type)

    def _gather(
        self,
        builder: FunctionBuilder,
        at: Sequence[SSAValue],
        offsets: SSAValue,
        mask: SSAValue,
        type_: VectorType,
    ) -> SSAValue:
        operands = [self.value, *at, offsets, mask, builder.number(0, type_).value]
        return result_of(GatherOp.create(operands=operands, result_types=[type_]), self.value.name_hint)

    def store_vector(
        self,
        builder: FunctionBuilder,
        lanes: Lanes,
        value: Scalar,
        place: tuple[Sequence[Term], int, int],
    ) -> None:
        """One element per lane; `place` holds terms, constant and the distance of lanes."""
        terms, constant, stride = place
        at = self.indices(builder, terms, constant)
        stored = self._stored(value).value
        if stride != 1:
            steps = lane_steps(builder, lanes.count, stride)
            mask = lanes.mask or all_lanes(builder, lanes.count)
            insert(ScatterOp.create(operands=[self.value, *at, steps, mask, stored]))
        elif lanes.mask is None:
            insert(vector.StoreOp.create(operands=[stored, self.value, *at]))
        else:
            insert(vector.MaskedStoreOp.create(operands=[self.value, *at, lanes.mask, stored]))


def lane_steps(builder: FunctionBuilder, count: int, stride: int) -> SSAValue:
    """0, stride, 2 * stride, …: one per lane."""
    type_ = VectorType(i32, [count])
    values = DenseIntOrFPElementsAttr.from_list(type_, [lane * stride for lane in range(count)])
    return builder.shared(
        ("steps", count, stride),
        lambda: arith.ConstantOp.create(properties={"value": values}, result_types=[type_]),
        "steps",
    )


def all_lanes(builder: FunctionBuilder, count: int) -> SSAValue:
    """The mask in which every lane exists."""
    return builder.number(1, vector_type(i1, count)).value


def both(a: Scalar, b: Scalar) -> Scalar:
    """Whether both hold."""
    return Scalar(
        result_of(arith.AndIOp.create(operands=[a.value, b.value], result_types=[a.type]), "inside")
    )


def inside_rows(index: Scalar, rows: int) -> Scalar:
    """Whether an index, or each lane of a vector of them, names one of so many rows."""
    op = CmpiOp(index.value, index.like(rows).value, "ult")
    return Scalar(result_of(op, "inside"))


def cast_index(value: SSAValue, type_: Attribute) -> Operation:
    """An index as an integer of this type."""
    return IndexCastOp.create(operands=[value], result_types=[type_])


def index_of(value: Scalar) -> SSAValue:
    """An integer as an index."""
    return result_of(index_op(IndexCastOp, value.value), "row")


def safe_row(builder: FunctionBuilder, index: Scalar, inside: Scalar) -> SSAValue:
    """The row that an index names, 0 where there is none."""
    return select(inside, Scalar(index_of(index)), Scalar(builder.index(0))).value
