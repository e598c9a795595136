"""Pointwise kernels and concats: outputs that run along the same dims are one kernel, pieces of equal size as well.

Of three pieces of 1000 elements each comes one kernel of 12 blocks of 256 threads, four for each piece of a concat.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pullback.dialects.graph.kernel.schedule import GpuTuning
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.loop_nests import LoopNest, nests_of
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Point
from pullback.passes.gpu.point_kernels import Piece, of_pieces, threads_for
from pullback.passes.gpu.pointwise_tuning import THREADS, completed
from pullback.passes.gpu.staged_inputs import staged
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.space import Space
from pullback.passes.lowering.tuning import tuned

MOST_PIECES = 32
"""The most pieces that are joined in one kernel, whose text grows with them."""


def lower_pointwise(
    parameters: Parameters, space: Space, outputs: Sequence[Output], name: str = ""
) -> list[GpuKernel]:
    """Kernels for outputs of any kind of kernel, whose schedule says at most the threads of a block."""
    nests = nests_of(space, outputs)
    return _kernels(parameters, nests, completed(GpuTuning(threads=parameters.threads), nests), name)


def lower_by_schedule(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """Kernels for the outputs of a pointwise kernel, or a concat, as its schedule says."""
    tuning = tuned(parameters.signature.kernel, "gpu").gpu
    stage = tuple(parameters.input(number) for number in tuning.stage or ())
    return _kernels(parameters, nests_of(space, outputs), tuning, "", stage, join=space.is_in_pieces)


def _kernels(
    parameters: Parameters,
    nests: Sequence[LoopNest],
    tuning: GpuTuning,
    name: str,
    stage: Sequence[int] | None = None,
    *,
    join: bool = False,
) -> list[GpuKernel]:
    """One kernel for all outputs that run along the same dims; `stage` are staged parameters.

    `join` makes one of several where that leaves no block without work.
    """
    kernels: list[GpuKernel] = []
    stage = tuning.stage or () if stage is None else stage
    threads, lanes = tuning.threads or THREADS, tuning.vector or 1
    for number, group in enumerate(_groups(nests, stage, threads, lanes, join=join)):
        named = parameters.signature.name + (f"{name}_{number}" if number else name)
        dim, loads = group[0].staged(stage)
        if dim is not None:
            body = partial(_store, group[0])
            kernels.append(
                staged(named, parameters.all(), group[0], (dim, loads), (tuning.tile, threads), body)
            )
            continue
        pieces = [Piece(nest.extents, partial(_store, nest)) for nest in group]
        kernels.append(of_pieces(named, parameters.all(), pieces, threads, lanes))
    return kernels


def _groups(
    nests: Sequence[LoopNest], stage: Sequence[int], threads: int, lanes: int, *, join: bool
) -> list[list[LoopNest]]:
    """The nests of each kernel: those that take equally many blocks are joined, if asked, unless they are staged."""
    groups: list[list[LoopNest]] = []
    open_groups: dict[int, list[LoopNest]] = {}
    for nest in nests:
        blocks = -(-threads_for(nest.size, lanes) // threads)
        group = open_groups.get(blocks)
        if not join or nest.staged(stage)[0] is not None or group is None or len(group) == MOST_PIECES:
            groups.append([nest])
            if nest.staged(stage)[0] is None:
                open_groups[blocks] = groups[-1]
        else:
            group.append(nest)
    return groups


def _store(nest: LoopNest, point: Point) -> None:
    point.store_outputs(nest.outputs, point.inputs)
