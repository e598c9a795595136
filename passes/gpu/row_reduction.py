"""Reduction of rows: a block of threads for each row, neighbouring threads on neighbouring elements."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import memref
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.gpu import BarrierOp, BlockIdOp, ShuffleMode, ShuffleOp, ThreadIdOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import WARP, KernelBuilder, Parameter
from pullback.passes.gpu.line import Combination, Line, LineBody, LineEmitter, warps_for
from pullback.passes.gpu.point import Dims, Segment
from pullback.passes.lowering.code_builder import named, result_of


class RowLine(Line):
    """One row of the space, in the block that works on it."""

    def __init__(self, builder: KernelBuilder, rows: Dims, reduced: Dims) -> None:
        row, self._thread = result_of(BlockIdOp(), "row"), result_of(ThreadIdOp(), "thread")
        self._warp = builder.quotient(self._thread, WARP, "warp")
        self._lane = builder.remainder(self._thread, WARP, "lane")
        super().__init__(builder, Segment(rows, row), reduced, (self._thread, builder.threads))

    def _is_first(self) -> SSAValue:
        return result_of(CmpiOp(self._thread, self._builder.index(0), "eq"), "is_first")

    def _combine(self, combinations: Sequence[Combination], totals: Sequence[Scalar]) -> list[Scalar]:
        """The threads of a warp by shuffles, then the warps through shared memory."""
        totals = [self._shuffle(c, t, WARP) for c, t in zip(combinations, totals, strict=True)]
        warps = self._builder.threads // WARP
        return totals if warps == 1 else self._across_warps(combinations, totals, warps)

    def _shuffle(self, combination: Combination, total: Scalar, lanes: int) -> Scalar:
        """All `lanes` neighbours learn their common total."""
        width = named(self._builder.number(WARP, i32).value, f"c{WARP}")
        distance = lanes // 2
        while distance:
            away = named(self._builder.number(distance, i32).value, f"c{distance}")
            op = ShuffleOp(ShuffleMode.XOR, total.value, away, width)
            total = combination.combine(total, Scalar(result_of(op, "other")))
            distance //= 2
        return total

    def _across_warps(
        self, combinations: Sequence[Combination], totals: Sequence[Scalar], warps: int
    ) -> list[Scalar]:
        build = self._builder
        scratch = [self._scratch(warps, c.element_type) for c in combinations]

        def store() -> None:
            for cells, total in zip(scratch, totals, strict=True):
                insert(memref.StoreOp.get(total.value, cells, [self._warp]))

        build.when(result_of(CmpiOp(self._lane, build.index(0), "eq"), "leads_warp"), store)
        insert(BarrierOp())
        of_warp = build.remainder(self._lane, warps, "of_warp")
        partial = [Scalar(result_of(memref.LoadOp.get(cells, [of_warp]), "partial")) for cells in scratch]
        return [self._shuffle(c, value, warps) for c, value in zip(combinations, partial, strict=True)]


def row_threads(points: int) -> int:
    """The threads for rows of so many points: about four points for each."""
    return WARP * warps_for(-(-points // WARP))


def shared_by_rows(threads: int) -> int:
    """A total of each warp, where there are several."""
    return threads // WARP if threads > WARP else 0


def row_reduction(
    name: str,
    parameters: Sequence[Parameter],
    rows: Dims,
    reduced: Dims,
    body: LineBody,
    threads: int | None = None,
) -> GpuKernel:
    """A kernel that runs `body` for each row; a row extends along the `reduced` dims."""
    builder = KernelBuilder(name, parameters, threads or row_threads(reduced.size))
    with builder.entering(builder.block):
        body(RowLine(builder, rows, reduced))
    return builder.finish(blocks=rows.size)


ROWS = LineEmitter(row_reduction, row_threads, shared_by_rows)
