"""Folds what is computed of copies, by `tile` and `repeat`, to copies of what is computed: once instead of n times.

    %t = graph.tile %x {counts = [2, 3]}                  %s = graph.square %x
    %s = graph.square %t                             ->   %r = graph.sum %s {axes = [0, 1]}
    %r = graph.sum %s {axes = [0, 1]}                     %n = graph.multiply %r, 6.0

Copies that something else needs would be made of both. So a pointwise operation takes the place of what it reads only
where all that reads the copies goes through them.
"""

from __future__ import annotations

from math import prod
from typing import TypeAlias

from xdsl.ir import Operation, OpResult, SSAValue

from pullback.dialects.graph.along_axes.axis_families import OverAxes
from pullback.dialects.graph.along_axes.reductions import AllTrue, AnyTrue, Max, Min, Sum
from pullback.dialects.graph.along_axes.repeating import Copies, Repeat, SumOfCopies, Tile
from pullback.dialects.graph.along_axes.statistics import Mean
from pullback.dialects.graph.op.families import Elementwise
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import element_type_of, is_static, shape_of_type, tensor_type
from pullback.passes.simplify.folds.reductions import EXACT_INTEGERS
from pullback.passes.simplify.matching import Folded, dtype_of, family, folds

KINDS = frozenset({Tile, Repeat})
REDUCTIONS = (Sum, Max, Min, AnyTrue, AllTrue, Mean)
HowCopied: TypeAlias = "tuple[type[Copies], tuple[int, ...]]"
"""The kind of copies, and how many there are along each axis."""


@folds(*REDUCTIONS)
def reduction_of_copies(op: OverAxes) -> Folded:
    """A reduction of copies is one of the elements, copied along what is left; a sum is a multiple of theirs."""
    found = _copies(op.x.value)
    if found is None:
        return None
    (kind, counts), source = found
    times = prod(counts[axis] for axis in op.reduced)
    if type(op) is Sum and times > EXACT_INTEGERS.get(dtype_of(op.x.type), 0):
        return None
    reduced = type(op).of(source, **op.properties)
    left = [1 if axis in op.reduced else n for axis, n in enumerate(counts)]
    if not op.keeps_dims:
        left = [n for axis, n in enumerate(left) if axis not in op.reduced]
    return kind.make(reduced * times if type(op) is Sum and times != 1 else reduced, left)


@folds(family(SumOfCopies))
def sum_of_its_copies(op: SumOfCopies) -> Folded:
    """Of copies that are summed up multiples are left, or copies, or sums of what was copied."""
    found = _copies(op.operands[0])
    if found is None or not _reads_through(op, found[0]):
        return None
    (kind, counts), source = found
    summed = integer_list(op.properties, "counts")
    common = [min(pair) for pair in zip(counts, summed, strict=True)]
    times = prod(common)
    if times > EXACT_INTEGERS.get(dtype_of(source.type), 0):
        return None
    summed, left = ([n // m for n, m in zip(ns, common, strict=True)] for ns in (summed, counts))
    if any(n != 1 for n in summed):
        shape = [n // m for n, m in zip(source.extents, summed, strict=True)]
        result = tensor_type(source.element_type, shape)
        source = type(op).emit_as([source.value], result, {"counts": integers(summed)})
    return kind.make(source * times, left)


@folds(family(Elementwise))
def pointwise_of_copies(op: Elementwise) -> Folded:
    """A pointwise operation on copies, and on what is the same for all copies, is one on the elements."""
    found = _sources(op)
    if found is None:
        return None
    how, sources = found
    read = {v for v, source in zip(op.operands, sources, strict=True) if source.value is not v}
    if not all(_goes_through(use.operation) for v in read for use in v.uses):
        return None
    kind, counts = how
    result = op.results[0].type
    shape = (n // count for n, count in zip(shape_of_type(result), counts, strict=True))
    values = [source.value for source in sources]
    return kind.make(
        type(op).emit_as(values, tensor_type(element_type_of(result), shape), op.properties), counts
    )


def _goes_through(user: Operation) -> bool:
    """Tells whether an operation that reads copies can read the elements instead."""
    if isinstance(user, Elementwise):
        return _sources(user) is not None
    if isinstance(user, SumOfCopies):
        found = _copies(user.operands[0])
        return found is not None and _reads_through(user, found[0])
    return type(user) in REDUCTIONS


def _sources(op: Elementwise) -> tuple[HowCopied, list[Tensor]] | None:
    """What copies the operands of an operation are, and of what; the others are the same for all copies."""
    made = [_copies(v) for v in op.operands]
    how = next((found[0] for found in made if found is not None), None)
    if how is None:
        return None
    shape = shape_of_type(op.results[0].type)
    sources: list[Tensor] = []
    for value, found in zip(op.operands, made, strict=True):
        if found is not None and found[0] == how and shape_of_type(value.type) == shape:
            sources.append(found[1])
        elif is_static(value.type) and _is_same_for_all(value, how[1]):
            sources.append(Tensor(value))
        else:
            return None
    return how, sources


def _is_same_for_all(value: SSAValue, counts: tuple[int, ...]) -> bool:
    """Tells whether a value is broadcast along the axes that have copies."""
    shape = shape_of_type(value.type)
    along = counts[len(counts) - len(shape) :]
    return all(n == 1 for n, count in zip(shape, along, strict=True) if count != 1)


def _copies(value: SSAValue) -> tuple[HowCopied, Tensor] | None:
    """How a value is copied, and of what; None for anything else, for none, and for unknown extents."""
    op = value.op if type(value) is OpResult else None
    if type(op) not in KINDS or not is_static(value.type):
        return None
    assert isinstance(op, Copies)
    source, counts = Tensor(op.operands[0]), integer_list(op.properties, "counts")
    return ((type(op), tuple(counts)), source) if is_static(source.type) and all(counts) else None


def _reads_through(op: SumOfCopies, how: HowCopied) -> bool:
    """Tells whether a sum of copies has equal terms, all copies of an element or so many for each of its sums."""
    kind, counts = how
    pairs = list(zip(counts, integer_list(op.properties, "counts"), strict=True))
    if kind.GRADIENT is not type(op) or all(min(pair) == 1 for pair in pairs):
        return False
    return all(min(pair) and max(pair) % min(pair) == 0 for pair in pairs)
