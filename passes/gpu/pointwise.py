"""Pointwise kernels: a thread for each point of the space, neighbouring threads on neighbouring elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

from xdsl.ir import SSAValue

from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BlockIdOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.merge_dims import merge_dims
from pullback.passes.lowering.nodes import Output, cone
from pullback.passes.lowering.space import Space

PointBody: TypeAlias = Callable[[Point], None]
"""Inserts what one point computes: loads, scalar ops, stores."""
THREADS = 256
"""Threads of a block, unless the schedule says."""


def lower_pointwise(
    parameters: Parameters, space: Space, outputs: Sequence[Output], name: str = ""
) -> list[GpuKernel]:
    """One kernel for all outputs that run along the same dims."""
    nodes = cone([output.node for output in outputs])
    space = merge_dims(KernelModel(space, outputs, nodes)).space
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
    """A kernel that runs `body` at each point of a space of these extents, a thread each.

    Neighbours touch neighbouring elements; a mask keeps the last threads inside.
    """
    size = prod(extents)
    builder = KernelBuilder(name, parameters, threads_of_block or THREADS)
    blocks = -(-size // builder.threads)
    with builder.entering(builder.block):
        i = thread_of_grid(builder)
        at_each(builder, i, size, lambda: body(Point(builder, [Segment(Dims(0, tuple(extents)), i)])))
    return builder.finish(blocks)


def thread_of_grid(builder: KernelBuilder, hint: str = "i") -> SSAValue:
    """The number of this thread among those of all blocks."""
    block, thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
    return builder.sum_of([(builder.product(block, builder.threads, "before"), 1), (thread, 1)], 0, hint)


def at_each(builder: KernelBuilder, number: SSAValue, size: int, body: Callable[[], None]) -> None:
    """Inserts `body` for the threads whose number is below `size`; no test where all of them are."""
    if size % builder.threads or not size:
        inside = result_of(CmpiOp(number, builder.index(size), "ult"), "inside")
        builder.when(inside, body)
    else:
        body()
