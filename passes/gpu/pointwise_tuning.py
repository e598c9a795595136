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
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
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
MOST_TILE = 128
LEAST_STAGED = 16
"""Where either extent is smaller, neighbouring threads share most of what they read from memory anyway."""
FULL_DEVICE = 128
"""Blocks that keep a device busy: a smaller space needs its threads rather than wide accesses."""
EXPENSIVE = 24
"""About the instructions of a function such as `exp`."""
BUDGET = 96
"""The instructions up to which a thread computes several elements: beyond them arithmetic takes longer than memory."""


def tune_pointwise(kernel: Kernel) -> Schedule:
    """The schedule with all keys that the lowering reads."""
    schedule = schedule_of(kernel)
    return replace(schedule, gpu=completed(schedule.gpu, _nests(kernel)))


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
    return TILE if tiles >= FULL_DEVICE or threads > prod(SMALL_TILE) else SMALL_TILE


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
            if wide and not _not_staged(nests, more) and staged_bytes(nests, more, tile) <= SHARED_BYTES:
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
        and size >= lanes * threads * FULL_DEVICE
        and all(next(nest.obstacles(lanes), None) is None for nest in nests)
    ):
        lanes //= 2
    return lanes


def _instructions(nest: LoopNest) -> int:
    """About how many instructions a point takes."""
    computed = [node for node in nest.nodes if isinstance(node, Compute)]
    return sum(EXPENSIVE if node.is_expensive else 1 for node in computed)


def _not_staged(nests: Sequence[LoopNest], stage: Sequence[int]) -> list[int]:
    """Those of these inputs that cannot be staged beside the others."""
    staged = {load.argument for nest in nests for load in nest.staged(stage)[1]}
    return [number for number in stage if number not in staged]


def staged_bytes(nests: Sequence[LoopNest], stage: Sequence[int], tile: Sequence[int]) -> int:
    """The shared memory that a block needs, at most: a column more than the tile has keeps banks apart."""
    across, along = tile
    loads = [nest.staged(stage)[1] for nest in nests]
    return max((sum(along * (across + 1) * byte_width(load) for load in one) for one in loads), default=0)


# ---- check --------------------------------------------------------------------------------------------------------


def check_pointwise(kernel: Kernel, shared_bytes: int = SHARED_BYTES) -> None:
    """Checks the keys of a schedule against what the kernel accesses.

    Args:
        kernel: of pointwise kind, or a concat.
        shared_bytes: the shared memory that a block may have.

    Raises:
        DiagnosticError: accesses do not go by so many elements, or an input cannot be staged.
    """
    nests = _nests(kernel)
    tuning = completed(schedule_of(kernel).gpu, nests)
    vector, stage, tile = tuning.vector or 1, tuning.stage or (), tuning.tile
    if stage and vector > 1:
        raise _error(
            kernel, f"vector is {vector} beside staged inputs, which are read one by one; expected 1"
        )
    for obstacle in (o for nest in nests for o in nest.obstacles(vector)):
        raise _error(kernel, f"vector is {vector}, but {obstacle}; expected {_allowed(nests, vector)}")
    if tile and not stage:
        raise _error(kernel, "tile is that of staged inputs, and stage names none; remove it")
    if not stage:
        return
    _check_stage(kernel, nests, stage)
    _check_tile(kernel, tile, tuning.threads or THREADS)
    needed = staged_bytes(nests, stage, tile)
    if needed > shared_bytes:
        raise _error(
            kernel,
            f"the staged inputs need {needed} bytes of shared memory, and a block has {shared_bytes}: make tile "
            "smaller, or let stage name fewer",
        )


def _allowed(nests: Sequence[LoopNest], vector: int) -> str:
    """The vectors that are allowed instead, in words."""
    lanes = [n for n in (1, 2, 4, 8, 16) if n < vector]
    return " or ".join(str(n) for n in lanes if not any(True for nest in nests for _ in nest.obstacles(n)))


def _check_stage(kernel: Kernel, nests: Sequence[LoopNest], stage: Sequence[int]) -> None:
    wrong = _not_staged(nests, stage)
    if not wrong:
        return
    loads = [(nest, node) for nest in nests for node in nest.nodes if isinstance(node, Load)]
    possible = {load.argument for nest, load in loads if nest.across(load) is not None}
    expected = f"expected inputs among {', '.join(map(str, sorted(possible)))}" if possible else "remove it"
    if wrong[0] in possible:
        what = "has its neighbours along other loops than those before it"
    else:
        what = "is not read across the result, whose neighbours would be its own"
    raise _error(kernel, f"stage names input {wrong[0]}, which {what}; {expected}")


def _check_tile(kernel: Kernel, tile: Sequence[int], threads: int) -> None:
    fits = len(tile) == 2 and all(1 < n <= min(MOST_TILE, threads) and not n & (n - 1) for n in tile)
    if not fits or tile[0] * tile[1] < threads:
        raise _error(
            kernel,
            f"tile is {list(tile)}; expected two powers of two up to {min(MOST_TILE, threads)}, with a point for each "
            f"of {threads} threads, as in tile = {list(TILE)}",
        )


def _error(kernel: Kernel, message: str) -> DiagnosticError:
    return DiagnosticError(f"schedule: {message}", kernel)


def _nests(kernel: Kernel) -> list[LoopNest]:
    model = KernelModel.of(kernel, schedule_of(kernel))
    return nests_of(model.space, model.outputs)
