"""`block-rows`: what lies between two products is computed for some rows of a matrix at a time.

    %s = graph.matmul %q, %k {transpose_b}   (1024, 1024)        graph.while … do {
    %p = graph.softmax %s                                 becomes   … 128 rows of %q, of %s, of %p and of %o
    %o = graph.matmul %p, %v                 (1024, 64)          }

The pass knows nothing of attention. It looks for a product that is larger than its operands, whose rows are used one
by one until a product or a total makes them smaller: then no matrix of all rows has to be in memory. The gradient needs
such a matrix again when the loop is over, and makes it again, as far as it needs (`row_stages`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import is_float, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_of_class
from pullback.passes.kernels.form.decompose import decompose
from pullback.passes.lowering.vector_registers import FMAS_PER_CYCLE, check_fmas_per_cycle
from pullback.passes.rewriting.replacement import replace_operands
from pullback.passes.rewriting.statistic import Statistic
from pullback.passes.row_blocks.blocked_loop import BlockedLoop
from pullback.passes.row_blocks.carried_axes import carries
from pullback.passes.row_blocks.choose_blocks import DEVICES, Device, blocks_of, bytes_of, chosen_rows
from pullback.passes.row_blocks.row_parts import RowParts
from pullback.passes.row_blocks.row_region import RowRegion, region_of
from pullback.passes.row_blocks.row_stages import Stage, stages_of
from pullback.passes.row_blocks.turned_totals import turn_totals
from pullback.passes.simplify.canonicalize import settled_functions
from pullback.passes.simplify.dce import remove_dead


@dataclass(frozen=True)
class BlockRows(ModulePass):
    """Computes what is made of the rows of a large product, until it is small again, in a loop over blocks of rows.

    So the matrix of attention is never in memory as a whole. Extents must be static.
    """

    name = "block-rows"
    anchor = "func.func"
    loops = Statistic("loops over blocks of rows")

    device: str = "cpu"
    """Whose caches and memory are asked whether a loop pays: `cpu` or `cuda`."""
    rows: int | None = None
    """The most rows of a block, wherever there may be blocks; 0 for none. Unless given, costs decide."""
    fmas_per_cycle: int = FMAS_PER_CYCLE
    """How many vector FMAs begin in a cycle of a CPU, 2 unless given: the fewer, the less a byte of memory costs."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.device not in DEVICES:
            raise DiagnosticError(
                f"block-rows: device is {self.device}; expected one of {', '.join(DEVICES)}", op
            )
        if self.rows is not None and self.rows < 0:
            raise DiagnosticError(f"block-rows: rows is {self.rows}; expected 0 or more", op)
        check_fmas_per_cycle(self.fmas_per_cycle, op)
        if self.rows == 0:
            return
        for function in settled_functions(op):
            if any(map(self._is_large, _products(function))):
                decompose(function)
                self._block(function)

    def _block(self, function: func.FuncOp) -> None:
        for product in _products(function):
            # Those of a region that has become loops are gone; what is in the loops is not divided again.
            found = self._chosen(product) if product.parent is not None else None
            if found is not None:
                region, stages, rows = found
                emit(region, stages, rows)
                BlockRows.loops.add(len(stages))
                remove_dead(function)

    def _chosen(self, product: MatMul) -> tuple[RowRegion, list[Stage], int] | None:
        """The region of a product, if it is to become loops, their stages, and the rows of a block."""
        if not self._is_large(product):
            return None
        for rows_first in (True, False):
            region = region_of(product, rows_first=rows_first)
            stages = None if region is None else stages_of(region)
            if region is None or stages is None:
                continue
            rows = chosen_rows(region, stages, self._device) if self.rows is None else self.rows
            is_blocked = 0 < rows < region.rows
            may_turn = self._device.turns_totals and (is_blocked or self.rows is None)
            turned = may_turn and turn_totals(region, is_blocked=is_blocked)
            if not is_blocked:
                continue
            if turned:
                region = region_of(product, rows_first=rows_first)
                stages = None if region is None else stages_of(region)
                assert region is not None
                assert stages is not None
            return region, stages, rows
        return None

    @property
    def _device(self) -> Device:
        device = DEVICES[self.device]
        return device.at(self.fmas_per_cycle) if self.device == "cpu" else device

    def _is_large(self, product: MatMul) -> bool:
        """Whether a product may begin a region: it is larger than what it is made of."""
        result = Tensor(product.results[0])
        if not carries(product) or not is_float(result.element_type):
            return False
        if self.rows is None and bytes_of(result.value) <= self._device.cached:
            return False
        return prod(result.extents) > sum(prod(shape_of_type(v.type)) for v in product.operands)


def _products(function: func.FuncOp) -> list[MatMul]:
    return operations_of_class(MatMul, function)


def emit(region: RowRegion, stages: list[Stage], rows: int) -> None:
    """Emits the loops of a region, and gives what they make to all that needs it."""
    parts = RowParts(blocks_of(region, rows))
    wholes: dict[SSAValue, Tensor] = {}
    for stage in stages:
        BlockedLoop(region, stage, parts, wholes).emit()
    for value, whole in wholes.items():
        for user in [use.operation for use in value.uses]:
            if user not in region.dims:
                replace_operands(user, {value: whole.value})
