"""Totals of the parts of a product's terms: a matrix of results for each, in memory, added up in order at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.affine import row_major_strides
from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.graph.tensor.accumulators import TOTALS
from pullback.dialects.upstream.transfers import transfer_write
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.products.window_blocks import WindowBlocks
from pullback.passes.loops.vector_access import load_vector, store_vector, strided_view, transferred
from pullback.passes.loops.vectors import Lanes, tail_mask
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term
from pullback.passes.lowering.strided_layout import StridedLayout

MOST_PARTS = 16
FEW_PARTS = 4
PARTS_BYTES = 2**22
"""The totals of all parts, where that does not leave fewer than `FEW_PARTS`: they are cleared, and added up."""


def most_parts(blocks: WindowBlocks) -> int:
    """How many parts the terms of a product may be divided into."""
    size = bit_width(_wide(blocks)) // 8 * prod(blocks.extents[d] for d in blocks.kernel.space.outer)
    return min(max(PARTS_BYTES // max(size, 1), FEW_PARTS), MOST_PARTS)


@dataclass(frozen=True)
class PartTotals:
    """Scratch memory for so many matrices of results, of which `strides` has the distance along each dim.

    Vectors of totals are along `lanes`, which is the last dim in memory.
    """

    blocks: WindowBlocks
    parts: int
    view: BufferView
    strides: Mapping[int, int]
    size: int
    """The elements of one matrix."""
    lanes: int

    @staticmethod
    def of(blocks: WindowBlocks, parts: int, dims: Sequence[int], lanes: int) -> PartTotals:
        """Totals along these dims of results, and along `lanes`, in whole vectors."""
        extents, count = blocks.extents, blocks.count
        shape = [*(extents[d] for d in dims), -(-extents[lanes] // count) * count]
        size = prod(shape)
        view = blocks.kernel.add_scratch(StridedLayout((parts * size,), (1,)), _wide(blocks))
        return PartTotals(
            blocks, parts, view, dict(zip([*dims, lanes], row_major_strides(shape), strict=True)), size, lanes
        )

    def clear(self, part: SSAValue) -> None:
        """Makes all totals of a part 0."""
        builder, count = self.blocks.builder, self.blocks.count
        zero = builder.number(0, vector_type(self.view.memory_type, count))

        def clear(at: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            self._store([(part, self.size), (at, 1)], 0, zero)
            return []

        builder.loop((0, self.size, count), "at", [], clear)

    def add(
        self, part: SSAValue, indices: Mapping[int, SSAValue], steps: Mapping[int, int], value: Scalar
    ) -> None:
        """Adds a vector to the totals so many steps on from these indices."""
        first, further = self._terms(part, indices), sum(self.strides[d] * n for d, n in steps.items())
        self._store(
            first, further, self._load(first, further, self.lanes) + value.cast(self.view.memory_type)
        )

    def add_matrix(self, part: SSAValue, indices: Mapping[int, SSAValue], row: int, value: Scalar) -> None:
        """Adds a matrix to the totals from these indices on, whose rows are along a dim."""
        assert isinstance(value.type, VectorType)
        shape, strides = value.type.get_shape(), (self.strides[row], 1)
        first = self._terms(part, indices), 0
        view = strided_view(self.view, self.blocks.builder, first, shape, strides)
        total = transferred(view, self.blocks.builder) + value.cast(self.view.memory_type)
        at = [self.blocks.builder.index(0)] * 2
        view.insert_store(transfer_write(total.value, view.value, at, (0, 1)))

    # ---- results ----------------------------------------------------------------------------------------

    def store_results(self) -> None:
        """Adds up the parts, and stores what the kernel makes of the sums."""
        blocks = self.blocks
        dims = [*blocks.around, blocks.row]

        def row(*indices: SSAValue) -> None:
            at = dict(zip(dims, indices, strict=True))
            full = blocks.extents[blocks.columns] // blocks.count * blocks.count

            def column(column: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._result({**at, blocks.columns: column}, blocks.count)
                return []

            if full:
                blocks.builder.loop((0, full, blocks.count), "column", [], column)
            if rest := blocks.extents[blocks.columns] - full:
                self._result({**at, blocks.columns: blocks.builder.index(full)}, rest)

        blocks.builder.parallel([(0, blocks.extents[d], 1) for d in dims], [f"i{d}" for d in dims], row)

    def _result(self, at: dict[int, SSAValue], size: int) -> None:
        blocks, builder = self.blocks, self.blocks.builder
        exist = size if self.lanes != blocks.columns else blocks.count

        def add(part: SSAValue, so_far: Sequence[SSAValue]) -> list[SSAValue]:
            return [(Scalar(so_far[0]) + self._load(self._terms(part, at), 0, blocks.columns, exist)).value]

        zero = builder.number(0, vector_type(self.view.memory_type, blocks.count)).value
        (total,) = builder.loop((0, self.parts, 1), "part", [zero], add)
        level = blocks.result(at, 0, 0, size)
        level.known[blocks.product] = Scalar(total).cast(blocks.product.element_type)
        level.store_outputs(blocks.kernel.outputs, blocks.kernel.results)

    # ---- memory -----------------------------------------------------------------------------------------

    def _terms(self, part: SSAValue, indices: Mapping[int, SSAValue]) -> list[Term]:
        """The offset of a total, as one index."""
        steps = self.strides
        terms = [(part, self.size), *((i, steps[d]) for d, i in indices.items() if steps.get(d))]
        return [(self.blocks.builder.sum_of(terms, 0), 1)]

    def _load(self, first: Sequence[Term], further: int, along: int, exist: int | None = None) -> Scalar:
        builder, count = self.blocks.builder, self.blocks.count
        mask = None if exist is None or exist == count else tail_mask(builder, exist, count)
        return load_vector(self.view, builder, Lanes(along, count, mask), first, further, self.strides[along])

    def _store(self, first: Sequence[Term], further: int, value: Scalar) -> None:
        assert isinstance(value.type, VectorType)
        lanes = Lanes(self.lanes, self.blocks.count)
        store_vector(self.view, self.blocks.builder, lanes, value, (first, further, 1))


def _wide(blocks: WindowBlocks) -> Attribute:
    """The type that totals are added up in."""
    element_type = blocks.product.element_type
    return TOTALS.get(element_type, element_type)
