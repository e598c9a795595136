"""Compiles the host function of a program whose arguments stay where they are.

What follows from the places of arguments and from constants is *static*: it is computed once for these places. Launches
and copies of static memory that follow each other form a segment, which becomes one step; the rest are steps as on the
interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import IsTerminator

from pullback.backends.interpreter.compiled_blocks import CompiledBlock, Compiler, Step, StepBuilder
from pullback.backends.interpreter.run_views import VIEWS
from pullback.backends.interpreter.scalar_meanings import MEANINGS

COMMANDS = frozenset(("gpu.launch_func", "gpu.memcpy", "gpu.memset"))
"""What a device does."""
QUIET = frozenset((*MEANINGS, *VIEWS, "memref.dim", "gpu.alloc", "gpu.dealloc"))
"""What the host does without looking at memory that a segment reads or writes: it may as well be done before."""
TRAPS = frozenset(name for name in MEANINGS if "div" in name or "rem" in name)
"""What may fail in a branch that is not taken: it is not done before."""
STATIC = (QUIET | {"memref.get_global"}) - {"gpu.alloc", "gpu.dealloc"} - TRAPS


@dataclass(frozen=True)
class PlannedSegment:
    """Commands on static memory, in the order of the text."""

    number: int
    steps: tuple[Step, ...]
    """Each issues commands."""
    ops: tuple[Operation, ...]
    """What the commands are, but for copies at the begin and at the end of the function."""


@dataclass(frozen=True)
class HostPlan:
    """A host function, compiled."""

    body: CompiledBlock
    static: tuple[Step, ...]
    """What is done once, when the places of arguments are known."""
    segments: tuple[PlannedSegment, ...]
    size: int
    """The number of values that an environment holds."""


class SegmentCompiler(Compiler):
    """Compiles one host function.

    Args:
        builders: the steps of ops, by name.
        replay: makes the step that runs a segment.
    """

    def __init__(self, builders: Mapping[str, StepBuilder], replay: Callable[[PlannedSegment], Step]) -> None:
        super().__init__(builders)
        self._replay = replay
        self._known: set[SSAValue] = set()
        self._static: list[Step] = []
        self._segments: list[PlannedSegment] = []

    def plan(self, function: Operation, before: Step, after: Step) -> HostPlan:
        """The plan of a function; `before` and `after` issue commands at its begin and its end."""
        block = function.regions[0].block
        self._known.update(block.args)
        body = self._block(block, [before], [after])
        return HostPlan(body, tuple(self._static), tuple(self._segments), self.size)

    def block(self, block: Block) -> CompiledBlock:
        return self._block(block, [], [])

    def _block(self, block: Block, before: list[Step], after: list[Step]) -> CompiledBlock:
        arguments, steps = self.slots(block.args), list[Step]()
        issued: list[tuple[Step, Operation | None]] = [(step, None) for step in before]
        for op in block.ops:
            if op.has_trait(IsTerminator):
                continue
            known = self._known.issuperset(op.operands)
            if known and op.name in COMMANDS:
                issued.append((self.step(op), op))
            elif known and op.name in STATIC:
                self._static.append(self.step(op))
                self._known.update(op.results)
            elif op.name in QUIET:
                steps.append(self.step(op))
            else:
                # Before the step: what an op holds is compiled, and numbered, after what comes before it.
                self._close(issued, steps)
                issued = []
                steps.append(self.step(op))
        self._close([*issued, *((step, None) for step in after)], steps)
        last = block.last_op
        return CompiledBlock(arguments, tuple(steps), self.slots(last.operands) if last is not None else ())

    def _close(self, issued: Sequence[tuple[Step, Operation | None]], steps: list[Step]) -> None:
        if issued:
            ops = tuple(op for _, op in issued if op is not None)
            segment = PlannedSegment(len(self._segments), tuple(step for step, _ in issued), ops)
            self._segments.append(segment)
            steps.append(self._replay(segment))
