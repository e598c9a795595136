"""`dce`: dead code elimination: operations, and values that loops carry, which neither a result nor an effect needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue, SSAValues
from xdsl.passes import ModulePass
from xdsl.traits import IsTerminator

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.state.control_flow import While
from pullback.passes.rewriting.replacement import drop
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.simplify.side_effects import has_effect


@dataclass(frozen=True)
class DeadCode(ModulePass):
    """Removes what neither a result nor an update needs: pure operations, reads, loops, kernels, carried values.

    A loop without updates whose results have no uses is assumed to terminate.
    """

    name = "dce"
    anchor = "func.func"
    removed = Statistic("operations that nothing needs")

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.ops:
            if isinstance(function, func.FuncOp):
                remove_dead(function)


def remove_dead(function: func.FuncOp) -> None:
    """Eliminates the dead code of one function: mark and sweep."""
    marks = _Marks(function)
    marks.follow()
    for block in function.body.blocks:
        _sweep(block, marks)


class _Marks:
    """Liveness: marks what is needed, backward from effects and from what the function returns."""

    def __init__(self, function: func.FuncOp) -> None:
        self.function = function
        self.live: set[Operation] = set()
        self.carried: dict[While, set[int]] = {}
        self.work: list[SSAValue] = []

    def follow(self) -> None:
        for block in self.function.body.blocks:
            self._mark_roots(block)
        work = self.work
        while work:
            value = work.pop()
            if isinstance(value, OpResult):
                if isinstance(value.op, While):
                    self._mark_carried(value.op, value.index)
                elif value.op not in self.live:
                    self._mark(value.op)
            elif isinstance(value, BlockArgument):
                owner = value.block.parent_op()
                if isinstance(owner, While):
                    self._mark_carried(owner, value.index)

    def _mark_roots(self, block: Block) -> None:
        """Marks operations with effects; one inside a loop keeps the loop."""
        for op in block.ops:
            if has_effect(op) or (op is block.last_op and block.parent_op() is self.function):
                self._mark(op)
            for region in op.regions:
                for inner in region.blocks:
                    self._mark_roots(inner)

    def _mark(self, op: Operation) -> None:
        """Marks an operation, and those that hold it."""
        self.live.add(op)
        self.work.extend(op._operands)  # pyright: ignore[reportPrivateUsage]  no view
        for region in op.regions:
            for block in region.blocks:
                if isinstance(op, GraphOp):
                    self._mark_last(block)
                else:
                    self._mark_all(block)
        self._mark_around(op)

    def _mark_last(self, block: Block) -> None:
        last = block.last_op
        if last is not None and last not in self.live:
            self.live.add(last)
            self.work.extend(last.operands)

    def _mark_all(self, block: Block) -> None:
        for op in block.ops:
            if op not in self.live:
                self._mark(op)

    def _mark_around(self, op: Operation) -> None:
        around = op.parent_op()
        if around is None or around is self.function or around in self.live:
            return
        if isinstance(around, While):
            self._mark_loop(around)
        else:
            self._mark(around)

    def _mark_loop(self, op: While) -> None:
        """Marks the condition of a loop, on which its number of trips depends."""
        self.live.add(op)
        self._mark_last(op.condition.block)
        self._mark_around(op)

    def _mark_carried(self, op: While, index: int) -> None:
        carried = self.carried.setdefault(op, set())
        if index in carried:
            return
        carried.add(index)
        if op not in self.live:
            self._mark_loop(op)
        self.work += (op.operands[index], yield_of(op).operands[index])


def yield_of(op: While) -> Operation:
    """The terminator of a loop's body."""
    last = op.body.block.last_op
    assert last is not None
    return last


def _sweep(block: Block, marks: _Marks) -> None:
    """Erases what is not marked, users first."""
    for op in reversed(list(block.ops)):
        if op not in marks.live and not op.has_trait(IsTerminator, value_if_unregistered=False):
            drop(op)
            DeadCode.removed.add()
            continue
        kept = sorted(marks.carried.get(op, ())) if isinstance(op, While) else ()
        if isinstance(op, While):
            last = yield_of(op)
            last.operands = [last.operands[i] for i in kept]
        for region in op.regions:
            for inner in region.blocks:
                _sweep(inner, marks)
        if isinstance(op, While):
            _carry(op, kept)


def _carry(op: While, kept: Sequence[int]) -> None:
    """Rebuilds the loop with these of its carried values alone; the others have no uses."""
    if len(kept) == len(op.results):
        return
    op.operands = [op.operands[i] for i in kept]
    op.results = SSAValues(op.results[i] for i in kept)
    for index, result in enumerate(op.results):
        result.index = index
    for region in op.regions:
        for argument in reversed(region.block.args):
            if argument.index not in kept:
                region.block.erase_arg(argument)
