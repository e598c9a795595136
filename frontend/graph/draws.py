"""Counts the random operations of a graph that have no seed of their own, from which their seeds are derived."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from xdsl.ir import Block, Operation

from pullback.dialects.graph.tensor.tensor import Tensor


class Draws:
    """The draws of one graph that have no seed of their own: their number, and the state that they draw from."""

    def __init__(self) -> None:
        self.number = 0
        """The number of draws so far, which is that of the next one."""
        self.state: Any = None
        """The `RandomState` of the graph, once it is asked for."""
        self.shared = False
        """Whether the state is that of all functions."""
        self.source: Tensor | None = None
        """The tensor to draw from in place of the state, where a function is built again for its gradient."""
        self.read: tuple[Operation, ...] = ()
        """The reference to the state and its read, which precede all draws."""
        self.trips: dict[Block, Tensor | None] = {}
        """For the regions of each loop under construction a placeholder of its trip count, once a draw has asked."""

    @contextmanager
    def restored_on_error(self) -> Generator[None]:
        """Gives back every number that was taken in this block if it fails, and the read if it was made there."""
        number, read = self.number, self.read
        try:
            yield
        except BaseException:
            self.number = number
            if self.read is not read:
                self._erase_read()
            self.read = read
            raise

    def _erase_read(self) -> None:
        for op in reversed(self.read):
            if op.parent is not None:  # else it is erased already
                op.detach()
                op.erase(safe_erase=False)

    @contextmanager
    def drawn_from(self, source: Tensor | None) -> Generator[None]:
        """Draws from `source` in place of the graph's state, within this block, unless it is `None`."""
        outer, self.source = self.source, source if source is not None else self.source
        try:
            yield
        finally:
            self.source = outer

    @contextmanager
    def repeated_from(self, number: int) -> Generator[None]:
        """Numbers draws from here on again, within this block: they repeat the draws of these numbers."""
        taken, self.number = self.number, number
        try:
            yield
        finally:
            self.number = max(taken, self.number)
