"""The model of a kernel: its loops, its outputs, and the nodes (expressions) behind these, read from its region.

Both lowerings, and the check of schedules, begin with it. Of

    graph.kernel %x, %b schedule<kind = rows, parallel = [4], reduce = [5]> … {
    ^bb0(%0: tensor<4x5xf32>, %1: tensor<4x1xf32>):
      %2 = graph.add %0, %1 : (tensor<4x5xf32>, tensor<4x1xf32>) -> tensor<4x5xf32>
      %3 = graph.sum %2 {axes = array<i64: 1>} : (tensor<4x5xf32>) -> tensor<4xf32>
      graph.yield %3 : tensor<4xf32>
    }

the space has the dims d0 of extent 4 and d1 of extent 5, and the one output, at offset d0, is

    Reduce(sum, over {d1}, Compute(add, Load(%x, 5 * d0 + d1), Load(%b, d0)))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.passes.lowering.nodes import Load, Node, Output, cone
from pullback.passes.lowering.outputs import outputs_of
from pullback.passes.lowering.space import Space


@dataclass(frozen=True)
class KernelModel:
    """A kernel's iteration space, its outputs in the order in which they must be stored, and all nodes."""

    space: Space
    outputs: Sequence[Output]
    nodes: Sequence[Node]

    @staticmethod
    def of(kernel: Kernel, schedule: Schedule) -> KernelModel:
        """Raises DiagnosticError where the schedule does not fit the region."""
        space, outputs = outputs_of(Space.of(kernel, schedule))
        return KernelModel(space, outputs, cone([node for output in outputs for node in output.nodes]))

    @cached_property
    def loads(self) -> list[Load]:
        """The nodes that read memory."""
        return [node for node in self.nodes if isinstance(node, Load)]
