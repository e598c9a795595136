"""The reductions of a kernel whose lines are rows or columns, by what they run over, and in which order they are known.

For the rows of `%x : tensor<4x8xf32>`, one point of P each, with the dims (4) of P and (8) of R,

    %s = graph.sum %x {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32>      // along each line
    %t = graph.sum %x {axes = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>      // across the lines
    %u = graph.sum %x {axes = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>     // along each, then over all

%u is two reductions: the line's share is the same sum as %s, of which there is a `single` total. The softmax of a row
needs two stages: the largest element first, and then the sum of what is computed with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pullback.passes.lowering.nodes import Node, Reduce


@dataclass(frozen=True)
class LineReductions:
    """Reductions, operands first in each list."""

    along: list[Reduce]
    """One result for each line."""
    across: list[Reduce]
    """Over all lines, one result for each point of them."""
    single: list[Reduce]
    """Over all lines, one result."""

    @staticmethod
    def of(nodes: Iterable[Node], inner: Collection[int]) -> LineReductions:
        """Sorts the reductions among these nodes; `inner` are the dims along a line."""
        found = LineReductions([], [], [])
        for node in nodes:
            if isinstance(node, Reduce):
                is_point = bool(node.dims & frozenset(inner))
                chosen = found.along if not node.is_outer else found.across if is_point else found.single
                chosen.append(node)
        return found

    def along_at(self, stage: int) -> list[Reduce]:
        """Finds the reductions along each line whose terms are known in a stage."""
        return [node for node in self.along if node.operands[0].stage == stage]
