"""What a kernel does with its lines: a body per line, and what each line adds to totals over lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import Attribute

from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.gpu.lines.line import LineBody
from pullback.passes.lowering.nodes import Node, Reduce


@dataclass(frozen=True)
class Partial:
    """What lines add to a total over lines, and the parameter that it is left in."""

    total: Reduce
    buffer: int

    @property
    def term(self) -> Node:
        """What one line adds, or one of its points."""
        return self.total.operands[0]

    @property
    def combination(self) -> Combination:
        return Combination.of(self.total)


@dataclass(frozen=True)
class Work:
    """What a kernel does."""

    body: LineBody
    """What is done with each line."""
    types: frozenset[Attribute] = frozenset()
    """The types of what is reduced along lines."""
    single: Sequence[Partial] = ()
    """Totals to which each line adds one term."""
    across: Sequence[Partial] = ()
    """Totals, one for each point of a line, to which each line adds one term there."""
