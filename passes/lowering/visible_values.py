"""Values that are visible where code is inserted: what is computed from equal operands is computed once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from xdsl.ir import SSAValue

from pullback.dialects.graph.tensor.insertion import Insert, insertion_point

Key = tuple[object, ...]
"""An operation and its operands."""


@dataclass(frozen=True)
class _Scope:
    """The values in a block that is open; those in the blocks around it are visible, too."""

    around: _Scope | None
    values: dict[Key, SSAValue] = field(default_factory=dict[Key, SSAValue])


class VisibleValues:
    """The values in the blocks to whose ends code is inserted now."""

    def __init__(self, outermost: Insert) -> None:
        self._open: dict[Insert | None, _Scope] = {outermost: _Scope(None)}

    @contextmanager
    def inside(self, around: Insert, block: Insert) -> Generator[None]:
        """While this lasts, the end of a block is open, within one that is open already."""
        is_new = block not in self._open
        if is_new:
            self._open[block] = _Scope(self._open[around])
        yield
        if is_new:
            del self._open[block]

    def find(self, key: Key) -> SSAValue | None:
        """The value of an equal operation, if one is visible."""
        scope = self._open.get(insertion_point())
        while scope is not None:
            if (found := scope.values.get(key)) is not None:
                return found
            scope = scope.around
        return None

    def add(self, key: Key, value: SSAValue) -> None:
        """Makes a value known that has just been inserted."""
        scope = self._open.get(insertion_point())
        if scope is not None:
            scope.values[key] = value
