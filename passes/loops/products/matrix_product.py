"""Matrix products: blocks of the result in vector registers, the operands packed in panels where that pays.

    pack A, pack B                                            each panel by itself, if all blocks share them
    for each matrix of the batch, each block of the result:   by itself
      for each block of terms:
        for each panel of columns, for each panel of rows:
          in registers: the sums over the terms; then what is made of them

The technique is that of Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from xdsl.ir import SSAValue

from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.pointwise import lower_nest
from pullback.passes.loops.products.block_of_result import BlockOfResult
from pullback.passes.loops.products.blocking import Blocking
from pullback.passes.loops.products.dot_product import DotProduct
from pullback.passes.loops.products.few_column_plan import few_column_plan
from pullback.passes.loops.products.few_columns import FewColumns
from pullback.passes.loops.products.operand_reading import Reading
from pullback.passes.loops.products.packed_lines import PanelShape
from pullback.passes.loops.products.packed_operand import PackedOperand
from pullback.passes.loops.products.panel_loops import on_stack, panels_from
from pullback.passes.loops.products.product_axes import ProductAxes
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.products.product_plan import (
    PACKED_TOGETHER,
    ProductPlan,
)
from pullback.passes.loops.products.product_results import ProductResults, resumable_output
from pullback.passes.loops.products.window_product import is_long_product, lower_windows, reads_windows
from pullback.passes.lowering.nodes import Contraction
from pullback.passes.lowering.vector_registers import evenly

FEW_COLUMNS = 12
"""Columns below which the rows are the lanes of vectors, if they are neighbours in memory."""


class MatMulLowering:
    """Lowers one matmul kernel."""

    def __init__(self, kernel: KernelFunction) -> None:
        self.kernel = kernel
        self.builder = kernel.builder
        (self.product,) = (n for n in kernel.nodes if isinstance(n, Contraction))
        axes = ProductAxes.of((*kernel.space.parallel, *kernel.space.reduce))
        a, b = self.product.operands
        operands = (
            ProductOperand(kernel, a, axes.rows, axes.terms),
            ProductOperand(kernel, b, axes.columns, axes.terms),
        )
        tile = kernel.schedule.cpu.tile
        if axes.columns.size < FEW_COLUMNS and operands[0].is_contiguous(axes.rows):
            # The rows are the lanes. The tile is of the product as it was: one column of it would be one row here.
            tile = ()
            axes = ProductAxes(axes.batch, axes.columns, axes.rows, axes.terms)
            operands = operands[1], operands[0]
        self.axes, self.operands = axes, operands
        count = kernel.lanes_along(axes.columns.last)
        sums = resumable_output(kernel, self.product, axes)
        plan = few_column_plan(*operands, axes, count)
        plan = plan or ProductPlan.of(*operands, axes, count, tile, may_resume=sums is not None)
        self.plan = plan
        columns = Blocking(axes.columns.size, axes.columns.size, 1) if plan.terms_in_lanes else plan.columns
        self.lines = (plan.rows, columns)
        self.results = ProductResults(kernel, self.product, axes, plan, sums)
        self.shared: dict[ProductOperand, PackedOperand] = {}

    def as_dot_product(self) -> DotProduct | None:
        """The product as sums along lines, if that suits it."""
        count = self.kernel.lanes_along(self.axes.terms.last)
        if not prod(self.axes.batch.extents) or not DotProduct.suits(self.axes, *self.operands, count):
            return None
        return DotProduct(self.kernel, self.product, self.axes, *self.operands, count)

    def lower(self) -> None:
        """Packs what is shared, then computes one block of the result after the other."""
        if (dot := self.as_dot_product()) is not None:
            dot.lower()
            return
        plan, axes = self.plan, self.axes
        if not prod(axes.batch.extents) * axes.rows.size * axes.columns.size:
            return
        with self.builder.entering(self.builder.block):
            for operand, reading, lines in zip(self.operands, plan.readings, self.lines, strict=True):
                if reading is Reading.SHARED:
                    self.shared[operand] = self._pack_shared(operand, lines)
            bounds = [(0, extent, 1) for extent in axes.batch.extents]
            bounds += [(0, lines.panels, lines.step) for lines in self.lines]
            self._each(bounds, ["matrix"] * len(axes.batch.dims) + ["row_panel", "column_panel"], self._block)

    def _each(
        self, bounds: Sequence[tuple[int, int, int]], hints: Sequence[str], body: Callable[..., None]
    ) -> None:
        """`scf.parallel`, or the body alone where it runs once."""
        if all(upper - lower <= step for lower, upper, step in bounds):
            body(*(self.builder.index(lower) for lower, _, _ in bounds))
        else:
            self.builder.parallel(bounds, hints, body)

    # ---- packing ----------------------------------------------------------------------------------------

    def _shape(self, operand: ProductOperand, width: int) -> PanelShape:
        """The shape of panels: the elements of A are needed one by one, so lines of it may stay as they are."""
        if lanes := self.plan.terms_in_lanes:
            return PanelShape.of(operand, width, lanes, operand.terms.size, is_by_line=True)
        by_line = operand is self.operands[0] and not (
            operand.lines.is_single and operand.is_contiguous(operand.lines)
        )
        is_resumed = self.plan.is_resumed and operand is self.operands[1]
        terms = self.plan.term_block if is_resumed else operand.terms.size
        return PanelShape.of(operand, width, self.plan.count, terms, is_by_line=by_line)

    def _facts(self, operand: ProductOperand) -> tuple[bool, int]:
        """Whether panels overlap, and how often an element is needed."""
        is_first = operand is self.operands[0]
        return is_first, (self.plan.columns if is_first else self.plan.rows).size

    def _pack_shared(self, operand: ProductOperand, lines: Blocking) -> PackedOperand:
        """Copies all panels of all matrices to scratch memory."""
        shape = self._shape(operand, lines.width).apart(operand.node.element_type)
        batch = [
            (dim, extent)
            for dim, extent in zip(self.axes.batch.dims, self.axes.batch.extents, strict=True)
            if dim in operand.node.dims
        ]
        strides: list[tuple[int, int]] = []
        size = lines.panels * shape.size
        for dim, extent in reversed(batch):
            strides.append((dim, size))
            size *= extent
        panels = size // shape.size
        layout = PackedOperand.layout(panels, shape)
        view = self.kernel.add_scratch(layout, operand.node.element_type, "panels")
        packed = PackedOperand(operand, shape, view, *self._facts(operand), strides)

        step = evenly(lines.panels, PACKED_TOGETHER)

        def panels_of(*indices: SSAValue) -> None:
            *matrix, first = indices
            known = dict(zip((dim for dim, _ in batch), matrix, strict=True))
            root = self.kernel.root.inside(self.builder.insertion_point, known)
            together = Blocking(lines.size, lines.width, step)
            packed.pack(root, panels_from(self.builder, together, first), self.builder.index(0))

        bounds = [*((0, extent, 1) for _, extent in batch), (0, lines.panels, step)]
        self._each(bounds, ["matrix"] * len(batch) + ["panel"], panels_of)
        return packed

    def _private(
        self, operand: ProductOperand, root: LoopLevel, lines: Blocking, first: SSAValue
    ) -> PackedOperand:
        """Memory for the panels that a block of the result needs, on the stack, to which they are copied at once.

        Where blocks of terms are resumed, B is copied block by block instead.
        """
        shape = self._shape(operand, lines.width)
        layout = PackedOperand.layout(lines.step, shape)
        view = on_stack(self.builder, layout, operand.node.element_type, "panels")
        packed = PackedOperand(operand, shape, view, *self._facts(operand))
        if self.plan.is_resumed:
            packed.reserve()
        else:
            packed.pack(root, panels_from(self.builder, lines, first), first)
        return packed

    # ---- blocks of the result ---------------------------------------------------------------------------

    def _block(self, *indices: SSAValue) -> None:
        *matrix, row, column = indices
        builder = self.builder
        known = dict(zip(self.axes.batch.dims, matrix, strict=True))
        root = self.kernel.root.inside(builder.insertion_point, known)
        packed = dict(self.shared)
        for operand, reading, lines, first in zip(
            self.operands, self.plan.readings, self.lines, (row, column), strict=True
        ):
            if reading is Reading.PRIVATE:
                packed[operand] = self._private(operand, root, lines, first)
        block = BlockOfResult(self.results, self.operands, packed, root, (row, column))
        if self.plan.terms_in_lanes:
            FewColumns(block).lower()
        else:
            block.lower()


def lower_borders(kernel: KernelFunction) -> None:
    """Stores what is around results that are pieces of mosaics; what is left are the outputs of the product."""
    extra = frozenset(kernel.space.extra)
    with kernel.builder.entering(kernel.builder.block):
        for output in kernel.outputs:
            if output.offset.dims & extra:
                lower_nest(kernel, sorted(output.offset.dims), [output])
    kernel.outputs = [output for output in kernel.outputs if not output.offset.dims & extra]


def lower_matmul(kernel: KernelFunction) -> None:
    """See `MatMulLowering`; where there are several dims of rows or of terms, or many terms, `lower_windows`.

    A border around the result is stored first.
    """
    lower_borders(kernel)
    if reads_windows(kernel) or is_long_product(kernel):
        lower_windows(kernel)
    else:
        MatMulLowering(kernel).lower()
