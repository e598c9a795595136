"""Index maps: along which axes of its iteration space an operation reads its operands and writes its result.

The iteration space of an operation has the axes of its result; that of a reduction those of its operand. A map
gives for each axis of a value the axis of the space that it runs along, or `None` for an extent of 1, which
stays at index 0. Lowerings compose these maps; nothing else says how a family walks through its operands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.gradient.markers import Accumulate, AddN
from pullback.dialects.graph.movement.rearranging import ExpandDims, Transpose
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.families import Elementwise
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.tensor.attributes import integer_list
from pullback.dialects.graph.tensor.types import shape_of_type

Axes: TypeAlias = tuple[int | None, ...]
"""For each axis of a value the axis of the iteration space, or `None` where the index is 0."""


def iteration_shape(op: Operation) -> tuple[int, ...]:
    """The extents of the iteration space: the operand's for a reduction, else the result's."""
    return shape_of_type((op.operands[0] if isinstance(op, Reduction) else op.results[0]).type)


def result_axes(op: Operation) -> Axes:
    """The map of the result: one axis after the other, without the reduced ones."""
    shape = iteration_shape(op)
    if not isinstance(op, Reduction):
        return _axes(range(len(shape)), shape)
    reduced = op.reduced
    if op.keeps_dims:
        return tuple(None if i in reduced or n == 1 else i for i, n in enumerate(shape))
    return tuple(None if n == 1 else i for i, n in enumerate(shape) if i not in reduced)


def operand_axes(op: Operation, number: int) -> Axes | None:
    """The map of an operand; `None` for an access that is no map of axes.

    Those are the rows that `gather` picks, a `split` or `strided_slice` (which start at an offset), a `reshape` that
    does more than add and drop extents of 1, and the operands of a contraction. The pieces of a `concat` have loops
    of their own, along its axes.
    """
    for family in type(op).__mro__:
        if family in _READS:
            return _READS[family](op, number)
    return None


def _axes(axes: Any, shape: tuple[int, ...]) -> Axes:
    """These axes for a value of this shape, `None` where its extent is 1."""
    return tuple(None if n == 1 else a for a, n in zip(axes, shape, strict=True))


def _shape(value: SSAValue) -> tuple[int, ...]:
    return shape_of_type(value.type)


def _broadcast(op: Operation, number: int) -> Axes:
    shape, rank = _shape(op.operands[number]), len(_shape(op.results[0]))
    return _axes(range(rank - len(shape), rank), shape)


def _same(op: Operation, number: int) -> Axes:
    shape = _shape(op.operands[number])
    return _axes(range(len(shape)), shape)


def _without_new_axes(op: Operation, number: int) -> Axes:
    new = set(integer_list(op.properties, "axes"))
    kept = [axis for axis in range(len(_shape(op.results[0]))) if axis not in new]
    return _axes(kept, _shape(op.operands[0]))


def _permuted(op: Operation, number: int) -> Axes:
    order = integer_list(op.properties, "permutation")
    shape = _shape(op.operands[0])
    return _axes([order.index(axis) for axis in range(len(shape))], shape)


def _without_unit_axes(op: Operation, number: int) -> Axes | None:
    """The map of a reshape whose two shapes differ in extents of 1 alone."""
    source, target = _shape(op.operands[0]), _shape(op.results[0])
    if [n for n in source if n != 1] != [n for n in target if n != 1]:
        return None
    long = iter([i for i, n in enumerate(target) if n != 1])
    return tuple(None if n == 1 else next(long) for n in source)


def _gathered(op: Operation, number: int) -> Axes | None:
    """The indices run along the leading axes of the result; the rows they pick are no map of axes."""
    return _same(op, number) if number == 1 else None


_READS: dict[type[GraphOp], Callable[[Operation, int], Axes | None]] = {
    Elementwise: _broadcast,
    AddN: _broadcast,
    Accumulate: _broadcast,
    BroadcastTo: _broadcast,
    Concat: _same,
    Reduction: _same,
    ExpandDims: _without_new_axes,
    Transpose: _permuted,
    Reshape: _without_unit_axes,
    Gather: _gathered,
}

GENERATORS: tuple[type[GraphOp], ...] = (Fill, Constant)
"""Operations that read nothing."""
