"""Folds reductions over one element, of reductions, of fills and of broadcasts, and sums of gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from xdsl.dialects.builtin import bf16

from pullback.dialects.graph.along_axes.axis_families import OverAxes
from pullback.dialects.graph.along_axes.reductions import AllTrue, AnyTrue, Max, Min, Prod, Reduction, Sum
from pullback.dialects.graph.along_axes.repeating import SumOfCopies
from pullback.dialects.graph.along_axes.softmax import LogSumExp
from pullback.dialects.graph.along_axes.statistics import Mean
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.gradient.markers import Accumulate, AddN
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.state.stacks import EmptyStack
from pullback.dialects.graph.tensor.attributes import integer_list
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import StackType, is_static, numpy_dtype, shape_of_type
from pullback.passes.simplify.matching import (
    Folded,
    dtype_of,
    family,
    folds,
    full_like,
    number_in,
    producer,
    same_type,
)

EXACT_INTEGERS: dict[np.dtype[Any], int] = {
    **{np.dtype(f"f{size}"): 2 ** (np.finfo(f"f{size}").nmant + 1) for size in (2, 4, 8)},
    **{np.dtype(f"i{size}"): np.iinfo(f"i{size}").max for size in (1, 2, 4, 8)},
    np.dtype(np.uint8): 255,
    numpy_dtype(bf16): 2**8,
}
"""The largest n such that a dtype has all integers up to n, so that sums of integers are exact."""


COMBINING = (family(Reduction), Mean, LogSumExp)


@folds(*COMBINING)
def reduction_over_one(op: OverAxes) -> Folded:
    """A reduction over axes of extent 1 is a reshape."""
    result = op.results[0].type
    if not is_static(op.x.type) or any(op.x.extents[a] != 1 for a in op.reduced):
        return None
    return op.x if same_type(op.x.type, result) else Reshape.to(op.x, shape_of_type(result))


@folds(*COMBINING)
def reduction_over_new_axes(op: OverAxes) -> Folded:
    """A reduction leaves out axes that were just added: they have one element."""
    inner = producer(op.x, ExpandDims)
    new = integer_list(inner.properties, "axes") if inner is not None else []
    if inner is None or not set(new) & set(op.reduced):
        return None
    old = [a for a in range(op.x.ndim) if a not in new]
    x = Tensor(inner.operands[0])
    axes = [old.index(a) for a in op.reduced if a in old]
    reduced = type(op).over(x, axes, op.keeps_dims) if axes else x
    if op.keeps_dims:
        return ExpandDims.at(reduced, new)
    kept = [a for a in range(op.x.ndim) if a not in op.reduced]
    return ExpandDims.at(reduced, [kept.index(a) for a in new if a in kept])


@folds(*COMBINING)
def reduction_of_transpose(op: OverAxes) -> Folded:
    """A reduction of a transpose, which nothing else reads, is one over the axes as they were."""
    turned = producer(op.x, Transpose)
    if turned is None or not op.x.value.has_one_use():
        return None
    reduced = type(op).over(Tensor(turned.operands[0]), [turned.order[a] for a in op.reduced], op.keeps_dims)
    if op.keeps_dims:
        return Transpose.ordered(reduced, turned.order)
    kept = [axis for a, axis in enumerate(turned.order) if a not in op.reduced]
    return Transpose.ordered(reduced, [sorted(kept).index(axis) for axis in kept])


@folds(Sum, Max, Min, AnyTrue, AllTrue)
def reduction_of_reduction(op: Reduction) -> Folded:
    """A reduction of a reduction is one over the axes of both. Sums have no order."""
    inner = producer(op.x, type(op))
    if inner is None or inner.keeps_dims != op.keeps_dims:
        return None
    left = [a for a in range(inner.x.ndim) if op.keeps_dims or a not in inner.reduced]
    axes = {*inner.reduced, *(left[a] for a in op.reduced)}
    return type(op).over(inner.x, sorted(axes), op.keeps_dims)


@folds(Sum, Prod, Mean, family(SumOfCopies))
def sum_of_fill(op: OverAxes | SumOfCopies) -> Folded:
    """A sum of n equal values is n times the value, a product its n-th power, where every partial result is exact."""
    value = number_in(Tensor(op.operands[0]))
    result = op.results[0].type
    if value is None or isinstance(value, complex) or not is_static(op.operands[0].type):
        return None
    if not math.isfinite(value) or value != int(value):
        return None
    count = _count(op) if isinstance(op, OverAxes) else math.prod(integer_list(op.properties, "counts"))
    limit = EXACT_INTEGERS.get(dtype_of(result), 0)
    if isinstance(op, Prod):
        if abs(value) > 1 and count * math.log2(abs(value)) > math.log2(limit):
            return None
        return full_like(value**count, result)
    if abs(value * count) > limit or not count:
        return None
    return full_like(value if isinstance(op, Mean) else value * count, result)


@folds(family(Reduction))
def reduction_of_none(op: Reduction) -> Folded:
    """A reduction of no elements is the neutral element."""
    if not is_static(op.x.type) or _count(op):
        return None
    return full_like(op.neutral(op.x.element_type), op.results[0].type)


@folds(Max, Min, AnyTrue, AllTrue)
def extremum_of_fill(op: Reduction) -> Folded:
    """An extremum of a fill is its value."""
    fill = producer(op.x, Fill)
    if fill is None or not is_static(op.x.type) or not _count(op):
        return None
    return full_like(fill.number, op.results[0].type)


@folds(Sum)
def sum_of_broadcast(op: Sum) -> Folded:
    """The sum of n equal elements is n times one of them: rounded once, where the sum rounds up to n times."""
    source = _before_broadcast(op)
    if source is None:
        return None
    count = _count(op)
    limit = EXACT_INTEGERS.get(dtype_of(op.x.type), 0)
    if not 0 < count <= limit:
        return None
    return Reshape.to(source, shape_of_type(op.results[0].type)) * count


@folds(Max, Min, AnyTrue, AllTrue, Mean)
def extremum_of_broadcast(op: Reduction | Mean) -> Folded:
    """The largest, the smallest, and the mean of equal elements is one of them."""
    source = _before_broadcast(op)
    if source is None or _count(op) == 0:
        return None
    return Reshape.to(source, shape_of_type(op.results[0].type))


def _count(op: OverAxes) -> int:
    return math.prod(op.x.extents[a] for a in op.reduced)


def _before_broadcast(op: OverAxes) -> Tensor | None:
    """The operand of a broadcast along exactly the axes that are reduced; `None` for anything else."""
    stretched = producer(op.x, BroadcastTo)
    if stretched is None or not is_static(op.x.type) or not is_static(stretched.x.type):
        return None
    new = op.x.ndim - stretched.x.ndim
    shape = (1,) * new + stretched.x.extents
    repeated = {i for i, (n, m) in enumerate(zip(shape, op.x.extents, strict=True)) if i < new or n != m}
    return stretched.x if repeated == set(op.reduced) else None


# ---- sums of gradients ---------------------------------------------------------------------------------------


@folds(AddN)
def fewer_stacks(op: AddN) -> Folded:
    """Drops empty stacks, the zeros of stacks, from a sum of gradients."""
    if not isinstance(op.results[0].type, StackType):
        return None
    terms = [t for t in op.addends if producer(t, EmptyStack) is None] or op.addends[:1]
    if len(terms) == 1:
        return terms[0]
    return AddN.of(*terms) if len(terms) < len(op.operands) else None


@folds(AddN)
def fewer_terms(op: AddN) -> Folded:
    """Drops zeros from a sum; a sum of one term is the term, of two an addition."""
    result = op.results[0].type
    if isinstance(result, StackType):
        return None
    if not is_static(result):
        return Tensor(op.operands[0]) if len(op.operands) == 1 else None
    if not all(same_type(v.type, result) for v in op.operands):
        return None
    terms = [t for t in op.addends if number_in(t) != 0]
    match terms:
        case []:
            return full_like(0, result)
        case [term]:
            return term
        case [a, b]:
            return Add.of(a, b)
        case _:
            return AddN.of(*terms) if len(terms) < len(op.operands) else None


@folds(Accumulate)
def accumulate_zero(op: Accumulate) -> Folded:
    """An accumulation of zeros, or into zeros, is the other operand."""
    buffer, term = (Tensor(v) for v in op.operands)
    if not same_type(buffer.type, term.type) or not is_static(op.results[0].type):
        return None
    if number_in(term) == 0:
        return buffer
    return term if producer(buffer, Fill) is not None and number_in(buffer) == 0 else None
