"""The pointwise emitter: every thread computes points of the space, a grid apart from each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.upstream.gpu import BlockDimOp, BlockIdOp, GridDimOp, ThreadIdOp
from pullback.passes.gpu.kernel_builder import (
    Buffer,
    Kernel,
    KernelBuilder,
    binary,
    elements,
    loop,
    result_of,
)
from pullback.passes.gpu.point import Dims, Point, Segment

PointBody: TypeAlias = Callable[[Point], None]
"""Inserts what one point computes: loads, scalar ops, stores."""
THREADS = 256
MAX_BLOCKS = 2048
"""Enough to fill any device; beyond them the threads loop."""


def pointwise(name: str, buffers: Sequence[Buffer], extents: Sequence[int], body: PointBody) -> Kernel:
    """A kernel that runs `body` at each point of a space of these extents.

    It is a grid-stride loop, whose bound keeps the last threads inside: neighbours touch neighbouring
    elements, and any number of blocks is right.
    """
    size = elements(extents)
    builder = KernelBuilder(name, buffers, THREADS)
    with inserting(builder.block.add_op):
        block, thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
        threads, blocks = result_of(BlockDimOp(), "threads"), result_of(GridDimOp(), "blocks")
        first = builder.add(binary(arith.MuliOp, block, threads, "before"), thread, "first")
        stride = binary(arith.MuliOp, blocks, threads, "stride")

        def visit(i: SSAValue, carried: Sequence[Scalar]) -> Sequence[Scalar]:
            body(Point(builder, [Segment(Dims(0, tuple(extents)), i)]))
            return carried

        loop(first, builder.index(size), stride, "i", [], visit)
    return builder.finish(blocks=max(1, min(MAX_BLOCKS, -(-size // THREADS))))
