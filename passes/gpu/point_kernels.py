"""Kernels of points: a thread for each point of a space, or for a few side by side; several spaces in one kernel.

Of 1000 points by vectors of 4 the first 250 threads take four each. Of 1003 points, three more threads take one each of
those that are left:

    %number = arith.addi %before, %thread
    %is_full = arith.cmpi ult, %number, %c250
    scf.if %is_full {
      %i = arith.muli %number, %c4
      …vectors…
    } else {
      %is_left = arith.cmpi ult, %number, %c253
      scf.if %is_left {
        %i = arith.addi %number, %c750
        …scalars…
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TypeAlias

from xdsl.ir import SSAValue

from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BlockIdOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.gpu.pointwise_tuning import THREADS
from pullback.passes.lowering.code_builder import result_of

PointBody: TypeAlias = Callable[[Point], None]
"""Inserts what one point computes: loads, scalar ops, stores."""


def kernel_of_points(
    name: str,
    parameters: Sequence[Parameter],
    extents: Sequence[int],
    body: PointBody,
    threads_of_block: int | None = None,
    lanes: int = 1,
) -> GpuKernel:
    """A kernel that runs `body` at each point of a space of these extents, `lanes` points of each thread at once.

    Neighbours touch neighbouring elements; a mask keeps the last threads inside.
    """
    return of_pieces(name, parameters, [Piece(tuple(extents), body)], threads_of_block or THREADS, lanes)


@dataclass(frozen=True)
class Piece:
    """A space of these extents, and what is inserted for each of its points."""

    extents: tuple[int, ...]
    body: PointBody


def of_pieces(
    name: str, parameters: Sequence[Parameter], pieces: Sequence[Piece], threads: int, lanes: int
) -> GpuKernel:
    """A kernel for all points of these pieces, which take equally many blocks each.

    Of two pieces of 1000 points, in blocks of 256 threads, blocks 0 to 3 have the first, 4 to 7 the second.
    """
    builder = KernelBuilder(name, parameters, threads)
    blocks = max((-(-threads_for(prod(p.extents), lanes) // threads) for p in pieces), default=0)
    with builder.entering(builder.block):
        hint = "i" if lanes == 1 else "number"
        if len(pieces) == 1 or not blocks:
            number = thread_of_grid(builder, hint)
            for piece in pieces:
                _points(builder, number, piece, lanes)
        else:
            number, here = thread_of_part(builder, blocks, hint)
            for at, piece in enumerate(pieces):
                is_here = result_of(CmpiOp(here, builder.index(at), "eq"), "is_here")
                builder.when(is_here, partial(_points, builder, number, piece, lanes))
    return builder.finish(blocks * len(pieces))


def thread_of_grid(builder: KernelBuilder, hint: str = "i") -> SSAValue:
    """The number of this thread among those of all blocks."""
    return _number(builder, result_of(BlockIdOp(), "block"), hint)


def thread_of_part(builder: KernelBuilder, blocks: int, hint: str) -> tuple[SSAValue, SSAValue]:
    """The number of this thread among those of so many neighbouring blocks, and the number of these blocks."""
    block = result_of(BlockIdOp(), "block")
    number = _number(builder, builder.remainder(block, blocks, "block_of_piece"), hint)
    return number, builder.quotient(block, blocks, "piece")


def _number(builder: KernelBuilder, block: SSAValue, hint: str) -> SSAValue:
    thread = result_of(ThreadIdOp(), "thread")
    before = builder.sum_of([(block, builder.threads)], 0, "before")
    return builder.sum_of([(before, 1), (thread, 1)], 0, hint)


def threads_for(size: int, lanes: int) -> int:
    """The threads for so many points: as many vectors as there are, and one point each for what is left."""
    vectors, rest = divmod(size, lanes)
    return vectors + rest if lanes > 1 else size


def _points(builder: KernelBuilder, number: SSAValue, piece: Piece, lanes: int) -> None:
    """The points of the thread of a number."""
    size = prod(piece.extents)
    threads, (vectors, rest) = threads_for(size, lanes), divmod(size, lanes)

    def at(i: SSAValue, count: int) -> None:
        piece.body(Point(builder, [Segment(Dims(0, piece.extents), i)], lanes=count))

    def full() -> None:
        at(builder.sum_of([(number, lanes)], 0, "i"), lanes)

    def left() -> None:
        at(builder.sum_of([(number, 1)], vectors * (lanes - 1), "i"), 1)

    if lanes == 1 or not vectors:
        at_first(builder, number, threads, left)
    elif not rest:
        at_first(builder, number, vectors, full)
    else:
        is_full = result_of(CmpiOp(number, builder.index(vectors), "ult"), "is_full")
        builder.when(is_full, full, lambda: at_first(builder, number, threads, left, "is_left"))


def at_first(
    builder: KernelBuilder,
    number: SSAValue,
    size: int,
    body: Callable[[], None],
    hint: str = "inside",
) -> None:
    """Inserts `body` for the threads whose number is below `size`; no test where all of them are."""
    if size % builder.threads or not size:
        builder.when(result_of(CmpiOp(number, builder.index(size), "ult"), hint), body)
    else:
        body()
