"""Scatter kernels: rows added to, subtracted from or put in place of the rows of an output that their indices name.

Rows whose index is out of range are left out. Rows of one index add up, or the last one stays, so they run in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import scf
from xdsl.ir import Block, Region, SSAValue

from pullback.dialects.graph.insertion import insert
from pullback.dialects.graph.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.levels import Level
from pullback.passes.loops.memory import index_of, inside_rows
from pullback.passes.loops.nodes import Load, Output
from pullback.passes.loops.pointwise import at_lanes, lower_nest
from pullback.passes.loops.sweep import Sweep
from pullback.passes.loops.vectors import Lanes


def lower_scatter(kernel: KernelFunction) -> None:
    """Outputs in their order: what is there first, then the rows."""
    with kernel.builder.entering(kernel.builder.block):
        for output in kernel.outputs:
            if output.row is not None:
                lower_rows_of(kernel, output)
            elif not is_in_place(kernel, output):
                lower_nest(kernel, sorted(output.offset.dims), [output])


def is_in_place(kernel: KernelFunction, output: Output) -> bool:
    """Whether an output is what its buffer holds already."""
    node = output.node
    if not isinstance(node, Load) or node.operands or node.offset != output.offset:
        return False
    return kernel.signature.inputs[node.argument] == kernel.signature.outputs[output.result]


def lower_rows_of(kernel: KernelFunction, output: Output) -> None:
    """One row after the other: the row that its index names, if there is one, takes it up."""
    row, count = output.row, output.number
    assert row is not None
    assert count is not None
    builder = kernel.builder

    def body(number: SSAValue | None) -> None:
        level = kernel.root if number is None else kernel.root.inside(builder.place, {dim: number})
        (index,) = level.values([row])
        inside = inside_rows(index, output.rows)
        then = Block()
        with builder.entering(then):
            target = index_of(index)
            around = level.inside(builder.place, {})
            lower_row(kernel, around, output, sorted(output.offset.dims), target)
            insert(scf.YieldOp.create())
        insert(scf.IfOp.create(operands=[inside.value], regions=[Region(then), Region()]))

    if not count.dims:
        body(None)
        return
    (dim,) = count.dims

    def once(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
        body(number)
        return []

    builder.loop((0, kernel.space.extents[dim], 1), "slice", [], once)


def lower_row(
    kernel: KernelFunction, level: Level, output: Output, dims: Sequence[int], target: SSAValue
) -> None:
    """Combines one row, vector by vector, with the row `target`."""
    buffer = kernel.results[output.result]
    more = [(target, output.row_stride)]
    combine = output.combine
    assert combine is not None

    def combined(here: Level, value: Scalar) -> None:
        before = here.load(buffer, output.offset, more)
        here.store(buffer, output.offset, combine(before, value), more)

    if not dims:
        combined(level, level.values([output.node])[0])
        return
    first, *rest = dims
    extent = kernel.space.extents[first]
    if rest:

        def around(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            lower_row(kernel, level.inside(kernel.builder.place, {first: index}), output, rest, target)
            return []

        kernel.builder.loop((0, extent, 1), f"r{first}", [], around)
        return
    count = kernel.lanes_along(first)

    def iteration(start: SSAValue, size: int) -> tuple[()]:
        here = at_lanes(kernel, level, {first: start}, Lanes(first, count), size)
        combined(here, here.vector(output.node))
        return ()

    Sweep(kernel.builder, "column", extent, count, 1).run((), iteration)
