"""Reduction of columns: a warp takes 32 neighbouring columns, and the warps of a block take turns along them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import arith, memref
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BarrierOp, BlockIdOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder, Parameter
from pullback.passes.gpu.line import Combination, Line, LineBody, LineEmitter, warps_for
from pullback.passes.gpu.point import Dims, Segment
from pullback.passes.lowering.code_builder import named, result_of


class ColumnLine(Line):
    """One column of the space, in the threads with one lane of all warps of a block.

    The last block may have more lanes than there are columns left; those compute column 0, for the barriers,
    and store nothing.
    """

    def __init__(self, builder: KernelBuilder, columns: Dims, reduced: Dims) -> None:
        block, self._thread = result_of(BlockIdOp(), "block"), result_of(ThreadIdOp(), "thread")
        self._warp = builder.quotient(self._thread, WARP, "warp")
        self._lane = builder.remainder(self._thread, WARP, "lane")
        before = builder.product(block, WARP, "before")
        column, exists = builder.sum_of([(before, 1), (self._lane, 1)], 0, "column"), None
        if columns.size % WARP:
            exists = result_of(CmpiOp(column, builder.index(columns.size), "ult"), "exists")
            chosen = select(Scalar(exists), Scalar(named(column, "candidate")), Scalar(builder.index(0)))
            column = named(chosen.value, "column")
        share = self._warp, builder.threads // WARP
        super().__init__(builder, Segment(columns, column), reduced, share, exists)

    def _is_first(self) -> SSAValue:
        leads = result_of(CmpiOp(self._warp, self._builder.index(0), "eq"), "leads_column")
        return leads if self._exists is None else result_of(arith.AndIOp(leads, self._exists), "leads_column")

    def _combine(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """Through shared memory: every thread goes through the totals of all warps in order."""
        build = self._builder
        warps = build.threads // WARP
        if warps == 1:
            return list(totals)
        scratch = [self._scratch(build.threads, c.element_type) for c in combinations]
        for cells, total in zip(scratch, totals, strict=True):
            insert(memref.StoreOp.get(total.value, cells, [self._thread]))
        insert(BarrierOp())

        def add(start: SSAValue, sums: Sequence[Scalar]) -> list[Scalar]:
            at = build.sum_of([(start, 1), (self._lane, 1)], 0)
            partial = [Scalar(result_of(memref.LoadOp.get(cells, [at]), "partial")) for cells in scratch]
            return [c.combine(s, p) for c, s, p in zip(combinations, sums, partial, strict=True)]

        bounds = build.index(0), build.index(build.threads), build.index(WARP)
        return build.carrying(bounds, "start", self._neutral("sum", combinations), add)


def column_threads(points: int) -> int:
    """The threads for columns of so many points: a warp for about four points of its columns."""
    return WARP * warps_for(points)


def shared_by_columns(threads: int) -> int:
    """A total of each thread, where there are several warps."""
    return threads if threads > WARP else 0


def column_reduction(
    name: str,
    parameters: Sequence[Parameter],
    columns: Dims,
    reduced: Dims,
    body: LineBody,
    threads: int | None = None,
) -> GpuKernel:
    """A kernel that runs `body` for each column; a column extends along the `reduced` dims."""
    builder = KernelBuilder(name, parameters, threads or column_threads(reduced.size))
    with builder.entering(builder.block):
        body(ColumnLine(builder, columns, reduced))
    return builder.finish(blocks=-(-columns.size // WARP))


COLUMNS = LineEmitter(column_reduction, column_threads, shared_by_columns)
