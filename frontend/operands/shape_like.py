"""Converts shapes as users give them: numbers, `-1`, tensors among them, or one tensor of integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, i64
from xdsl.ir import OpResult

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import ShapeOf
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.tensor import Operators, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, is_integer, shape_of_type
from pullback.frontend.operands.axes import is_whole_number, listed

ShapeLike: TypeAlias = int | Sequence[int | Tensor | None] | Tensor


def extents_and_operand(shape: ShapeLike, what: str) -> tuple[tuple[int, ...], Tensor | None]:
    """The extents of a shape (`DYNAMIC_INDEX` where not known), and the operand that gives the rest.

    The operand is `None` where no tensor is involved: a `-1` is then for the caller to interpret.
    """
    if isinstance(shape, Tensor):
        return _of_tensor(shape, what)
    items = _checked_items(shape, what)
    extents = tuple(DYNAMIC_INDEX if n is None or isinstance(n, Tensor) or n == -1 else int(n) for n in items)
    tensors = sum(isinstance(n, Tensor) for n in items)
    if not tensors:
        return extents, None
    if extents.count(DYNAMIC_INDEX) > tensors:
        raise GraphError(f"{what}: a shape with tensors in it gives every extent: no -1 or None beside them")
    parts = [_as_row(n, what) for n in items if n is not None]
    return extents, Concat.of(*parts, axis=IntegerAttr(0, i64))


def static_extents(shape: ShapeLike, what: str) -> tuple[tuple[int, ...], Tensor | None]:
    """`extents_and_operand` where every extent must be given: no `-1` and no `None`."""
    extents, operand = extents_and_operand(shape, what)
    if operand is None and DYNAMIC_INDEX in extents:
        raise GraphError(f"{what}: expected extents from 0 on, got {shape}")
    return extents, operand


def _checked_items(shape: int | Sequence[int | Tensor | None], what: str) -> list[int | Tensor | None]:
    items, may_be_open = listed(shape), isinstance(shape, list | tuple)
    for extent in items:
        if isinstance(extent, Tensor) or (extent is None and may_be_open):
            continue
        if not is_whole_number(extent):
            raise ArgumentTypeError(f"{what}: shape: expected whole numbers such as (2, 3), got {shape!r}")
        if extent < -1:
            raise GraphError(f"{what}: expected extents from 0 on, got {shape}")
    return items


def _as_row(extent: int | Tensor, what: str) -> Tensor:
    if not isinstance(extent, Tensor):
        return Constant.from_array(np.array([extent], np.int64))
    if extent.ndim != 0 or not is_integer(extent.element_type):
        raise GraphError(f"{what}: expected scalars of integers, got {extent.type}")
    return ExpandDims.at(Cast.to(extent, i64), [0])


def _of_tensor(shape: Tensor, what: str) -> tuple[tuple[int, ...], Tensor]:
    """The known part of a computed shape: its rank always, its extents if they come from a type."""
    known_length = shape.ndim == 1 and shape.extents[0] != DYNAMIC_INDEX
    if not known_length or not is_integer(shape.element_type):
        raise GraphError(f"{what}: a shape must be a tensor of integers of known length, got {shape.type}")
    value = shape.value
    maker = value.op if isinstance(value, OpResult) else None
    match maker:
        case ShapeOf():
            extents = shape_of_type(maker.operands[0].type)
        case Constant():
            extents = tuple(map(int, maker.array()))
        case _:
            extents = (DYNAMIC_INDEX,) * shape.extents[0]
    return extents, Cast.to(shape, i64)


def as_index_tensor(numbers: int | Sequence[int | Tensor] | Tensor, what: str) -> Tensor:
    """Numbers, tensors of one integer among them, or one tensor that holds them all, as a tensor of rank 1."""
    if isinstance(numbers, Operators):
        return numbers.as_tensor()
    items = listed(numbers)
    given = [n.as_tensor() if isinstance(n, Operators) else n for n in items]
    if not all(isinstance(n, Tensor) or is_whole_number(n) for n in given):
        raise ArgumentTypeError(f"{what}: expected whole numbers or tensors of integers, got {numbers!r}")
    if not any(isinstance(n, Tensor) for n in given):
        return Constant.from_array(np.array(given, np.int64))
    return Concat.of(*(_as_row(n, what) for n in given), axis=IntegerAttr(0, i64))
