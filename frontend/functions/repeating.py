"""Functions that repeat or permute elements: tile, repeat, flip, roll."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX

from pullback.dialects.graph.along_axes.repeating import Flip, Repeat, Roll, Tile
from pullback.dialects.graph.by_index.extents import of_extent
from pullback.dialects.graph.by_index.taken_along import taken_along
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape, flattened
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import GraphError
from pullback.frontend.graph.emit import named_as
from pullback.frontend.operands.axes import Axes, checked_axes, checked_axis, whole_numbers
from pullback.frontend.operands.convert import as_tensor

__all__ = ["flip", "repeat", "reverse", "roll", "tile"]


def tile(x: Operand, repetitions: int | Sequence[int], name: str | None = None) -> Tensor:
    """All of `x`, side by side.

    Args:
        x: any tensor.
        repetitions: how often, along each axis. If there are more axes than numbers, they are for the last ones; if
            there are more numbers, `x` gets new axes in front.
        name: of the operation.

    Raises:
        ValueError: for negative numbers.
    """
    value, counts = as_tensor(x, "tile"), _counts(repetitions, "tile: repetitions")
    new = max(len(counts) - value.ndim, 0)
    counts = [1] * (value.ndim - len(counts)) + counts
    return named_as(name, lambda: Tile.make(ExpandDims.at(value, range(new)), counts))


def _counts(given: int | Sequence[int], what: str) -> list[int]:
    counts = whole_numbers(given, what)
    if min(counts, default=0) < 0:
        raise GraphError(f"{what}: expected numbers from 0 on, got {given}")
    return counts


def repeat(
    x: Operand, repeats: int | Sequence[int], axis: int | None = None, name: str | None = None
) -> Tensor:
    """The elements of `x`, each several times in a row.

    Args:
        x: any tensor.
        repeats: how often; or a number for each position along the axis, whose extent must be known then.
        axis: along which, counted from the end if negative; without one, `x` is flattened first.
        name: of the operation.

    Raises:
        ValueError: for negative numbers, or another count of them than there are positions (when run, where only a run
            knows it).
    """
    value, counts = as_tensor(x, "repeat"), _counts(repeats, "repeat: repeats")
    if axis is None:
        value, at = flattened(value), 0
    else:
        at = checked_axis(axis, value.ndim, "repeat")
    if len(counts) == 1:
        along = [counts[0] if a == at else 1 for a in range(value.ndim)]
        return named_as(name, lambda: Repeat.make(value, along))
    extent = value.extents[at]
    if extent not in (len(counts), DYNAMIC_INDEX):
        raise GraphError(
            f"repeat: repeats: {len(counts)} numbers for axis {at} of {value.type}, whose extent is {extent}"
        )
    value = of_extent(value, at, len(counts))
    positions = Constant.from_array(np.repeat(np.arange(len(counts)), counts))
    return named_as(name, lambda: taken_along(value, positions, at))


def flip(x: Operand, axis: Axes = None, name: str | None = None) -> Tensor:
    """`x` backwards along `axis`: one, several, or all of them (`None`)."""
    value = as_tensor(x, "flip")
    axes = checked_axes(axis, value.ndim, "flip")
    return named_as(name, lambda: Flip.along(value, axes))


reverse = flip


def roll(
    x: Operand, shift: int | Sequence[int], axis: int | Sequence[int] | None = None, name: str | None = None
) -> Tensor:
    """`x` moved along axes; what leaves at one end comes in at the other.

    Args:
        x: any tensor.
        shift: by how many elements, towards the end if positive; one number, or one for each axis.
        axis: along which; those of one axis given twice add up. Without one, the elements move in row-major order.
        name: of the operation.

    Raises:
        ValueError: for another count of shifts than of axes.
    """
    value, shifts = as_tensor(x, "roll"), whole_numbers(shift, "roll: shift")
    if axis is None:
        if len(shifts) != 1:
            raise GraphError(f"roll: shift: expected one number where there is no axis, got {shift}")
        moved = named_as(name, lambda: Roll.by(flattened(value), shifts, [0]))
        return Reshape.like(moved, value)
    axes = [checked_axis(a, value.ndim, "roll") for a in whole_numbers(axis, "roll: axis")]
    if len(shifts) == 1:
        shifts *= len(axes)
    if len(axes) == 1:
        axes *= len(shifts)
    if len(shifts) != len(axes):
        raise GraphError(
            f"roll: {len(shifts)} shifts for {len(axes)} axes: expected one for each, or one for all"
        )
    total = {a: sum(s for s, b in zip(shifts, axes, strict=True) if a == b) for a in sorted(set(axes))}
    return named_as(name, lambda: Roll.by(value, list(total.values()), list(total)))
