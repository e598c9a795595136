"""The inner box of a loop nest: the indices for which all loads exist whose bounds loops must compare otherwise.

Windows of 3 reach one element beyond an image of 56 x 56: all bounds hold of the rows and columns 1 to 54.

    scf.parallel (%n, %h, %w) = … {
      %inside = …1 <= %h < 55 and 1 <= %w < 55…
      scf.if %inside {
        …nine loads of vectors…
      } else {
        …nine masked loads of vectors…
      }
    }
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.passes.loops.partial_results import Accumulator
from pullback.passes.loops.sweep import Iteration, Range, Sweep, carried_loop
from pullback.passes.lowering.code_builder import CodeBuilder, both
from pullback.passes.lowering.nodes import Load, Node


def has_bounds(nodes: Iterable[Node]) -> bool:
    """Tells whether some of these nodes are loads that may reach beyond what they read."""
    return any(isinstance(node, Load) and node.bounds for node in nodes)


@dataclass(frozen=True)
class InnerBox:
    """Where all bounds hold: between which indices along each of some dims."""

    ranges: Mapping[int, tuple[int, int]]

    @staticmethod
    def of(nodes: Iterable[Node], dims: Collection[int], extents: Sequence[int]) -> InnerBox | None:
        """The box of the loads among some nodes.

        `None` where they have no bounds, or one that changes with other dims than these, or with several of them.
        """
        bounds = {bound for node in nodes if isinstance(node, Load) for bound in node.bounds}
        ranges: dict[int, tuple[int, int]] = {}
        for bound in bounds:
            if len(bound.index.dims) != 1 or not bound.index.dims <= set(dims):
                return None
            (dim,) = bound.index.dims
            step, constant = bound.index.coefficients[dim], bound.index.constant
            ends = (-constant, bound.extent - 1 - constant)
            low, high = ends if step > 0 else ends[::-1]
            first, last = -(-low // step), high // step
            before = ranges.get(dim, (0, extents[dim]))
            ranges[dim] = max(before[0], first), min(before[1], last + 1)
        if not ranges or any(first >= end for first, end in ranges.values()):
            return None
        return InnerBox(ranges)

    def holds(
        self, builder: CodeBuilder, indices: Mapping[int, SSAValue], but: int | None = None
    ) -> Scalar | None:
        """Tells whether these indices are in the box, along all dims but one; `None` where all are."""
        found: Scalar | None = None
        for dim, (first, end) in self.ranges.items():
            if dim != but:
                index = builder.sum_of([(indices[dim], 1)], -first, "from")
                holds = Scalar(builder.is_within(index, end - first))
                found = holds if found is None else both(found, holds)
        return found


@dataclass(frozen=True)
class AlongBox:
    """The loops along one dim of a box: over the indices in it, and over those before and behind it.

    Args:
        sweep: along the dim, for the indices in the box.
        single: for the others.
        dim: its number.
        range: the indices in the box.
        inside: whether the indices of the other dims are in the box, if that is not certain.
    """

    sweep: Sweep
    single: Sweep
    dim: int
    range: tuple[int, int]
    inside: Scalar | None

    def run(
        self,
        accumulators: Sequence[Accumulator],
        iteration: Callable[[bool], Iteration],
        *,
        parallel: bool = False,
    ) -> None:
        """Emits the loops; `iteration` builds one for indices in the box, or for others."""
        single = self.single
        first, end = self._whole_iterations()
        if parallel:
            assert self.inside is None
            self.sweep.run_parallel([(first, end)], iteration(True))
            single.run_parallel([(0, first), (end, self._full)], iteration(False))
        else:
            start, stop = self._bounds(first, end)
            most = end - first
            if most:
                self.sweep.run(accumulators, iteration(True), range_=Range(self.dim, (start, stop), most))
            self._beside(start, stop, accumulators, iteration(False))
        single.run(accumulators, iteration(False), range_=Range(self.dim))

    @property
    def _full(self) -> int:
        return self.single.extent // self.single.width * self.single.width

    def _whole_iterations(self) -> tuple[int, int]:
        """The indices in the box that whole iterations take."""
        width, block = self.single.width, self.sweep.block
        first = min(-(-self.range[0] // width) * width, self._full)
        return first, first + max(self.range[1] - first, 0) // block * block

    def _bounds(self, first: int, end: int) -> tuple[SSAValue, SSAValue]:
        """The same as values: none where another index is not in the box."""
        builder = self.sweep.builder
        if self.inside is None:
            return builder.index(first), builder.index(end)
        none = Scalar(builder.index(0))
        start, stop = (select(self.inside, Scalar(builder.index(n)), none).value for n in (first, end))
        return start, stop

    def _beside(
        self,
        start: SSAValue,
        stop: SSAValue,
        accumulators: Sequence[Accumulator],
        iteration: Iteration,
    ) -> None:
        sweep = self.single
        builder = sweep.builder
        full = Scalar(builder.index(self._full))

        def side(number: SSAValue) -> None:
            is_behind = Scalar(builder.is_from(number, builder.index(1)))
            low = select(is_behind, Scalar(stop), Scalar(builder.index(0))).value
            high = select(is_behind, full, Scalar(start)).value
            sweep.run(accumulators, iteration, range_=Range(self.dim, (low, high), self._full))

        # Both sides together have no more terms than one sweep.
        carried_loop(builder, 2, "side", accumulators, side, sweep.steps // 2)
