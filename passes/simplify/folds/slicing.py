"""Folds slices of slices, of pads and of broadcasts, and the gradients of slices."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.movement.block_slicing import Slice
from pullback.dialects.graph.movement.padding import Pad
from pullback.dialects.graph.movement.shapes import BroadcastTo
from pullback.dialects.graph.movement.slicing import (
    LAST,
    StridedSlice,
    StridedSliceGradient,
    slice_properties,
)
from pullback.dialects.graph.tensor.attributes import number_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_static, shape_of_type
from pullback.passes.simplify.matching import Folded, folds, full_like, producer, same_type


@folds(Slice)
def block(op: Slice) -> Folded:
    """A `slice` of a tensor of static shape is a `strided_slice`."""
    x = Tensor(op.operands[0])
    return StridedSlice.at(x, op.slices) if is_static(x.type) else None


@folds(StridedSlice, StridedSliceGradient)
def whole(op: StridedSlice | StridedSliceGradient) -> Folded:
    """A slice of all elements, in order, is the operand."""
    x = Tensor(op.operands[0])
    if not same_type(x.type, op.results[0].type):
        return None
    everything = all(
        part == slice(0, LAST, 1) if n == DYNAMIC_INDEX else range(n)[part] == range(n)
        for n, part in zip(x.extents, op.slices, strict=True)
    )
    return x if everything else None


@folds(StridedSlice)
def known_bounds(op: StridedSlice) -> Folded:
    """Normalises the bounds of a slice of static shape, so that equal slices are equal operations."""
    x = Tensor(op.operands[0])
    bounds = slice_properties(op.slices, x.extents)
    return StridedSlice.of(x, **bounds) if is_static(x.type) and bounds != op.properties else None


@folds(StridedSlice)
def slice_of_slice(op: StridedSlice) -> Folded:
    """A slice of a slice is one slice."""
    inner = producer(Tensor(op.operands[0]), StridedSlice)
    if inner is None or not is_static(inner.operands[0].type):
        return None
    x = Tensor(inner.operands[0])
    return StridedSlice.at(x, _composed(x.extents, inner.slices, op.slices))


@folds(StridedSliceGradient)
def gradient_of_slice_of_slice(op: StridedSliceGradient) -> Folded:
    """The gradient of a slice of a slice, zeros around zeros, is that of one slice."""
    inner = producer(Tensor(op.operands[0]), StridedSliceGradient)
    result = op.results[0].type
    if inner is None or not is_static(inner.operands[0].type) or not is_static(result):
        return None
    shape = shape_of_type(result)
    bounds = slice_properties(_composed(shape, op.slices, inner.slices), shape)
    return StridedSliceGradient.emit_as([inner.operands[0]], result, bounds)


def _composed(extents: Sequence[int], outer: Sequence[slice], inner: Sequence[slice]) -> list[slice]:
    """Composes two slices along each axis; `None` where they are no one slice."""
    ranges = [range(n)[a][b] for n, a, b in zip(extents, outer, inner, strict=True)]
    return [slice(p.start, None if p.stop < 0 else p.stop, p.step) if p else slice(0) for p in ranges]


@folds(StridedSlice)
def slice_of_its_gradient(op: StridedSlice) -> Folded:
    """The same slice of a gradient of a slice is what was put between the zeros."""
    inner = producer(Tensor(op.operands[0]), StridedSliceGradient)
    if (
        inner is None
        or inner.slices != op.slices
        or not same_type(inner.operands[0].type, op.results[0].type)
    ):
        return None
    return Tensor(inner.operands[0])


@folds(StridedSlice)
def slice_of_pad(op: StridedSlice) -> Folded:
    """A slice of a pad that reads only padding is a fill; one that reads none of it is a slice of the operand."""
    pad = producer(Tensor(op.operands[0]), Pad)
    if pad is None or not is_static(pad.operands[0].type):
        return None
    x = Tensor(pad.operands[0])
    ranges = [range(n)[part] for n, part in zip(shape_of_type(pad.results[0].type), op.slices, strict=True)]
    parts: list[slice] = []
    is_inside = True
    for n, (low, _), elements in zip(x.extents, pad.paddings, ranges, strict=True):
        first, last = sorted((elements[0], elements[-1])) if elements else (0, 0)
        if not elements or last < low or first >= low + n:
            return full_like(number_of(pad.value), op.results[0].type)
        is_inside = is_inside and low <= first and last < low + n
        stop = elements.stop - low
        parts.append(slice(elements.start - low, None if stop < 0 else stop, elements.step))
    return StridedSlice.at(x, parts) if is_inside else None


@folds(StridedSlice)
def slice_of_broadcast(op: StridedSlice) -> Folded:
    """A slice of a broadcast is a broadcast of a slice."""
    stretched = producer(Tensor(op.operands[0]), BroadcastTo)
    if stretched is None or not is_static(op.operands[0].type) or not is_static(stretched.x.type):
        return None
    x = stretched.x
    own = op.slices[len(op.slices) - x.ndim :]
    extents = shape_of_type(op.operands[0].type)[len(op.slices) - x.ndim :]
    parts = [s if n == m else slice(None) for s, n, m in zip(own, x.extents, extents, strict=True)]
    return BroadcastTo.to(StridedSlice.at(x, parts), shape_of_type(op.results[0].type))
