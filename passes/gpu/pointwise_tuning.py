"""What the schedule of a pointwise kernel leaves open for GPUs, as a function of shape and operations alone.

    schedule<kind = pointwise, parallel = [4096, 4096], gpu = {threads = 256, vector = 4, stage = []}>
    schedule<kind = pointwise, parallel = [4096, 4096], gpu = {threads = 256, vector = 1, stage = [0], tile = [32, 32]}>

The first adds two matrices, four elements of a row at a time. The second adds the transpose of one, which goes through
shared memory: so both are read, and the result written, by threads side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import GpuTuning, Schedule
from pullback.passes.gpu.gpu_limits import BUSY_BLOCKS, SHARED_BYTES
from pullback.passes.gpu.loop_nests import MOST_BYTES, LoopNest, byte_width, nests_of
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.nodes import Compute, Load
from pullback.passes.lowering.space import schedule_of

THREADS = 256
"""Threads of a block."""
TILE = (32, 32)
"""Of staged inputs: points along the input's neighbours, and along the output's. Each thread has four, so that their
loads are under way at the same time."""
SMALL_TILE = (16, 16)
"""The tile where there would not be enough of the others for a device."""
LEAST_STAGED = 16
"""Where either extent is smaller, neighbouring threads share most of what they read from memory anyway."""
EXPENSIVE = 24
"""About the instructions of a function such as `exp`."""
BUDGET = 512
"""The instructions up to which a thread computes several elements: what counts is how many bytes are under way. On an
H200 threads with four of `tanh(x) * sigmoid(x) + exp(-x * x)` move 3.9 TB/s, and 2.3 with one."""


def tune_pointwise(kernel: Kernel) -> Schedule:
    """The schedule with all keys that the lowering reads."""
    schedule = schedule_of(kernel)
    return replace(schedule, gpu=completed(schedule.gpu, nests_of_kernel(kernel)))


def completed(tuning: GpuTuning, nests: Sequence[LoopNest]) -> GpuTuning:
    """The tuning with what it leaves open."""
    threads = THREADS if tuning.threads is None else tuning.threads
    stage = tuning.stage
    if stage is None:
        stage = () if (tuning.vector or 1) > 1 else worth_staging(nests, tuning.tile)
    vector = tuning.vector
    if vector is None:
        vector = 1 if stage else worth_vectors(nests, threads)
    tile = tuning.tile or (tile_for(nests, stage, threads) if stage else ())
    return replace(tuning, threads=threads, vector=vector, stage=stage, tile=tile)


def tile_for(nests: Sequence[LoopNest], stage: Sequence[int], threads: int) -> tuple[int, int]:
    """The extents of a tile."""
    tiles = max((nest.size // prod(TILE) for nest in nests if nest.staged(stage)[1]), default=0)
    return TILE if tiles >= BUSY_BLOCKS or threads > prod(SMALL_TILE) else SMALL_TILE


def worth_staging(nests: Sequence[LoopNest], tile: Sequence[int]) -> tuple[int, ...]:
    """The inputs that are read across the outputs, as many as can be staged together, and as shared memory takes."""
    found: tuple[int, ...] = ()
    tile = tile if len(tile) == 2 else TILE
    for nest in nests:
        for load in (node for node in nest.nodes if isinstance(node, Load)):
            dim = nest.across(load)
            if dim is None or nest.last is None or load.argument in found:
                continue
            more = tuple(sorted((*found, load.argument)))
            wide = min(nest.extents[dim], nest.extents[nest.last]) >= LEAST_STAGED
            if wide and not not_staged(nests, more) and staged_bytes(nests, more, tile) <= SHARED_BYTES:
                found = more
    return found


def worth_vectors(nests: Sequence[LoopNest], threads: int) -> int:
    """The most elements at once that all accesses allow, where memory is what takes the time."""
    accessed = [node for nest in nests for node in nest.nodes if isinstance(node, Load)]
    accessed += [output.node for nest in nests for output in nest.outputs]
    lanes = MOST_BYTES // max((byte_width(node) for node in accessed), default=MOST_BYTES)
    work = max((_instructions(nest) for nest in nests), default=0)
    size = max((nest.size for nest in nests), default=0)
    while lanes > 1 and not (
        lanes * work <= BUDGET
        and size >= lanes * threads * BUSY_BLOCKS  # a smaller space needs its threads more
        and all(next(nest.obstacles(lanes), None) is None for nest in nests)
    ):
        lanes //= 2
    return lanes


def _instructions(nest: LoopNest) -> int:
    """About how many instructions a point takes."""
    computed = [node for node in nest.nodes if isinstance(node, Compute)]
    return sum(EXPENSIVE if node.is_expensive else 1 for node in computed)


def not_staged(nests: Sequence[LoopNest], stage: Sequence[int]) -> list[int]:
    """Those of these inputs that cannot be staged beside the others."""
    staged = {load.argument for nest in nests for load in nest.staged(stage)[1]}
    return [number for number in stage if number not in staged]


def staged_bytes(nests: Sequence[LoopNest], stage: Sequence[int], tile: Sequence[int]) -> int:
    """The shared memory that a block needs, at most: a column more than the tile has keeps banks apart."""
    across, along = tile
    loads = [nest.staged(stage)[1] for nest in nests]
    return max((sum(along * (across + 1) * byte_width(load) for load in one) for one in loads), default=0)


def nests_of_kernel(kernel: Kernel) -> list[LoopNest]:
    """The nests of the loops that a kernel's schedule asks for."""
    model = KernelModel.of(kernel, schedule_of(kernel))
    return nests_of(model.space, model.outputs)
