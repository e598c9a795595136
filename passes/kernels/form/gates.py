"""Gates as walls: which of them stand between an operation and its users."""

from __future__ import annotations

from xdsl.ir import Block, Operation

from pullback.dialects.graph.gradient.markers import Gate


class Walls:
    """Counts the gates of a block that a walk has passed."""

    def __init__(self, block: Block) -> None:
        self.passed = 0
        self._block = block
        self._before: dict[Operation, int] = {}
        """The gates before each operation; empty where the block has none."""
        count = 0
        if any(isinstance(op, Gate) for op in block.ops):
            for op in block.ops:
                self._before[op] = count
                count += isinstance(op, Gate)

    def are_crossed_by(self, op: Operation) -> bool:
        """Whether a later user of the operation stands beyond another gate than those passed so far."""
        if not self._before:
            return False
        users = (self._in_block(use.operation) for result in op.results for use in result.uses)
        return any(self._before.get(user, 0) > self.passed for user in users if user is not None)

    def _in_block(self, op: Operation | None) -> Operation | None:
        """The operation of the block itself that holds `op`."""
        while op is not None and op.parent is not self._block:
            op = op.parent_op()
        return op
