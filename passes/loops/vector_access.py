"""Loads and stores of vectors: contiguous, strided, reversed, or row by row as indices say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from xdsl.dialects import arith, memref, vector
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    MemRefType,
    StridedLayoutAttr,
    VectorType,
    i1,
    i32,
    i64,
)
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.gather import GatherOp, ScatterOp
from pullback.dialects.upstream.transfers import transfer_read
from pullback.dialects.upstream.types import vector_type
from pullback.dialects.upstream.vector import FromElementsOp
from pullback.passes.loops.vectors import Lanes, shuffle, shuffled
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import CodeBuilder, Term, both, result_of
from pullback.passes.lowering.strided_layout import StridedLayout

NEAR = 4
"""Elements that are so few apart are picked out of whole vectors, which takes fewer loads than one for each lane."""
FEWEST_LANES = 4


def load_vector(
    view: BufferView, builder: CodeBuilder, lanes: Lanes, terms: Sequence[Term], constant: int, stride: int
) -> Scalar:
    """One element per lane, `stride` elements apart; 0 in lanes that do not exist."""
    type_ = vector_type(view.memory_type, lanes.count)
    if stride == -1 and lanes.mask is None:
        last = view.indices(builder, terms, constant - (lanes.count - 1))
        loaded = result_of(new_operation(vector.LoadOp, operands=[view.value, *last], result_types=[type_]))
        return shuffled(Scalar(loaded), range(lanes.count)[::-1]).cast(view.element_type)
    if lanes.mask is None and 1 < stride <= NEAR and lanes.count >= FEWEST_LANES:
        return _picked_out(view, builder, lanes.count, (terms, constant), stride).cast(view.element_type)
    at = view.indices(builder, terms, constant)
    if stride != 1:
        steps = lane_steps(builder, lanes.count, stride)
        loaded = _gather(view, builder, at, steps, lanes.mask or all_lanes(builder, lanes.count), type_)
    elif lanes.mask is None:
        loaded = result_of(new_operation(vector.LoadOp, operands=[view.value, *at], result_types=[type_]))
    else:
        nothing = builder.number(0, type_).value
        operands = [view.value, *at, lanes.mask, nothing]
        loaded = result_of(new_operation(vector.MaskedLoadOp, operands=operands, result_types=[type_]))
    loaded.name_hint = view.value.name_hint
    return Scalar(loaded).cast(view.element_type)


def _picked_out(
    view: BufferView, builder: CodeBuilder, count: int, first: tuple[Sequence[Term], int], stride: int
) -> Scalar:
    """Every `stride`-th element of as many vectors, which end with the last of these elements."""
    type_, last = vector_type(view.memory_type, count), (count - 1) * stride
    near = strided_view(view, builder, first, (last + 1,), (1,))
    value, lanes = None, [0] * count
    for start in (*range(0, (stride - 1) * count, count), last + 1 - count):
        load = new_operation(vector.LoadOp, operands=[near.value, builder.index(start)], result_types=[type_])
        loaded = Scalar(result_of(load, view.value.name_hint))
        places = [lane * stride - start for lane in range(count)]
        if value is None:
            value, lanes = loaded, [place if place < count else 0 for place in places]
            continue
        chosen = [count + p if 0 <= p < count else lane for p, lane in zip(places, lanes, strict=True)]
        value, lanes = shuffle(value, loaded, chosen), list(range(count))
    assert value is not None
    return value


def load_column(
    view: BufferView, builder: CodeBuilder, terms: Sequence[Term], constant: int, stride: int, count: int
) -> Scalar:
    """A vector of `count` elements, `stride` elements apart, for an operation that needs them one by one."""
    if view.memory_type != view.element_type:
        return from_elements([view.load(builder, terms, constant + n * stride) for n in range(count)])
    dim, step = view.layout.dimension(stride)
    if step != 1:
        strided = strided_view(view, builder, (terms, constant), (count,), (stride,))
        return transferred(strided, builder)
    padding = builder.number(0, view.memory_type).value
    at = view.indices(builder, terms, constant)
    return Scalar(result_of(transfer_read(view.value, at, padding, (dim,), count), view.value.name_hint))


def strided_view(
    view: BufferView,
    builder: CodeBuilder,
    first: tuple[Sequence[Term], int],
    shape: tuple[int, ...],
    strides: tuple[int, ...],
) -> BufferView:
    """Views memory from an element on by other strides, along which whole matrices can be loaded and stored."""
    offset = builder.sum_of(*first)
    op = new_operation(
        memref.ReinterpretCastOp,
        operands=[view.value, offset],
        result_types=[_strided_type(view.memory_type, shape, strides)],
        properties=_cast_properties(shape, strides),
    )
    value = result_of(op, view.value.name_hint)
    return BufferView(value, StridedLayout(shape, strides), view.element_type, view.origin)


def transferred(view: BufferView, builder: CodeBuilder) -> Scalar:
    """All that is in a view, as a vector of its shape."""
    shape = view.layout.shape
    padding, at = builder.number(0, view.memory_type).value, [builder.index(0)] * len(shape)
    read = transfer_read(view.value, at, padding, tuple(range(len(shape))), *shape)
    return Scalar(result_of(read, view.value.name_hint)).cast(view.element_type)


@lru_cache(maxsize=1 << 10)
def _strided_type(element_type: Attribute, shape: tuple[int, ...], strides: tuple[int, ...]) -> MemRefType:
    """The type of a view from some element on, the same object for equal arguments."""
    return MemRefType(element_type, shape, StridedLayoutAttr(strides, None))


@lru_cache(maxsize=1 << 10)
def _cast_properties(shape: tuple[int, ...], strides: tuple[int, ...]) -> Mapping[str, Attribute]:
    """The properties of a view from some element on, the same objects for equal arguments."""
    return {
        "static_offsets": DenseArrayBase.from_list(i64, [DYNAMIC_INDEX]),
        "static_sizes": DenseArrayBase.from_list(i64, shape),
        "static_strides": DenseArrayBase.from_list(i64, strides),
        "operandSegmentSizes": DenseArrayBase.from_list(i32, [1, 1, 0, 0]),
    }


def from_elements(elements: Sequence[Scalar]) -> Scalar:
    """The vector of these elements."""
    type_ = vector_type(elements[0].type, len(elements))
    op = new_operation(FromElementsOp, operands=[e.value for e in elements], result_types=[type_])
    return Scalar(result_of(op, elements[0].value.name_hint))


def load_rows(
    view: BufferView,
    builder: CodeBuilder,
    lanes: Lanes,
    rows: Scalar,
    inside: Scalar,
    first: tuple[Sequence[Term], int, tuple[int, int]],
) -> Scalar:
    """One element per lane, each in a row of its own; 0 where `inside` is false.

    `first` holds the terms and the constant of the first lane's element, and the strides of lanes and rows.
    """
    terms, constant, (stride, row_stride) = first
    type_ = vector_type(view.memory_type, lanes.count)
    offsets = rows * row_stride
    if stride:
        offsets = offsets + Scalar(lane_steps(builder, lanes.count, stride)).cast(rows.element_type)
    mask = inside if lanes.mask is None else both(inside, Scalar(lanes.mask))
    at = view.indices(builder, terms, constant)
    return Scalar(_gather(view, builder, at, offsets.value, mask.value, type_)).cast(view.element_type)


def _gather(
    view: BufferView,
    builder: CodeBuilder,
    at: Sequence[SSAValue],
    offsets: SSAValue,
    mask: SSAValue,
    type_: VectorType,
) -> SSAValue:
    operands = [view.value, *at, offsets, mask, builder.number(0, type_).value]
    return result_of(new_operation(GatherOp, operands=operands, result_types=[type_]), view.value.name_hint)


def store_vector(
    view: BufferView,
    builder: CodeBuilder,
    lanes: Lanes,
    value: Scalar,
    first: tuple[Sequence[Term], int, int],
) -> None:
    """One element per lane; `first` holds terms and constant of the first lane's, and the distance of lanes."""
    terms, constant, stride = first
    at = view.indices(builder, terms, constant)
    stored = view.stored(value).value
    if stride != 1:
        steps = lane_steps(builder, lanes.count, stride)
        mask = lanes.mask or all_lanes(builder, lanes.count)
        view.insert_store(new_operation(ScatterOp, operands=[view.value, *at, steps, mask, stored]))
    elif lanes.mask is None:
        view.insert_store(new_operation(vector.StoreOp, operands=[stored, view.value, *at]))
    else:
        view.insert_store(new_operation(vector.MaskedStoreOp, operands=[view.value, *at, lanes.mask, stored]))


def lane_steps(builder: CodeBuilder, count: int, stride: int) -> SSAValue:
    """0, stride, 2 * stride, …: one per lane."""
    type_ = VectorType(i32, [count])
    values = DenseIntOrFPElementsAttr.from_list(type_, [lane * stride for lane in range(count)])
    return builder.once(
        ("steps", count, stride),
        lambda: new_operation(arith.ConstantOp, properties={"value": values}, result_types=[type_]),
        "steps",
    )


def all_lanes(builder: CodeBuilder, count: int) -> SSAValue:
    """The mask in which every lane exists."""
    return builder.number(1, vector_type(i1, count)).value
