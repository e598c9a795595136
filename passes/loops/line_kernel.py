"""What rows and columns kernels have in common: outer loops over lines, within which reductions are formed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.partial_results import Accumulator
from pullback.passes.loops.pointwise import hints_of
from pullback.passes.loops.sweep import carried_loop
from pullback.passes.loops.totals import Totals
from pullback.passes.lowering.nodes import Reduce


class Lines(ABC):
    """Outputs by where they belong, reductions by the stage in which they are formed. A line is a row, or a column."""

    def __init__(self, kernel: KernelFunction, line: str) -> None:
        self.kernel = kernel
        self.builder = kernel.builder
        self.outer, self.inner = kernel.space.outer, kernel.space.inner
        reduces = [n for n in kernel.nodes if isinstance(n, Reduce)]
        inside, outside = set(self.inner), set(self.outer)
        self.reduces = [n for n in reduces if not n.is_outer]
        self.sums = [n for n in reduces if n.is_outer and not n.dims]
        self.totals = Totals(kernel, [n for n in reduces if n.is_outer])
        self.elements = [o for o in kernel.outputs if o.offset.dims & inside and o not in self.totals.outputs]
        self.per_line = [o for o in kernel.outputs if o.offset.dims and not o.offset.dims & inside]
        self.singles = [o for o in kernel.outputs if not o.offset.dims]
        self.in_lines = [o.node for o in self.elements] + [n.operands[0] for n in self.reduces]
        self.in_lines += [n.operands[0] for n in self.totals.places]
        across = [o.node for o in kernel.outputs if o.offset.dims & outside]
        if any(n.is_late for n in (*self.in_lines, *across)):
            raise DiagnosticError(
                f"a total over all {line}s is used inside a {line} of one kernel", kernel.space.kernel
            )
        self.last = max([n.stage for n in self.in_lines], default=0)

    @property
    def is_independent(self) -> bool:
        """Whether no total is gathered over the lines, so that they need not run in order."""
        return not self.sums and not self.totals.places

    def lower(self) -> None:
        with self.builder.entering(self.builder.block):
            self.totals.clear()
            if not self.is_independent:
                self._in_order()
            elif self.reduces or self.elements or self.per_line:  # else nothing runs along the lines
                self._in_parallel()
            self.totals.finish()
            self.kernel.root.store_outputs(self.singles, self.kernel.results)

    @property
    def depth(self) -> int:
        """How many terms `lines` adds to a total, one after the other."""
        return self.totals.depth

    @abstractmethod
    def lines(self, level: LoopLevel, partial: Sequence[Accumulator]) -> None:
        """What runs inside of the outer loops, and adds to the totals so far."""

    def _in_parallel(self) -> None:
        if not self.outer:
            self.lines(self.kernel.root, ())
            return

        def body(*indices: SSAValue) -> None:
            around = dict(zip(self.outer, indices, strict=True))
            self.lines(self.kernel.root.inside(self.builder.place, around), ())

        extents = self.kernel.space.extents
        self.builder.parallel([(0, extents[d], 1) for d in self.outer], hints_of(self.outer), body)

    def _in_order(self) -> None:
        partial = [Accumulator(node.op, node.element_type, [], "total") for node in self.sums]
        self._nest(list(self.outer), {}, partial)
        for node, total in zip(self.sums, partial, strict=True):
            self.kernel.root.known[node] = total.total(self.builder)

    def _nest(self, dims: list[int], indices: dict[int, SSAValue], partial: list[Accumulator]) -> None:
        if not dims:
            self.lines(self.kernel.root.inside(self.builder.place, indices), partial)
            return
        first, *rest = dims
        (hint,) = hints_of([first])
        extents = self.kernel.space.extents
        carried_loop(
            self.builder,
            extents[first],
            hint,
            partial,
            lambda index: self._nest(rest, {**indices, first: index}, partial),
            self.depth * prod(extents[d] for d in rest),
            self.totals.end_block if self.totals.is_long else None,
        )
