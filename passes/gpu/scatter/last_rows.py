"""Replacement of rows: of those of one index, which lie side by side in the order, the last one stays."""

from __future__ import annotations

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.scatter.order import SortedRows
from pullback.passes.gpu.scatter.scattered_rows import is_below, thread_each
from pullback.passes.lowering.buffer_view import index_of


def put_last_rows(parameters: Parameters, order: SortedRows, name: str) -> GpuKernel:
    """A kernel that puts the last row of each index into the output, a thread for each element of all rows."""
    rows, columns, count = order.rows, order.rows.columns.size, order.rows.count

    def body(builder: KernelBuilder, number: SSAValue) -> None:
        column, place = (
            builder.remainder(number, columns, "column"),
            builder.quotient(number, columns, "place"),
        )
        following = builder.sum_of([(place, 1)], 1, "following")
        goes_on = Scalar(is_below(following, builder.index(count)))
        key = order.key(builder, place)
        index = order.index(key)
        safe = select(goes_on, Scalar(following), Scalar(place)).value
        next_index = order.index(order.key(builder, safe))
        is_last = (~goes_on | next_index.not_equal(index)) & (index < rows.output.rows)

        def put() -> None:
            point, output = rows.point(builder, order.number(key), column), rows.output
            more = [(index_of(index), output.row_stride)]
            (row,) = point.values([output.node])
            point.store(builder.views[output.result], output.offset, row, more)

        builder.when(is_last.value, put)

    return thread_each(f"{name}_rows", parameters, count * columns, body)
