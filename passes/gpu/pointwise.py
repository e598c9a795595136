"""Pointwise kernels as a grid-stride loop: every thread computes points of the space, a grid apart from each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

from xdsl.dialects import arith
from xdsl.ir import SSAValue

from pullback.dialects.upstream.gpu import BlockDimOp, BlockIdOp, GridDimOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import index_op, result_of
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.space import Space

PointBody: TypeAlias = Callable[[Point], None]
"""Inserts what one point computes: loads, scalar ops, stores."""
THREADS = 256
MAX_BLOCKS = 2048
"""Enough to fill any device; beyond them the threads loop."""


def lower_pointwise(
    parameters: Parameters, space: Space, outputs: Sequence[Output], name: str = ""
) -> list[GpuKernel]:
    """One kernel for all outputs that run along the same dims."""
    groups: dict[frozenset[int], list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.offset.dims, []).append(output)
    kernels: list[GpuKernel] = []
    for number, (dims, group) in enumerate(groups.items()):
        suffix = f"{name}_{number}" if number else name
        # Along other dims, all points would write the same element.
        extents = [n if d in dims else 1 for d, n in enumerate(space.extents)]

        def body(point: Point, group: list[Output] = group) -> None:
            point.store_outputs(group, point.inputs)

        named = parameters.signature.name + suffix
        kernels.append(pointwise(named, parameters.all(), extents, body, parameters.threads))
    return kernels


def pointwise(
    name: str,
    parameters: Sequence[Parameter],
    extents: Sequence[int],
    body: PointBody,
    threads_of_block: int | None = None,
) -> GpuKernel:
    """A kernel that runs `body` at each point of a space of these extents.

    It is a grid-stride loop, whose bound keeps the last threads inside: neighbours touch neighbouring
    elements, and any number of blocks is right.
    """
    size = prod(extents)
    builder = KernelBuilder(name, parameters, threads_of_block or THREADS)
    with builder.entering(builder.block):
        block, thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
        threads, blocks = result_of(BlockDimOp(), "threads"), result_of(GridDimOp(), "blocks")
        before = result_of(index_op(arith.MuliOp, block, threads), "before")
        first = result_of(index_op(arith.AddiOp, before, thread), "first")
        stride = result_of(index_op(arith.MuliOp, blocks, threads), "stride")

        def visit(i: SSAValue, _: Sequence[SSAValue]) -> Sequence[SSAValue]:
            body(Point(builder, [Segment(Dims(0, tuple(extents)), i)]))
            return []

        builder.loop_between((first, builder.index(size), stride), "i", [], visit)
    return builder.finish(blocks=max(1, min(MAX_BLOCKS, -(-size // builder.threads))))
