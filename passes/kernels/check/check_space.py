"""Verification of iteration spaces: the loops of a schedule compute each element of a kernel's results once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.graph.op.indexed import Concatenation
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.nodes import Compute, Node, Output, Reduce, Rounded
from pullback.passes.lowering.rows_where_read import obstacle
from pullback.passes.lowering.space import Space


def check_space(kernel: Kernel, schedule: Schedule) -> KernelModel:
    """Checks that every value has its dims among the loops, is known when needed, and is stored at each element.

    Returns the model of which that is true.

    Raises:
        DiagnosticError: at the kernel, or at the reduction that has no loops to run along.
    """
    model = KernelModel.of(kernel, schedule)
    space, outputs = model.space, model.outputs
    long = frozenset(d for d, extent in enumerate(space.extents) if extent != 1)
    outer = long & frozenset(space.outer)
    for node in model.nodes:
        if _is_early(node, outer):
            raise _misfit(kernel, schedule, "a value needs a total before the loops are over")
    yielded = kernel.body.block.last_op
    assert yielded is not None
    # Concatenations check that their pieces leave no gaps; those of a product have the loops of its result.
    of_pieces = {n for n, value in enumerate(yielded.operands) if isinstance(value.owner, Concatenation)}
    for output in outputs:
        which = f"result {output.result}"
        if output.row is None and not output.node.dims & long <= output.offset.dims:
            raise _misfit(kernel, schedule, f"{which} changes along loops that it has no axis for")
        if output.node.is_late and output.offset.dims & outer:
            raise _misfit(kernel, schedule, f"{which} is a total over loops that it has axes for")
        if output.row is not None and not space.is_in_pieces:
            if (why := obstacle(model, output)) is not None:
                raise _misfit(kernel, schedule, why)
        elif not space.is_in_pieces and output.result not in of_pieces:
            _check_points(kernel, schedule, space, output, outer)
    for node in model.nodes:
        if isinstance(node, Reduce):
            _check_reduction(node, long & frozenset(space.inner), outer)
    return model


def _check_reduction(node: Reduce, inner: frozenset[int], outer: frozenset[int]) -> None:
    """Checks that a reduction runs over all loops of its side, none of which indexes its result."""
    if node.is_crossed:
        raise DiagnosticError(
            f"'{node.op.name}' is reduced along the loop that its result runs along: keep its dims, or let "
            "form-kernels form the kernel",
            node.op,
        )
    if node.over != (outer if node.is_outer else inner):
        raise DiagnosticError(
            f"'{node.op.name}' is reduced along some of the loops of the kernel's "
            f"{'parallel' if node.is_outer else 'reduce'} extents, and not along others; form-kernels states what "
            "fits",
            node.op,
        )


def _is_early(node: Node, outer: frozenset[int]) -> bool:
    """Tells whether a node is computed inside loops after which only its operand is known."""
    if not any(operand.is_late for operand in node.operands):
        return False
    return not isinstance(node, Compute | Rounded) or bool(node.dims & outer)


def _check_points(
    kernel: Kernel, schedule: Schedule, space: Space, output: Output, outer: frozenset[int]
) -> None:
    """Checks that the loops of an output have one point for each of its elements, and run once."""
    shape = shape_of_type(kernel.results[output.result].type)
    size = prod(shape)
    loops = [(step, space.extents[d]) for d, step in enumerate(output.offset.coefficients) if step]
    extents = [extent for _, extent in loops]
    points = prod(extents)
    which = f"result {output.result}"
    if points != size or _stride(extents) > _stride(shape):
        raise _misfit(kernel, schedule, f"{which} has {size} elements, and its loops have {_points(points)}")
    if size and not _counts_through(sorted(loops), output.offset.constant):
        raise _misfit(kernel, schedule, f"the loops of {which} do not reach each of its elements")
    is_once = output.node.is_late or not loops
    if not is_once and not outer <= output.offset.dims:
        raise _misfit(kernel, schedule, f"{which} is stored again for each point of other loops")


def _counts_through(loops: list[tuple[int, int]], first: int) -> bool:
    """Tells whether loops of these strides and extents, innermost first, enumerate elements from 0 on without gaps."""
    expected = 1
    for step, extent in loops:
        if step != expected:
            return False
        expected *= extent
    return first == 0


def _stride(extents: Sequence[int]) -> int:
    """The stride of an axis around these: no address is larger, even where there are no elements."""
    return prod(max(extent, 1) for extent in extents)


def _points(count: int) -> str:
    return f"{count} point" if count == 1 else f"{count} points"


def _misfit(kernel: Kernel, schedule: Schedule, what: str) -> DiagnosticError:
    return DiagnosticError(
        f"schedule: kind '{schedule.kind}', parallel {list(schedule.parallel)} and reduce {list(schedule.reduce)} "
        f"do not fit the operations in the region: {what}; form-kernels states what fits",
        kernel,
    )
