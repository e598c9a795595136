"""Finds objects of a pool that nothing else refers to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def first_unused(pool: Sequence[T]) -> T | None:
    """The first object to which only the pool refers; the caller holds what keeps others from taking it, too."""
    for each in pool:
        if sys.getrefcount(each) == _UNUSED:
            return each
    return None


def _references_when_unused() -> int:
    """The `getrefcount` of an unused object, as a loop sees it; it differs between Pythons."""
    for each in [object()]:
        return sys.getrefcount(each)
    return 0


_UNUSED = _references_when_unused()
