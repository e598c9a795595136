"""Cache keys of values that tell apart what Python's `==` does not: 1, 1.0 and True, 0.0 and -0.0, `(2,)` and `(2.0,)`.

What was compiled for one value must not serve another for which a function may do something else. So types and signs
count, at every depth; and NaN, which equals nothing, has the key of NaN.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np

PARTS: dict[type, Callable[[Any], object]] = {
    float: float.hex,
    complex: lambda value: (value.real.hex(), value.imag.hex()),
    tuple: tuple,
    frozenset: frozenset,
    range: lambda value: (value.start, value.stop, value.step),
    slice: lambda value: (value.start, value.stop, value.step),
    Decimal: Decimal.as_tuple,
    datetime: lambda value: (value.isoformat(), value.fold, value.tzinfo),
    date: date.isoformat,
    time: lambda value: (value.isoformat(), value.fold, value.tzinfo),
    np.dtype: lambda value: (value.str, value.names and value.descr, value.metadata and repr(value.metadata)),
    np.generic: lambda value: (value.dtype.str, value.tobytes()),
}
"""The parts of values of a class, where `==` says less; the first class that a value is of counts."""


def exact_key(value: object) -> Hashable:
    """A key that two values share if nothing can tell them apart, as far as their classes are known.

    Known are Python's and NumPy's numbers, tuples, frozen sets, ranges, slices, dtypes, dates and frozen dataclasses,
    in each other. Anything else is compared by its class and by what that calls equal.

    Raises:
        TypeError: a value, or a part of one, is not hashable.
    """
    kind = type(value)
    if kind in (int, bool, str, bytes, type(None)):
        return kind, value
    if isinstance(value, Enum):  # members are what they are, whatever their values equal
        return kind, value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return kind, *_fields(value)
    for known in kind.__mro__:
        if known in PARTS:
            return kind, _inner(PARTS[known](value))
    hash(value)
    return kind, value


def _inner(parts: object) -> Hashable:
    """The keys of the parts of a value, down to text, bytes and `None`."""
    if isinstance(parts, tuple):
        return tuple(map(exact_key, parts))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(parts, frozenset):
        return frozenset(map(exact_key, parts))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return exact_key(parts)


def _fields(value: Any) -> tuple[Hashable, ...]:
    """The key of each field that counts in a comparison; the object itself where it is compared as one."""
    hash(value)
    if type(value).__eq__ is object.__eq__:
        return (value,)
    return tuple(exact_key(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare)
