"""Matrix products: blocks of the result in vector registers, one run along K for each, B packed in panels.

The matrices of a batch are multiplied one after the other.

The technique is that of Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import vector
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import TOTALS
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.products.packing import Packing
from pullback.passes.loops.products.product_axes import ProductAxes
from pullback.passes.loops.products.product_operand import ProductOperand
from pullback.passes.loops.products.window_product import lower_windows, reads_windows
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.code_builder import LoopBody, named, result_of, splat
from pullback.passes.lowering.nodes import Contraction
from pullback.passes.lowering.vector_registers import tile_of

PACK_ROWS = 32
"""From so many rows on, copying a panel of B costs less than reading it with long strides."""
MOST_ROWS = 14
K_BLOCK = 1024
"""How many products are added up one after the other, in f32."""


@dataclass(frozen=True)
class RegisterTile:
    """A block of the result: rows, and vectors of columns, of the last of which `last` lanes exist."""

    rows: int
    vectors: int
    last: int


class MatMulLowering:
    """Lowers one matmul kernel."""

    def __init__(self, kernel: KernelFunction) -> None:
        self.kernel = kernel
        self.builder = kernel.builder
        (self.product,) = (n for n in kernel.nodes if isinstance(n, Contraction))
        self.axes = axes = ProductAxes.of(kernel.space.extents)
        self.m, self.n, self.k = axes.rows.size, axes.columns.size, axes.terms.size
        a, b = self.product.operands
        self.a = ProductOperand(kernel, a, axes.rows, axes.terms)
        self.b = ProductOperand(kernel, b, axes.columns, axes.terms)
        self.root = kernel.root
        """The level of the function, at which the buffers of the matrices are known."""
        self.count = kernel.lanes_along(axes.columns.last)
        rows, columns = self._tile()
        self.rows, self.vectors = min(rows, max(self.m, 1)), columns // self.count
        self.packing: Packing | None = None
        if self._packs():
            self.packing = Packing(self.b, self.count, self.vectors)

    def lower(self) -> None:
        """One pair of matrices after the other: they share the panel."""
        with self.builder.entering(self.builder.block):
            self._along_batch(0)

    def _along_batch(self, number: int) -> None:
        batch = self.axes.batch
        if number == len(batch.dims):
            self._matrices()
            return
        outer = self.root

        def matrix(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            self.root = outer.inside(self.builder.insertion_point, {batch.dims[number]: index})
            self._along_batch(number + 1)
            return []

        self.builder.loop((0, batch.extents[number], 1), "matrix", [], matrix)
        self.root = outer

    def _matrices(self) -> None:
        """Full panels of columns, then what is left."""
        width = self.vectors * self.count
        full = self.n // width * width
        if full:

            def panel(start: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._panel(start, self.vectors, self.count)
                return []

            self.builder.loop((0, full, width), "panel", [], panel)
        if rest := self.n - full:
            vectors = -(-rest // self.count)
            self._panel(self.builder.index(full), vectors, rest - (vectors - 1) * self.count)

    def _tile(self) -> tuple[int, int]:
        """Rows and columns of a block: `tile` of the schedule, or what fills the registers.

        Where the product has fewer columns, the block has more rows.
        """
        rows, vectors = tile_of(self.kernel.vector_bits)
        if len(self.kernel.schedule.cpu.tile) == 2:
            rows, columns = self.kernel.schedule.cpu.tile
            vectors = -(-columns // self.count)
        needed = max(-(-self.n // self.count), 1)
        if needed < vectors:
            rows, vectors = min(rows * vectors // needed, MOST_ROWS), needed
        return rows, vectors * self.count

    def _packs(self) -> bool:
        """Tells whether panels of B are copied: where that makes their rows contiguous, or saves long strides."""
        is_contiguous = self.b.is_contiguous(self.axes.columns)
        return self.m * self.n * self.k > 0 and (not is_contiguous or self.m >= PACK_ROWS)

    # ---- blocks -----------------------------------------------------------------------------------------

    def _panel(self, column: SSAValue, vectors: int, last: int) -> None:
        """All rows of some columns."""
        if self.packing is not None:
            self.packing.pack(self.root, column, vectors, last)
        full = self.m // self.rows * self.rows

        def block(row: SSAValue) -> None:
            self._block(row, column, RegisterTile(self.rows, vectors, last))

        if full:
            self.builder.parallel([(0, full, self.rows)], ["row"], block)
        if rest := self.m - full:
            self._block(self.builder.index(full), column, RegisterTile(rest, vectors, last))

    def _block(self, row: SSAValue, column: SSAValue, tile: RegisterTile) -> None:
        """One block of the result: products in registers, then what the kernel makes of them."""
        zero = self.builder.number(0, vector_type(self.product.element_type, self.count))
        rows = [self.builder.sum_of([(row, 1)], r, "row") for r in range(tile.rows)]
        columns = [self.builder.sum_of([(column, 1)], v * self.count, "column") for v in range(tile.vectors)]

        def step(k: SSAValue, sums: Sequence[SSAValue]) -> list[SSAValue]:
            along = [self._b(k, at, v, tile) for v, at in enumerate(columns)]
            result: list[SSAValue] = []
            for r, at in enumerate(rows):
                factor = splat(self.a.element(self.root, at, k), self.count)
                for v, b in enumerate(along):
                    sum_ = sums[r * tile.vectors + v]
                    fma = vector.FMAOp.create(
                        operands=[factor.value, b.value, sum_], result_types=[sum_.type]
                    )
                    result.append(result_of(fma, "sum"))
            return result

        sums = self._along_k([zero.value] * (tile.rows * tile.vectors), step)
        for r, at_row in enumerate(rows):
            for v, at_column in enumerate(columns):
                level = self._at(at_row, at_column, v, tile)
                level.known[self.product] = sums[r * tile.vectors + v]
                level.store_outputs(self.kernel.outputs, self.kernel.results)

    def _along_k(self, zeros: list[SSAValue], step: LoopBody) -> list[Scalar]:
        """The sums along K, where that is long in blocks, whose sums are added up in higher precision."""
        builder, element_type = self.builder, self.product.element_type
        wide = TOTALS.get(element_type)
        blocks = self.k // K_BLOCK * K_BLOCK if self.k >= 2 * K_BLOCK and wide is not None else 0
        if not blocks or wide is None:
            sums = builder.loop((0, self.k, 1), "k", zeros, step) if self.k else zeros
            return [Scalar(s) for s in sums]

        def added(so_far: Sequence[SSAValue], sums: Sequence[SSAValue]) -> list[SSAValue]:
            pairs = zip(so_far, sums, strict=True)
            return [named((Scalar(s) + Scalar(b).cast(wide)).value, "so_far") for s, b in pairs]

        def block(start: SSAValue, so_far: Sequence[SSAValue]) -> list[SSAValue]:
            bounds = start, builder.sum_of([(start, 1)], K_BLOCK, "k"), builder.index(1)
            return added(so_far, builder.loop_between(bounds, "k", zeros, step))

        none = [builder.number(0, vector_type(wide, self.count)).value] * len(zeros)
        totals: Sequence[SSAValue] = builder.loop((0, blocks, K_BLOCK), "block", none, block)
        if blocks < self.k:
            totals = added(totals, builder.loop((blocks, self.k, 1), "k", zeros, step))
        return [Scalar(t).cast(element_type) for t in totals]

    def _lanes(self, vector_number: int, tile: RegisterTile) -> int:
        return tile.last if vector_number == tile.vectors - 1 else self.count

    def _at(self, row: SSAValue, column: SSAValue, vector_number: int, tile: RegisterTile) -> LoopLevel:
        axes, builder = self.axes, self.builder
        size = self._lanes(vector_number, tile)
        indices = {**axes.rows.indices(builder, row), **axes.columns.indices(builder, column)}
        return at_lanes(self.kernel, self.root, indices, Lanes(axes.columns.last, self.count), size)

    def _b(self, k: SSAValue, column: SSAValue, vector_number: int, tile: RegisterTile) -> Scalar:
        """A vector of a row of B, from the packed panel if there is one."""
        if self.packing is not None:
            return self.packing.load(k, vector_number)
        size = self._lanes(vector_number, tile)
        return self.b.vector(self.root, column, k, self.axes.columns, self.count, size)


def lower_matmul(kernel: KernelFunction) -> None:
    """See `MatMulLowering`; where there are several dims of rows or of terms, `WindowProduct`."""
    if reads_windows(kernel):
        lower_windows(kernel)
    else:
        MatMulLowering(kernel).lower()
