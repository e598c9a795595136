"""The blocks that a walk visits: that of the request, and those around it, whose values dominate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from xdsl.dialects import func
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.traits import IsolatedFromAbove

from pullback.dialects.graph.state.control_flow import While, Yield


@dataclass(frozen=True)
class Visible:
    """Nested blocks, the innermost first: what precedes the innermost in the others dominates it.

    Attributes:
        blocks: at least one.
        back_edges: whether what the body of a loop yields counts as a source of what it carries. Known once the body
            is complete.
    """

    blocks: tuple[Block, ...]
    back_edges: bool = False

    @classmethod
    def only(cls, block: Block) -> Visible:
        """One block by itself: a walk begins and ends at what it captures."""
        return cls((block,))

    @classmethod
    def around(cls, block: Block, back_edges: bool = False) -> Visible:
        """A block and all those around it, up to the function."""
        blocks = [block]
        while (op := blocks[-1].parent_op()) is not None and op.parent is not None:
            if isinstance(op, func.FuncOp) or op.has_trait(IsolatedFromAbove, value_if_unregistered=False):
                break
            blocks.append(op.parent)
        return cls(tuple(blocks), back_edges)

    @property
    def innermost(self) -> Block:
        """The block of the request."""
        return self.blocks[0]

    @cached_property
    def loops(self) -> dict[Operation, int]:
        """The loops around the innermost block, with the index of the block inside each."""
        holders = ((block.parent_op(), i) for i, block in enumerate(self.blocks[:-1]))
        return {op: i for op, i in holders if isinstance(op, While)}

    @cached_property
    def passed(self) -> frozenset[Block]:
        """The blocks whose operations values flow through, the bodies of loops around a condition included."""
        return frozenset((*self.blocks, *(op.body.block for op in self.loops if isinstance(op, While))))

    def holder(self, op: Operation) -> Operation | None:
        """The operation of one of the blocks that is `op` or holds it in its regions."""
        while op.parent not in self.passed:
            parent = op.parent_op()
            if parent is None:
                return None
            op = parent
        return op

    def level(self, value: SSAValue) -> int:
        """The index of the block that defines a value; the number of blocks, if none does."""
        owner = value.owner
        block = owner if isinstance(owner, Block) else owner.parent
        return self.blocks.index(block) if block in self.blocks else len(self.blocks)

    def carried_from(self, op: Operation, index: int, level: int) -> Sequence[BlockArgument]:
        """The loop-carried block arguments that operand `index` of `op` flows into: as an init, or as what is yielded.

        Only of loops that hold no value of `level`: within one trip, nothing flows from a body to what it carries. A
        request in a condition sees the condition's argument; the body's is what trips go on from.
        """
        holder = op.parent_op() if self.back_edges and isinstance(op, Yield) else op
        inside = self.loops.get(holder) if holder is not None else None
        if inside is None or inside >= level:
            return ()
        assert isinstance(holder, While)
        body = holder.body.block
        if holder is not op and op.parent is not body:
            return ()
        return [block.args[index] for block in dict.fromkeys((self.blocks[inside], body))]

    def is_carried(self, value: SSAValue) -> bool:
        """Tells whether a loop around carries this value from trip to trip."""
        return isinstance(value, BlockArgument) and value.owner.parent_op() in self.loops

    def loop_of(self, value: BlockArgument) -> While:
        """The loop around that carries a value."""
        loop = value.owner.parent_op()
        assert isinstance(loop, While)
        return loop

    def outside(self, loop: Operation) -> Visible:
        """The blocks around a loop."""
        return Visible(self.blocks[self.loops[loop] + 1 :], self.back_edges)

    def body_of(self, loop: While) -> Visible:
        """The body of a loop, and the blocks around it."""
        return Visible((loop.body.block, *self.outside(loop).blocks), self.back_edges)


def levels(values: Sequence[SSAValue], visible: Visible) -> dict[int, list[SSAValue]]:
    """Groups values by the level of the block that defines them."""
    found: dict[int, list[SSAValue]] = {}
    for value in values:
        found.setdefault(visible.level(value), []).append(value)
    return found
