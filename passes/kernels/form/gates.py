"""Scheduling barriers: the gates of a block, across which nothing is fused.

%a = graph.tanh %x           segment 0
%g = graph.gate %a           segment 0
%b = graph.exp %g            segment 1
"""

from __future__ import annotations

from xdsl.ir import Block, Operation

from pullback.dialects.graph.gradient.markers import Gate


class Barriers:
    """The segments into which gates divide a block."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._segments: dict[Operation, int] = {}
        """Empty where the block has no gate."""
        count = 0
        if any(isinstance(op, Gate) for op in block.ops):
            for op in block.ops:
                self._segments[op] = count
                count += isinstance(op, Gate)

    def segment(self, op: Operation) -> int:
        """Counts the gates before an operation of the block."""
        return self._segments.get(op, 0)

    def are_crossed_by(self, op: Operation) -> bool:
        """Tells whether a use of the operation is in a later segment than the operation."""
        if not self._segments:
            return False
        users = (self._in_block(use.operation) for result in op.results for use in result.uses)
        return any(self.segment(user) > self.segment(op) for user in users if user is not None)

    def _in_block(self, op: Operation | None) -> Operation | None:
        """Finds the operation of the block itself that holds `op`."""
        while op is not None and op.parent is not self._block:
            op = op.parent_op()
        return op
