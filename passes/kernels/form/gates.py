"""Gates as walls: which of them lie between an operation and its users."""

from __future__ import annotations

from xdsl.ir import Block, Operation

from pullback.dialects.graph.gradient.markers import Gate


class Walls:
    """The number of gates before each operation of a block."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._before: dict[Operation, int] = {}
        """Empty where the block has no gate."""
        count = 0
        if any(isinstance(op, Gate) for op in block.ops):
            for op in block.ops:
                self._before[op] = count
                count += isinstance(op, Gate)

    def before(self, op: Operation) -> int:
        """How many gates of the block come before an operation of it."""
        return self._before.get(op, 0)

    def are_crossed_by(self, op: Operation) -> bool:
        """Whether a user of the operation comes after a gate that the operation comes before."""
        if not self._before:
            return False
        users = (self._in_block(use.operation) for result in op.results for use in result.uses)
        return any(self.before(user) > self.before(op) for user in users if user is not None)

    def _in_block(self, op: Operation | None) -> Operation | None:
        """The operation of the block itself that holds `op`."""
        while op is not None and op.parent is not self._block:
            op = op.parent_op()
        return op
