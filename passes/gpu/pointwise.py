"""Pointwise kernels: a thread for each point of the space, or for a few side by side.

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
from functools import partial
from math import prod
from typing import TypeAlias

from xdsl.ir import SSAValue

from pullback.dialects.graph.kernel.schedule import GpuTuning
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BlockIdOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.nests import Nest, nests_of
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.gpu.pointwise_tuning import THREADS, completed
from pullback.passes.gpu.staged_inputs import staged
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.space import Space
from pullback.passes.lowering.tuning import tuned

PointBody: TypeAlias = Callable[[Point], None]
"""Inserts what one point computes: loads, scalar ops, stores."""


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
    return _kernels(parameters, nests_of(space, outputs), tuning, "", stage)


def _kernels(
    parameters: Parameters,
    nests: Sequence[Nest],
    tuning: GpuTuning,
    name: str,
    stage: Sequence[int] | None = None,
) -> list[GpuKernel]:
    """One kernel for all outputs that run along the same dims; `stage` are staged parameters."""
    kernels: list[GpuKernel] = []
    stage = tuning.stage or () if stage is None else stage
    for number, nest in enumerate(nests):
        named = parameters.signature.name + (f"{name}_{number}" if number else name)
        threads, body = tuning.threads or THREADS, partial(_store, nest)
        dim, loads = nest.staged(stage)
        if dim is not None:
            kernels.append(staged(named, parameters.all(), nest, (dim, loads), (tuning.tile, threads), body))
            continue
        vector = tuning.vector or 1
        kernels.append(pointwise(named, parameters.all(), nest.extents, body, threads, vector))
    return kernels


def _store(nest: Nest, point: Point) -> None:
    point.store_outputs(nest.outputs, point.inputs)


def pointwise(
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
    size = prod(extents)
    vectors, rest = divmod(size, lanes)
    builder = KernelBuilder(name, parameters, threads_of_block or THREADS)
    threads = vectors + rest if lanes > 1 else size
    blocks = -(-threads // builder.threads)

    def at(i: SSAValue, count: int) -> None:
        body(Point(builder, [Segment(Dims(0, tuple(extents)), i)], lanes=count))

    def full() -> None:
        at(builder.sum_of([(number, lanes)], 0, "i"), lanes)

    def left() -> None:
        at(builder.sum_of([(number, 1)], vectors * (lanes - 1), "i"), 1)

    with builder.entering(builder.block):
        number = thread_of_grid(builder, "i" if lanes == 1 else "number")
        if lanes == 1 or not vectors:
            at_first(builder, number, threads, left)
        elif not rest:
            at_first(builder, number, vectors, full)
        else:
            is_full = result_of(CmpiOp(number, builder.index(vectors), "ult"), "is_full")
            builder.when(is_full, full, lambda: at_first(builder, number, threads, left, "is_left"))
    return builder.finish(blocks)


def thread_of_grid(builder: KernelBuilder, hint: str = "i") -> SSAValue:
    """The number of this thread among those of all blocks."""
    block, thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
    return builder.sum_of([(builder.product(block, builder.threads, "before"), 1), (thread, 1)], 0, hint)


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
