"""Pointwise kernels: every element of every output on its own, the innermost loop in vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

from xdsl.ir import SSAValue

from pullback.passes.loops.drawn_vectors import DrawnVectors, vectors_of_draws
from pullback.passes.loops.inner_box import AlongBox, InnerBox, has_bounds
from pullback.passes.loops.interleaved_stores import InterleavedStores
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.sweep import Iteration, Sweep
from pullback.passes.loops.turned_reads import TurnedReads
from pullback.passes.loops.vectors import Lanes, tail_mask
from pullback.passes.loops.windows_at_once import AT_ONCE, each_window, windows_at_once
from pullback.passes.lowering.nodes import Compute, Node, Output

ENOUGH = 16
"""Iterations beside each other from which on several windows are computed at once in each."""


def lower_pointwise(kernel: KernelFunction) -> None:
    """One nest of loops for all outputs that run along the same dims."""
    nests: dict[frozenset[int], list[Output]] = {}
    for output in kernel.outputs:
        nests.setdefault(output.offset.dims, []).append(output)
    with kernel.builder.entering(kernel.builder.block):
        interleaved = InterleavedStores.of(kernel)
        if interleaved is not None:
            interleaved.lower()
            return
        for dims, outputs in nests.items():
            lower_nest(kernel, sorted(dims), outputs)


def lower_nest(kernel: KernelFunction, dims: Sequence[int], outputs: Sequence[Output]) -> None:
    """Loops over these dims around the computation of these outputs."""
    draws = vectors_of_draws(outputs, dims[-1], kernel.lanes_along(dims[-1])) if dims else None
    each_element(kernel, dims, lambda level: level.store_outputs(outputs, kernel.results), draws)


def each_element(
    kernel: KernelFunction,
    dims: Sequence[int],
    compute: Callable[[LoopLevel], None],
    draws: DrawnVectors | None = None,
) -> None:
    """Loops over these dims around a computation, in vectors along the last of them, and in blocks of its draws."""
    if not dims:
        compute(kernel.root)
        return
    turned = None if draws else TurnedReads.of(kernel, dims, compute)
    if turned is not None:
        turned.lower()
        return
    *outer, lane = dims
    here = [node for node in kernel.nodes if node.dims <= set(dims)]
    lanes = LanesLoop(kernel, lane, compute, draws, InnerBox.of(here, dims, kernel.space.extents))
    if not outer:
        lanes.lower(kernel.root, parallel=True)
        return
    around = outer[:-1] if lanes.takes_windows(here, dims) else outer

    def body(*indices: SSAValue) -> None:
        level = kernel.root.inside(kernel.builder.insertion_point, dict(zip(around, indices, strict=True)))
        if around == outer:
            lanes.lower(level, parallel=False)
        else:
            lanes.windows(level, outer[-1])

    kernel.builder.parallel([(0, kernel.space.extents[d], 1) for d in around], hints_of(around), body)


@dataclass(frozen=True)
class LanesLoop:
    """The innermost loop: full vectors, or blocks of draws, and what is left, whose last vector is masked.

    Within a box, along all dims, nothing compares whether what it loads exists.
    """

    kernel: KernelFunction
    lane: int
    compute: Callable[[LoopLevel], None]
    draws: DrawnVectors | None
    box: InnerBox | None

    def lower(self, level: LoopLevel, *, parallel: bool) -> None:
        """Emits the loop at a level that fixes all other dims."""
        builder, box = self.kernel.builder, self.box
        if box is None:
            self._sweep.run((), self._vectors(level, False), parallel=parallel)
            return
        inside = box.holds(builder, level.indices, but=self.lane)
        if self.lane in box.ranges:
            along = AlongBox(self._sweep, self._sweep, self.lane, box.ranges[self.lane], inside)
            along.run((), partial(self._vectors, level), parallel=parallel)
            return
        assert inside is not None

        def branch(is_inside: bool) -> None:
            here = level.inside(builder.insertion_point, {}, is_inside=is_inside)
            self._sweep.run((), self._vectors(here, is_inside))

        builder.when(inside.value, lambda: branch(True), lambda: branch(False))

    def takes_windows(self, nodes: Sequence[Node], dims: Sequence[int]) -> bool:
        """Whether several indices of the last dim but one are computed together, in iterations that are enough."""
        kernel = self.kernel
        if self.draws or len(dims) < 3:
            return False
        if self.lane in self.box.ranges if self.box is not None else has_bounds(nodes):
            return False  # lanes compare bounds, or all windows do
        others = prod(kernel.space.extents[d] for d in dims[:-2])
        return others >= ENOUGH and windows_at_once(kernel, nodes, dims) > 1

    def windows(self, level: LoopLevel, dim: int) -> None:
        """Emits the loops along a dim of windows, several at once, and along the lanes."""
        builder, extent, box = self.kernel.builder, self.kernel.space.extents[dim], self.box
        several, single = (Sweep(builder, f"i{dim}", extent, n, 1) for n in (AT_ONCE, 1))
        range_ = (0, extent) if box is None else box.ranges.get(dim, (0, extent))
        inside = None if box is None else box.holds(builder, level.indices, but=dim)

        def iteration(is_inside: bool) -> Iteration:
            def some(start: SSAValue, size: int) -> tuple[()]:
                if size == 1:
                    here = level.inside(builder.insertion_point, {dim: start})
                    self._sweep.run((), self._vectors(here, False))
                else:
                    self._sweep.run((), self._several(level, dim, start))
                return ()

            return some

        AlongBox(several, single, dim, range_, inside).run((), iteration)

    def _several(self, level: LoopLevel, dim: int, first: SSAValue) -> Iteration:
        def iteration(start: SSAValue, size: int) -> tuple[()]:
            lanes = self._lanes(size)
            each_window(level, {dim: first, self.lane: start}, lanes, dim, self.compute)
            return ()

        return iteration

    def _lanes(self, size: int) -> Lanes:
        count = self._count
        if size < count:
            return Lanes(self.lane, count, tail_mask(self.kernel.builder, size, count))
        return Lanes(self.lane, count, swept=self.kernel.space.extents[self.lane])

    @property
    def _count(self) -> int:
        return self.kernel.lanes_along(self.lane)

    def _is_narrowed(self, size: int) -> bool:
        """Tells whether the last lanes are a shorter vector: what reads the next row waits for a masked store to end.

        That is where results take the place of operands. Functions of mathematics of shorter vectors are more code.
        """
        if size >= self._count or size & (size - 1) or self.draws:
            return False
        kernel = self.kernel
        is_cheap = not any(isinstance(n, Compute) and n.is_expensive for n in kernel.nodes)
        return is_cheap and any(kernel.is_loaded(output) for output in kernel.outputs)

    @property
    def _sweep(self) -> Sweep:
        width = self.draws.size if self.draws else self._count
        return Sweep(self.kernel.builder, "i", self.kernel.space.extents[self.lane], width, 1)

    def _vectors(self, level: LoopLevel, is_inside: bool) -> Iteration:
        kernel, count = self.kernel, self._count

        def iteration(start: SSAValue, size: int) -> tuple[()]:
            make_known = self.draws.beginning() if self.draws else None
            for number, first in enumerate(range(0, size, count)):
                at = kernel.builder.sum_of([(start, 1)], first, "i") if first else start
                width = size if self._is_narrowed(size) else count
                lanes = Lanes(self.lane, width, swept=kernel.space.extents[self.lane])
                here = at_lanes(kernel, level, {self.lane: at}, lanes, size - first, is_inside=is_inside)
                if make_known is not None:
                    make_known(here, number)
                self.compute(here)
            return ()

        return iteration


def at_lanes(
    kernel: KernelFunction,
    level: LoopLevel,
    indices: Mapping[int, SSAValue],
    lanes: Lanes,
    size: int,
    *,
    is_inside: bool = False,
) -> LoopLevel:
    """A level within `level` whose first lane has these indices, and of whose lanes `size` exist."""
    if size < lanes.count:
        lanes = Lanes(lanes.dim, lanes.count, tail_mask(kernel.builder, size, lanes.count))
    return level.inside(kernel.builder.insertion_point, indices, lanes, is_inside=is_inside)


def hints_of(dims: Sequence[int]) -> list[str]:
    """Names for the indices of some outer loops."""
    return ["row"] if len(dims) == 1 else [f"i{d}" for d in dims]
