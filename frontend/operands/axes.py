"""Checks axes as users give them: whole numbers that count from the end if negative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError

Axes: TypeAlias = int | Sequence[int] | None
"""One axis, several, or all of them (`None`); negative ones count from the end."""


def is_whole_number(value: object) -> TypeGuard[int]:
    """Tells whether this is an integer of Python or NumPy; a truth value is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_real_number(value: object) -> TypeGuard[float]:
    """Tells whether this is a real number of Python or NumPy; a truth value is none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def listed(numbers: Any) -> list[Any]:
    """The items of a list, a tuple, a range or an array; anything else, an array of rank 0 too, as a list of one."""
    if isinstance(numbers, np.ndarray):
        return list(numbers) if numbers.ndim else [numbers[()]]
    return list(numbers) if isinstance(numbers, list | tuple | range) else [numbers]


def checked_axis(axis: int, rank: int, what: str) -> int:
    """The axis counted from the front; `ValueError` where it does not exist or is no whole number."""
    if not is_whole_number(axis):
        raise ArgumentTypeError(f"{what}: axis: expected a whole number, got {axis!r}")
    if not -rank <= axis < rank:
        expected = f"expected {-rank} to {rank - 1}" if rank else "a scalar has no axes"
        raise GraphError(f"{what}: axis {axis} does not exist: {expected}")
    return int(axis) % rank


def checked_axes(axes: Axes, rank: int, what: str) -> list[int]:
    """The axes counted from the front, in the order given; `ValueError` for what are none, or for one twice."""
    if axes is None:
        return list(range(rank))
    checked = [checked_axis(axis, rank, what) for axis in whole_numbers(axes, f"{what}: axis")]
    if len(set(checked)) != len(checked):
        raise GraphError(f"{what}: axis: the same axis is given twice in {axes}")
    return checked


def whole_numbers(numbers: int | Sequence[int], what: str) -> list[int]:
    """A list of whole numbers, or one of them as a list of one; `ValueError` for anything else."""
    items = listed(numbers)
    if not all(map(is_whole_number, items)):
        raise ArgumentTypeError(f"{what}: expected a whole number or a list of these, got {numbers!r}")
    return [int(n) for n in items]
