"""Sums of fewer terms than are written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pullback.dialects.graph.axes import OverAxes
from pullback.dialects.graph.base import OPS
from pullback.dialects.graph.creation import Fill
from pullback.dialects.graph.elementwise import Add
from pullback.dialects.graph.markers import Accumulate, AddN
from pullback.dialects.graph.reductions import AllTrue, AnyTrue, Max, Min, Reduction, Sum
from pullback.dialects.graph.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.softmax import LogSumExp
from pullback.dialects.graph.stacks import EmptyStack
from pullback.dialects.graph.statistics import Mean
from pullback.dialects.graph.types import StackType, is_static, shape_of_type
from pullback.dialects.graph.value import Tensor
from pullback.passes.simplify.matching import (
    Folded,
    dtype_of,
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
}
"""Up to which all integers are values of a dtype, so that sums of integers are exact."""


@folds(*(op for op in OPS.values() if issubclass(op, Reduction)), Mean, LogSumExp)
def reduction_over_one(op: OverAxes) -> Folded:
    """Over axes of extent 1 there is nothing to combine."""
    result = op.results[0].type
    if not is_static(op.x.type) or any(op.x.extents[a] != 1 for a in op.reduced):
        return None
    return op.x if same_type(op.x.type, result) else Reshape.to(op.x, shape_of_type(result))


@folds(Sum)
def sum_of_fill(op: Sum) -> Folded:
    """n times a value, where every partial sum is exact."""
    value = number_in(op.x)
    if value is None or isinstance(value, complex) or not is_static(op.x.type):
        return None
    if not math.isfinite(value) or value != int(value):
        return None
    total = value * _count(op)
    dtype = dtype_of(op.x.type)
    if abs(total) > EXACT_INTEGERS.get(dtype, 0):
        return None
    return full_like(total, op.results[0].type)


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


@folds(Max, Min, AnyTrue, AllTrue)
def extremum_of_broadcast(op: Reduction) -> Folded:
    """The largest, or the smallest, of equal elements."""
    source = _before_broadcast(op)
    if source is None or _count(op) == 0:
        return None
    return Reshape.to(source, shape_of_type(op.results[0].type))


def _count(op: OverAxes) -> int:
    return math.prod(op.x.extents[a] for a in op.reduced)


def _before_broadcast(op: OverAxes) -> Tensor | None:
    """What was broadcast along exactly the axes that are reduced."""
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
    """An empty stack is the zero of stacks."""
    if not isinstance(op.results[0].type, StackType):
        return None
    terms = [t for t in op.addends if producer(t, EmptyStack) is None] or op.addends[:1]
    if len(terms) == 1:
        return terms[0]
    return AddN.of(*terms) if len(terms) < len(op.operands) else None


@folds(AddN)
def fewer_terms(op: AddN) -> Folded:
    """Zeros add nothing; one term is the sum, two are an addition."""
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
    """A buffer of zeros, or a term of zeros."""
    buffer, term = (Tensor(v) for v in op.operands)
    if not same_type(buffer.type, term.type) or not is_static(op.results[0].type):
        return None
    if number_in(term) == 0:
        return buffer
    return term if producer(buffer, Fill) is not None and number_in(buffer) == 0 else None
