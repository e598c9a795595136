"""`by_identity`: what is known of types and attributes, looked up by which object they are.

A program has few of them and asks for each value, and to hash one takes longer than most of what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from xdsl.ir import Attribute

AttributeT = TypeVar("AttributeT", bound=Attribute)
T = TypeVar("T")

MOST_KNOWN = 100_000


def by_identity(function: Callable[[AttributeT], T]) -> Callable[[AttributeT], T]:
    """Remembers what a function gives for an attribute; that is kept alive, so that no other takes its identity."""
    known: dict[int, tuple[T, AttributeT]] = {}

    @wraps(function)
    def look_up(attribute: AttributeT) -> T:
        found = known.get(id(attribute))
        if found is None:
            if len(known) > MOST_KNOWN:
                known.clear()
            found = known[id(attribute)] = function(attribute), attribute
        return found[0]

    return look_up
