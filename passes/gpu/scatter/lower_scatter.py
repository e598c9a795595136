"""Scatter kernels: rows added to, or put in place of, the rows of an output that their indices name.

Rows whose index is out of range are left out. Rows of one index add up in their order, or the last one stays, whatever
the threads do: there are no atomic additions, and results repeat bit by bit.

The schedule says how rows of one index are found. `method = in_order`: a thread for each column goes through all rows.
`method = sorted`: the indices are sorted first (`order`), so that rows of one index lie side by side; they are added up
in chunks (`segments`), or the last one replaces (`last_rows`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.pointwise import lower_pointwise
from pullback.passes.gpu.scatter.key_segments import add_segments
from pullback.passes.gpu.scatter.last_rows import put_last_rows
from pullback.passes.gpu.scatter.order import sorted_rows
from pullback.passes.gpu.scatter.scattered_rows import ScatteredRows, thread_each, tuning_of
from pullback.passes.lowering.buffer_view import index_of, is_in_range
from pullback.passes.lowering.nodes import Load, Output
from pullback.passes.lowering.space import Space

Combine: TypeAlias = Callable[[Scalar, Scalar], Scalar]
"""Makes one of what is there and of what a row holds."""


def lower_scatter(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """Kernels of the outputs in their order: what is there first, then the rows."""
    kernels, method = list[GpuKernel](), METHODS[tuning_of(parameters).method or "in_order"]
    for number, output in enumerate(outputs):
        suffix = f"_{number}"
        if output.row is None:
            if not is_in_place(output):
                kernels += lower_pointwise(parameters, space, [output], suffix)
            continue
        rows = ScatteredRows(output, space)
        if rows.count and output.rows and rows.columns.size:
            kernels += method(parameters, rows, parameters.signature.name + suffix)
    return kernels


def is_in_place(output: Output) -> bool:
    """Tells whether an output is what its buffer holds already."""
    node = output.node
    if not isinstance(node, Load) or not node.is_plain:
        return False
    return (node.argument, node.offset) == (output.result, output.offset)


# ---- one row after the other ----------------------------------------------------------------------------------


def in_order(parameters: Parameters, rows: ScatteredRows, name: str) -> list[GpuKernel]:
    """A kernel whose threads go through all rows, each at a column of its own.

    Long sums are those of a copy in higher precision of what is there, which is rounded at the end.
    """
    output, wide = rows.output, rows.output.long_total(rows.space.extents)
    assert output.combine is not None
    if wide is None:
        return [take_rows(parameters, rows, name, output.result, output.combine)]
    combine, size = output.combine, output.rows * output.row_stride
    copy = parameters.scratch(wide, size)
    return [
        converted(parameters, f"{name}_widened", output.result, copy, size),
        take_rows(parameters, rows, name, copy, lambda before, row: combine(before, row.cast(wide))),
        converted(parameters, f"{name}_rounded", copy, output.result, size),
    ]


def take_rows(
    parameters: Parameters, rows: ScatteredRows, name: str, target: int, combine: Combine
) -> GpuKernel:
    """A thread for each column: the row that an index names, if there is one, takes up the next one."""
    output = rows.output

    def body(builder: KernelBuilder, column: SSAValue) -> None:
        view = builder.views[target]

        def once(number: SSAValue, _: object) -> list[SSAValue]:
            point = rows.point(builder, number, column)
            (index,) = point.values([rows.index])

            def take() -> None:
                here, more = point.inside(), [(index_of(index), output.row_stride)]
                (row,) = here.values([output.node])
                here.store(view, output.offset, combine(here.load(view, output.offset, more), row), more)

            builder.when(is_in_range(index, output.rows).value, take)
            return []

        builder.loop((0, rows.count, 1), "slice", [], once)

    return thread_each(name, parameters, rows.columns.size, body)


def converted(parameters: Parameters, name: str, source: int, target: int, size: int) -> GpuKernel:
    """A kernel that copies one buffer to another of a different element type."""

    def body(builder: KernelBuilder, number: SSAValue) -> None:
        value = builder.views[source].load(builder, [(number, 1)], 0)
        into = builder.views[target]
        into.store(builder, value.cast(into.element_type), [(number, 1)], 0)

    return thread_each(name, parameters, size, body)


# ---- side by side ---------------------------------------------------------------------------------------------


def by_order(parameters: Parameters, rows: ScatteredRows, name: str) -> list[GpuKernel]:
    """Kernels that sort the rows by their indices, and combine those of each index."""
    kernels, order = sorted_rows(parameters, rows, name)
    if not rows.output.adds:
        return [*kernels, put_last_rows(parameters, order, name)]
    chunk = tuning_of(parameters).chunk
    assert chunk is not None
    return kernels + add_segments(parameters, order, name, chunk)


METHODS = {"in_order": in_order, "sorted": by_order}
"""The kernels for the rows of an output, by the `method` of the schedule."""
