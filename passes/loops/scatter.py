"""Scatter kernels: rows added to, subtracted from or put in place of the rows of an output that their indices name.

Rows whose index is out of range are left out. Rows of one index add up, or the last one stays, so they run in order.

Of `x + densify(slices)` with 3 rows of 4 elements, after %x was copied to %y:

    scf.for %slice = %c0 to %c3 step %c1 {
      %t_1 = memref.load %t[%slice]
      %inside = arith.cmpi ult, %t_1, 9 : i32
      scf.if %inside {
        %row = arith.index_cast %t_1 : i32 to index
        %r_1 = vector.load %r[%slice, %c0]
        %y_1 = vector.load %y[4 * %row]
        %y_2 = arith.addf %y_1, %r_1
        vector.store %y_2, %y[4 * %row]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.pointwise import at_lanes, each_element, lower_nest
from pullback.passes.loops.streamed_reads import fetch_row, name_ahead, rows_are_far
from pullback.passes.loops.sweep import Sweep
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView, index_of, is_in_range, row_in_range
from pullback.passes.lowering.nodes import Load, Output

Combine: TypeAlias = Callable[[Scalar, Scalar], Scalar]
"""Makes one of what is there and of what a row holds."""


def lower_scatter(kernel: KernelFunction) -> None:
    """Outputs in their order: what is there first, then the rows."""
    with kernel.builder.entering(kernel.builder.block):
        for output in kernel.outputs:
            if output.row is not None and (wide := output.long_total(kernel.space.extents)) is not None:
                lower_in_scratch(kernel, output, wide)
            elif output.row is not None:
                lower_rows_of(kernel, output, kernel.results[output.result], combination(output))
            elif not is_in_place(kernel, output):
                lower_nest(kernel, sorted(output.offset.dims), [output])


def is_in_place(kernel: KernelFunction, output: Output) -> bool:
    """Tells whether an output is what its buffer holds already."""
    node = output.node
    if not isinstance(node, Load) or not node.is_plain or node.offset != output.offset:
        return False
    return kernel.signature.inputs[node.argument] == kernel.signature.outputs[output.result]


def combination(output: Output) -> Combine:
    """The function that combines a row with what is there."""
    assert output.combine is not None
    return output.combine


# ---- long sums ------------------------------------------------------------------------------------------------


def lower_in_scratch(kernel: KernelFunction, output: Output, wide: Attribute) -> None:
    """The rows are added to a copy in higher precision of what is there, which is rounded at the end."""
    buffer = kernel.results[output.result]
    copy, combine = kernel.add_scratch(buffer.layout, wide), combination(output)
    wholes = [o for o in kernel.outputs if o.result == output.result and o.row is None]

    def moved(source: BufferView, target: BufferView, piece: Output, level: LoopLevel) -> None:
        value = level.load(source, piece.offset).cast(target.element_type)
        level.store(target, piece.offset, value)

    for piece in wholes:
        each_element(kernel, sorted(piece.offset.dims), partial(moved, buffer, copy, piece))
    lower_rows_of(kernel, output, copy, lambda before, row: combine(before, row.cast(wide)))
    for piece in wholes:
        each_element(kernel, sorted(piece.offset.dims), partial(moved, copy, buffer, piece))


# ---- rows -----------------------------------------------------------------------------------------------------


def lower_rows_of(kernel: KernelFunction, output: Output, buffer: BufferView, combine: Combine) -> None:
    """One row after the other: the row that its index names, if there is one, takes it up."""
    row, count = output.row, output.number
    assert row is not None
    assert count is not None
    builder = kernel.builder
    lane = max(output.offset.dims, default=None)

    def fetch_ahead(level: LoopLevel) -> None:
        """Has the row fetched that one of the next indices names."""
        if lane is None or not (isinstance(row, Load) and row.is_plain and count.dims):
            return
        names, (dim,) = kernel.root.inputs[row.argument], count.dims
        if rows_are_far(buffer, names, row.offset.coefficients[dim]):
            name = name_ahead(names, builder, level.terms(row.offset), row.offset.coefficients[dim])
            at = row_in_range(builder, name, is_in_range(name, output.rows))
            terms = [(at, output.row_stride)]
            fetch_row(buffer, builder, terms, output.offset.constant, kernel.space.extents[lane])

    def body(number: SSAValue | None) -> None:
        level = kernel.root if number is None else kernel.root.inside(builder.insertion_point, {dim: number})
        (index,) = level.values([row])
        fetch_ahead(level)
        inside = is_in_range(index, output.rows)

        def take() -> None:
            more = [(index_of(index), output.row_stride)]

            def combined(here: LoopLevel, value: Scalar) -> None:
                before = here.load(buffer, output.offset, more)
                here.store(buffer, output.offset, combine(before, value), more)

            around = level.inside(builder.insertion_point, {})
            lower_row(kernel, around, output, sorted(output.offset.dims), combined)

        builder.when(inside.value, take)

    if not count.dims:
        body(None)
        return
    (dim,) = count.dims

    def once(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
        body(number)
        return []

    builder.loop((0, kernel.space.extents[dim], 1), "slice", [], once)


def lower_row(
    kernel: KernelFunction,
    level: LoopLevel,
    output: Output,
    dims: Sequence[int],
    combined: Callable[[LoopLevel, Scalar], None],
) -> None:
    """Gives one row, vector by vector, to what combines it with the one that is there."""
    if not dims:
        combined(level, level.values([output.node])[0])
        return
    first, *rest = dims
    extent = kernel.space.extents[first]
    if rest:

        def around(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            inside = level.inside(kernel.builder.insertion_point, {first: index})
            lower_row(kernel, inside, output, rest, combined)
            return []

        kernel.builder.loop((0, extent, 1), f"r{first}", [], around)
        return
    count = kernel.lanes_along(first)

    def iteration(start: SSAValue, size: int) -> tuple[()]:
        here = at_lanes(kernel, level, {first: start}, Lanes(first, count), size)
        combined(here, here.vector(output.node))
        return ()

    Sweep(kernel.builder, "column", extent, count, 1).run((), iteration)
