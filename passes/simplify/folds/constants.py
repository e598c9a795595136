"""Constant folding, wherever every backend would get the same bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.traits import Pure

from pullback.dialects.graph.along_axes.reductions import Max, Min, Prod, Reduction, Sum
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.movement.shapes import ShapeOf, Size
from pullback.dialects.graph.op.families import Elementwise, no_dtype
from pullback.dialects.graph.op.graph_op import Array, GraphOp
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_of, is_integer, is_static, shape_of_type
from pullback.dialects.ir.dense import is_uniform
from pullback.passes.simplify.matching import (
    Folded,
    Having,
    all_constant,
    array_of,
    dtype_of,
    folds,
    full_like,
    producer,
)

SMALL = 64
"""Elements up to which operations on dense constants are computed here: shapes, not data."""

EXACT = Having(lambda op: Elementwise in op.__mro__ and op.EXACT is not no_dtype)
MOVING = Having(lambda op: op.TAKES is not None)


@folds(Constant)
def uniform_constant(op: Constant) -> Folded:
    """A constant of one value everywhere is a fill."""
    array = op.array()
    if array.size == 0:
        return full_like(0, op.results[0].type)
    if not is_uniform(op.value) or np.isnan(array.flat[0]):
        return None
    return full_like(array.flat[0].item(), op.results[0].type)


@folds(Having(lambda op: op.has_trait(Pure) and op.has_results() and op not in (Fill, Constant)))
def nothing(op: GraphOp) -> Folded:
    """A tensor without elements is a fill."""
    types = op.result_types
    if not all(isinstance(t, TensorType) and is_static(t) and 0 in shape_of_type(t) for t in types):
        return None
    return None if op.regions else [full_like(0, t) for t in types]


@folds(ShapeOf)
def static_shape(op: ShapeOf) -> Folded:
    """The shape of a tensor of static shape."""
    type_ = op.operands[0].type
    return Constant.from_array(np.array(shape_of_type(type_), np.int64)) if is_static(type_) else None


@folds(Size)
def static_size(op: Size) -> Folded:
    """The size of a tensor of static shape."""
    type_ = op.operands[0].type
    return full_like(math.prod(shape_of_type(type_)), op.results[0].type) if is_static(type_) else None


@folds(EXACT)
def elementwise_on_fills(op: Elementwise) -> Folded:
    """An elementwise operation on fills is a fill."""
    if not all_constant(op.operands) or not _is_exact(op):
        return None
    fills = [producer(Tensor(v), Fill) for v in op.operands]
    values = [np.array(f.number, dtype_of(f.results[0].type)) for f in fills if f is not None]
    type_ = op.results[0].type
    if len(values) < len(fills) or not (is_static(type_) or len(fills) == 1):
        return None
    value = _computed(op, values)
    return None if value is None else full_like(value.item(), type_, fills[0])


@folds(EXACT, Gather, MOVING)
def small_constants(op: GraphOp) -> Folded:
    """Folds arithmetic on a few constant elements, such as that on shapes."""
    if not all_constant(op.operands) or not _is_exact(op):
        return None
    types = [r.type for r in op.results]
    if not all(is_static(t) and math.prod(shape_of_type(t)) <= SMALL for t in types):
        return None
    if not all(is_static(v.type) and math.prod(shape_of_type(v.type)) <= SMALL for v in op.operands):
        return None
    arrays = [array_of(Tensor(v)) for v in op.operands]
    known = [a for a in arrays if a is not None]
    if len(known) < len(arrays):
        return None
    computed = _computed(op, known)
    if computed is None:
        return None
    pieces = computed if isinstance(computed, tuple) else [computed]
    return [
        Constant.from_array(np.asarray(a, dtype_of(t)).reshape(shape_of_type(t)))
        for a, t in zip(pieces, types, strict=True)
    ]


def _is_exact(op: GraphOp) -> bool:
    """Tells whether there is one right result to the bit, as there always is where nothing is rounded."""
    return not isinstance(op, Elementwise) or type(op).EXACT(element_type_of(op.operands[-1].type))


@folds(Sum, Prod, Max, Min)
def reduction_of_small_integers(op: Reduction) -> Folded:
    """Folds reductions of a few integers, which combine exactly in any order."""
    type_ = op.x.type
    if (
        not is_static(type_)
        or not is_integer(element_type_of(type_))
        or math.prod(shape_of_type(type_)) > SMALL
    ):
        return None
    return _reduced(op)


def _reduced(op: Reduction) -> Folded:
    array = array_of(op.x)
    return None if array is None else Constant.from_array(np.asarray(op.numpy(array)))


def _computed(op: GraphOp, arrays: list[Array]) -> Any:
    """The evaluator's result; `None` for NaN, whose bits no backend promises."""
    with np.errstate(all="ignore"):
        result = op.numpy(*arrays)
    return None if isinstance(op, Elementwise) and np.any(np.isnan(result)) else result
