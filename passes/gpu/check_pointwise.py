"""The check of what is tuned for pointwise kernels on GPUs, against what they access."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.gpu.loop_nests import LoopNest
from pullback.passes.gpu.pointwise_tuning import (
    THREADS,
    TILE,
    completed,
    nests_of_kernel,
    not_staged,
    staged_bytes,
)
from pullback.passes.lowering.nodes import Load
from pullback.passes.lowering.space import schedule_of

MOST_TILE = 128
"""The most points along a side of a staged block."""


def check_pointwise(kernel: Kernel, shared_bytes: int = SHARED_BYTES) -> None:
    """Checks the keys of a schedule against what the kernel accesses.

    Args:
        kernel: of pointwise kind, or a concat.
        shared_bytes: the shared memory that a block may have.

    Raises:
        DiagnosticError: accesses do not go by so many elements, or an input cannot be staged.
    """
    nests = nests_of_kernel(kernel)
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
    wrong = not_staged(nests, stage)
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
