"""Sums of scattered rows of one index, which lie side by side in the order of `order`.

A thread adds up, at one column, a chunk of `chunk` rows in their order. An index all of whose rows are in the chunk is
done with. Of one that began before the chunk, or that goes on behind it, a partial sum is left in scratch memory: two
of each chunk, with the indices that they belong to, so that they are rows in order again, and the next kernel goes
through them in the same way. So a million rows of one index are no thread's work alone, and the order of additions is
one.

For rows of the indices 0 0 2 2 | 2 2 2 2 | 2 3 5 5 in chunks of four:

    @k_segments(%keys, %r, %y, %partial, %indices)   adds rows to %y[0], %y[3] and %y[5]
                                                     partials  -, 2 | 2, (2: 0) | 2, -
    @k_segments_1(%y, %partial, %indices)            … and so on, until one chunk holds all
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import arith
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.accumulators import TOTALS
from pullback.dialects.graph.tensor.types import is_float
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.scatter.order import SortedRows, key_type
from pullback.passes.gpu.scatter.rows_in_order import GivenRows, PartialSums, RowsInOrder
from pullback.passes.gpu.scatter.scattered_rows import is_below, thread_each
from pullback.passes.lowering.buffer_view import index_of
from pullback.passes.lowering.code_builder import index_op, result_of
from pullback.passes.lowering.long_sums import BLOCK


def add_segments(parameters: Parameters, order: SortedRows, name: str, chunk: int) -> list[GpuKernel]:
    """The kernels that add up the rows of each index, and add that to the row of the output."""
    rows, kernels = order.rows, list[GpuKernel]()
    found: RowsInOrder = GivenRows(rows, rows.count, order)
    total_type = rows.output.long_total(rows.space.extents) or rows.output.node.element_type
    if chunk > BLOCK:
        total_type = TOTALS.get(total_type, total_type)
    while True:
        chunks = -(-found.count // chunk)
        left = PartialSums.of(parameters, rows, chunks) if chunks > 1 else None
        suffix = f"_{len(kernels)}" if kernels else ""
        emitter = Chunks(found, left, chunk, total_type)
        size = chunks * rows.columns.size
        kernels.append(thread_each(f"{name}_segments{suffix}", parameters, size, emitter.body))
        if left is None:
            return kernels
        found, total_type = left, TOTALS.get(total_type, total_type)


def neutral(builder: KernelBuilder, type_: Attribute) -> Scalar:
    """What any number may be added to and stay what it is: of floats -0.0, since 0.0 + -0.0 is 0.0."""
    return builder.number(-0.0 if is_float(type_) else 0, type_)


@dataclass(frozen=True)
class Chunks:
    """A kernel in which each thread goes through a chunk of rows, at one column.

    Args:
        source: the rows.
        left: where partial sums go; `None` where one chunk holds all rows.
        length: the rows of a chunk.
        total_type: the type in which they are added up.
    """

    source: RowsInOrder
    left: PartialSums | None
    length: int
    total_type: Attribute

    def body(self, builder: KernelBuilder, number: SSAValue) -> None:
        """The work of one thread: carry the sum so far, the index it belongs to, and the partial sums to be left."""
        columns, count = self.source.rows.columns.size, builder.index(self.source.count)
        column, chunk = (
            builder.remainder(number, columns, "column"),
            builder.quotient(number, columns, "chunk"),
        )
        begin = builder.product(chunk, self.length, "begin")
        beyond = builder.sum_of([(begin, 1)], self.length, "beyond")
        end = select(Scalar(is_below(beyond, count)), Scalar(beyond), Scalar(count)).value
        around = self._around(builder, begin, end)
        zero, index = neutral(builder, self.total_type), self.source.index(builder, begin)
        sums = [("first", zero), ("last", zero)] if self.left is not None else []

        def step(place: SSAValue, carried: Sequence[Scalar]) -> Sequence[Scalar]:
            return self._step(builder, (place, end, column), around, carried)

        bounds = begin, end, builder.index(1)
        carried = [("total", zero), ("index", index), *sums]
        _, last_index, *made = builder.carrying(bounds, "place", carried, step)
        if self.left is not None:
            self._leave(builder, (chunk, column), (index, last_index), around, made)

    def _none(self, builder: KernelBuilder) -> Scalar:
        """The index of rows that are left out."""
        rows = self.source.rows
        return builder.number(rows.output.rows, key_type(rows))

    def _around(self, builder: KernelBuilder, begin: SSAValue, end: SSAValue) -> list[Scalar]:
        """The indices of the row before the chunk and of the one behind it."""
        if self.left is None:
            return []
        none, source = self._none(builder), self.source
        is_first = Scalar(result_of(CmpiOp(begin, builder.index(0), "eq"), "is_first"))
        previous = result_of(index_op(arith.SubiOp, begin, builder.index(1)), "previous")
        before = source.index(builder, select(is_first, Scalar(begin), Scalar(previous)).value)
        goes_on = Scalar(is_below(end, builder.index(source.count)))
        after = source.index(builder, select(goes_on, Scalar(end), Scalar(begin)).value)
        return [select(is_first, none, before), select(goes_on, after, none)]

    def _step(
        self,
        builder: KernelBuilder,
        at: tuple[SSAValue, SSAValue, SSAValue],
        around: Sequence[Scalar],
        carried: Sequence[Scalar],
    ) -> list[Scalar]:
        """Add one row; where it is the last one of its index here, the sum goes where it belongs."""
        (place, end, column), (total, index, *sums) = at, carried
        element = self.source.element(builder, place, column)
        total = self.source.add(total, element.cast(self.total_type))
        following = builder.sum_of([(place, 1)], 1, "following")
        goes_on = Scalar(is_below(following, end))
        next_index = self.source.index(builder, select(goes_on, Scalar(following), Scalar(place)).value)
        is_done = ~goes_on | next_index.not_equal(index)
        is_complete = is_done & (index < self._none(builder))
        if around:
            is_first, is_last = (index.equal(other) for other in around)
            first, last = sums
            sums = [
                select(is_done & is_first, total, first),
                select(is_done & is_last & ~is_first, total, last),
            ]
            is_complete = is_complete & ~(is_first | is_last)
        builder.when(is_complete.value, lambda: self._store(builder, column, index, total))
        return [select(is_done, neutral(builder, self.total_type), total), next_index, *sums]

    def _store(self, builder: KernelBuilder, column: SSAValue, index: Scalar, total: Scalar) -> None:
        """Add a sum to the row that its index names."""
        output = self.source.rows.output
        view, point = builder.views[output.result], self.source.rows.point(builder, column=column)
        more = [(index_of(index), output.row_stride)]
        before = point.load(view, output.offset, more).cast(total.element_type)
        point.store(view, output.offset, (before + total).cast(view.element_type), more)

    def _leave(
        self,
        builder: KernelBuilder,
        at: tuple[SSAValue, SSAValue],
        ends: tuple[Scalar, Scalar],
        around: Sequence[Scalar],
        sums: Sequence[Scalar],
    ) -> None:
        """Store both partial sums, and to which indices they belong: to none, if they are part of none."""
        assert self.left is not None
        (chunk, column), columns, none = at, self.source.rows.columns.size, self._none(builder)
        into, indices = builder.views[self.left.sums], builder.views[self.left.indices]
        for side, total in enumerate(sums):
            terms = [(chunk, 2 * columns), (column, 1)]
            into.store(builder, total.cast(into.element_type), terms, side * columns)

        def label() -> None:
            for side, (end, other) in enumerate(zip(ends, around, strict=True)):
                indices.store(builder, select(end.equal(other), other, none), [(chunk, 2)], side)

        builder.when(result_of(CmpiOp(column, builder.index(0), "eq"), "is_leading"), label)
