"""Pointwise kernels: every element of every output on its own, the innermost loop in vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xdsl.ir import SSAValue

from pullback.passes.loops.drawn_vectors import DrawnVectors, vectors_of_draws
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.sweep import Sweep
from pullback.passes.loops.vectors import Lanes, tail_mask
from pullback.passes.lowering.nodes import Output


def lower_pointwise(kernel: KernelFunction) -> None:
    """One nest of loops for all outputs that run along the same dims."""
    nests: dict[frozenset[int], list[Output]] = {}
    for output in kernel.outputs:
        nests.setdefault(output.offset.dims, []).append(output)
    with kernel.builder.entering(kernel.builder.block):
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
    *outer, lane = dims
    if not outer:
        lower_lanes(kernel, kernel.root, lane, compute, draws, parallel=True)
        return

    def body(*indices: SSAValue) -> None:
        level = kernel.root.inside(kernel.builder.insertion_point, dict(zip(outer, indices, strict=True)))
        lower_lanes(kernel, level, lane, compute, draws, parallel=False)

    kernel.builder.parallel([(0, kernel.space.extents[d], 1) for d in outer], hints_of(outer), body)


def lower_lanes(
    kernel: KernelFunction,
    level: LoopLevel,
    lane: int,
    compute: Callable[[LoopLevel], None],
    draws: DrawnVectors | None,
    *,
    parallel: bool,
) -> None:
    """The innermost loop: full vectors, or blocks of draws, and what is left, whose last vector is masked."""
    count = kernel.lanes_along(lane)

    def vector(start: SSAValue, first: int, size: int) -> LoopLevel:
        at = kernel.builder.sum_of([(start, 1)], first, "i") if first else start
        lanes = Lanes(lane, count, swept=kernel.space.extents[lane])
        return at_lanes(kernel, level, {lane: at}, lanes, size - first)

    def iteration(start: SSAValue, size: int) -> tuple[()]:
        make_known = draws.beginning() if draws else None
        for number, first in enumerate(range(0, size, count)):
            here = vector(start, first, size)
            if make_known is not None:
                make_known(here, number)
            compute(here)
        return ()

    width = draws.size if draws else count
    sweep = Sweep(kernel.builder, "i", kernel.space.extents[lane], width, 1)
    sweep.run((), iteration, parallel=parallel)


def at_lanes(
    kernel: KernelFunction, level: LoopLevel, indices: Mapping[int, SSAValue], lanes: Lanes, size: int
) -> LoopLevel:
    """A level within `level` whose first lane has these indices, and of whose lanes `size` exist."""
    if size < lanes.count:
        lanes = Lanes(lanes.dim, lanes.count, tail_mask(kernel.builder, size, lanes.count))
    return level.inside(kernel.builder.insertion_point, indices, lanes)


def hints_of(dims: Sequence[int]) -> list[str]:
    """Names for the indices of some outer loops."""
    return ["row"] if len(dims) == 1 else [f"i{d}" for d in dims]
