"""Compares what two runs of a function left, and says where they first differ by more than rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pullback.dialects.graph.op.graph_op import Array
from pullback.driver.checking.function_runs import Results
from pullback.driver.checking.measured_rounding import (
    MANY_RUNS,
    RUNS,
    ULPS,
    distance,
    is_inexact,
    numbers,
    unit,
)
from pullback.driver.checking.partial_evaluation import UNKNOWN

FALLBACK = 512.0
"""Units in the last place of a number, and of the largest of its array, where nothing measures what rounding does."""


@dataclass(frozen=True)
class ChangedNumber:
    """An element that changed.

    Attributes:
        value: what it is an element of, in words: `result 'y'`, `variable 'w'`.
        index: its place.
        before, after: what it was, and what it is.
        allowed: how far rounding could have moved it.
        ulps: how far it was moved, in units in the last place; `None` for what is not rounded, infinite and NaN.
        count, size: how many elements changed, of how many.
    """

    value: str
    index: tuple[int, ...]
    before: Any
    after: Any
    allowed: float
    ulps: float | None
    count: int
    size: int

    def __str__(self) -> str:
        where = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        moved = (
            "" if self.ulps is None else f", {self.ulps:.3g} ulp away; rounding explains {self.allowed:.1e}"
        )
        others = f" ({self.count} of {self.size} elements differ)" if self.size > 1 else ""
        return f"{self.value}{where} was {self.before!s} and is {self.after!s}{moved}{others}"


@dataclass(frozen=True)
class ChangedShape:
    """A value whose shape or dtype changed."""

    value: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.value} was {self.before} and is {self.after}"


@dataclass(frozen=True)
class ChangedCount:
    """A program that has fewer results, or more."""

    before: int
    after: int

    def __str__(self) -> str:
        return f"the number of results was {self.before} and is {self.after}"


Change = ChangedNumber | ChangedShape | ChangedCount
Allowed = Callable[[int], Array]
"""How far rounding may move the elements of the value at a place: results in order, then variables by name."""


def values_of(results: Results) -> list[Any]:
    """The results in order, then the variables in the order of their names."""
    return [*results.values, *(results.variables[name] for name in sorted(results.variables))]


def first_change(
    names: list[str], before: Results, after: Results, allowed: Callable[[int], Allowed | None]
) -> Change | None:
    """The first value that differs by more than rounding, at its first element that does; or that some are missing.

    Args:
        names: of the results.
        before, after: what is compared; what is not known in one of them is left out.
        allowed: measures what rounding does, in so many runs; called only where numbers are not the same, and
            with more runs before it is said that they differ: a number beside a jump may take some to cross it.
    """
    if len(before.values) != len(after.values):
        return ChangedCount(len(before.values), len(after.values))
    measured: Allowed | None = None
    is_sure = False
    for place, name, old, new in _pairs(names, before, after):
        old_numbers, new_numbers = numbers(old), numbers(new)
        if old_numbers.shape != new_numbers.shape:
            return ChangedShape(name, _shape(old), _shape(new))
        apart = distance(old_numbers, new_numbers)
        if not apart.any():
            continue
        if measured is None:
            measured = allowed(RUNS)
        dtype = np.asarray(old if not hasattr(old, "dense") else old.values).dtype
        limit = _limit(old_numbers, dtype, place, measured)
        if not np.all(apart <= limit) and not is_sure:
            measured, is_sure = allowed(MANY_RUNS), True
            limit = _limit(old_numbers, dtype, place, measured)
        if (wrong := ~(apart <= limit)).any():
            return _described(name, old_numbers, new_numbers, old, wrong, np.broadcast_to(limit, wrong.shape))
    return None


def _pairs(names: list[str], before: Results, after: Results) -> Iterator[tuple[int, str, Any, Any]]:
    for place, (old, new) in enumerate(zip(before.values, after.values, strict=True)):
        if old is not UNKNOWN and new is not UNKNOWN:
            name = f"result '{names[place]}'" if place < len(names) else f"result {place}"
            yield place, name, old, _as_before(old, new)
    unknown = before.unknown | after.unknown
    for number, name in enumerate(sorted(before.variables)):
        if name in after.variables and name not in unknown:
            place = len(before.values) + number
            yield place, f"variable '{name}'", before.variables[name], after.variables[name]


def _as_before(old: Any, new: Any) -> Any:
    """A value in the dtype that it had before: in memory integers have no sign, and what a target returns has one."""
    is_array = isinstance(old, np.ndarray) and isinstance(new, np.ndarray)
    if is_array and {old.dtype.kind, new.dtype.kind} == {"i", "u"} and old.itemsize == new.itemsize:
        return new.view(old.dtype)
    return new


def _limit(old: Array, dtype: np.dtype[Any], place: int, measured: Allowed | None) -> Array:
    if not is_inexact(dtype):
        return np.zeros(old.shape) if measured is None else measured(place)
    with np.errstate(all="ignore"):
        size = np.where(np.isfinite(old), np.abs(old), 0.0)
    largest = float(size.max(initial=0.0))
    floor = unit(dtype) * (ULPS * size + ULPS / 2 * largest)
    if measured is None:
        return floor * (FALLBACK / ULPS)
    return floor + measured(place)


def _described(name: str, old: Array, new: Array, value: Any, wrong: Array, limit: Array) -> ChangedNumber:
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    before, after = old[index], new[index]
    dtype = np.asarray(value.values if hasattr(value, "dense") else value).dtype
    ulps: float | None = None
    if is_inexact(dtype) and np.isfinite(before) and np.isfinite(after):
        tiny = float(np.finfo(np.float32).tiny) if dtype.itemsize <= 4 else float(np.finfo(np.float64).tiny)
        ulps = float(abs(after - before) / (unit(dtype) * max(abs(before), tiny)))
    if is_inexact(dtype):
        before, after = (np.asarray(number).astype(dtype)[()] for number in (before, after))
    return ChangedNumber(name, index, before, after, float(limit[index]), ulps, int(wrong.sum()), wrong.size)


def _shape(value: Any) -> str:
    array = numbers(value)
    return f"{array.dtype} of shape {array.shape}"
