"""Vectors along rows, or of neighbouring columns: whether the accesses of a kernel allow them, and which is best.

Of softmax on rows of 1000 elements all accesses go from one element to the next, and each row begins at a multiple of
four: so four elements are loaded and stored at once. Rows of 1001 allow none.
"""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.ir import Attribute

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.gpu.lines.line_mapping import FEW_ELEMENTS
from pullback.passes.gpu.lines.line_plan import LinePlan
from pullback.passes.lowering.nodes import Coordinate, Load

MOST_BYTES = 16
"""The most that a thread loads or stores at once."""


def lane_dim(plan: LinePlan) -> int | None:
    """The dim along which the elements of a vector are: the last one of the lines' points, or of the columns."""
    dims = plan.space.outer if plan.space.reduces_leading else plan.space.inner
    return dims[-1] if dims else None


def obstacles(plan: LinePlan, lanes: int) -> Iterator[str]:
    """What keeps a thread from taking so many neighbouring elements at once, in words."""
    dim = lane_dim(plan)
    if lanes == 1:
        return
    if dim is None or plan.space.extents[dim] % lanes:
        extent = 1 if dim is None else plan.space.extents[dim]
        yield f"{extent} elements are side by side, which is no multiple of it"
        return
    for output in plan.early:
        for obstacle in _of_access(output.offset, dim, lanes, output.node.element_type):
            yield f"result {output.result} {obstacle}"
    for node in plan.of_lines:
        if isinstance(node, Load):
            for obstacle in obstacles_of_load(node, dim, lanes):
                yield f"input {node.argument} {obstacle}"
        elif isinstance(node, Coordinate) and dim in node.dims:
            yield "the number of an element changes from one to the next"


def obstacles_of_load(load: Load, dim: int, lanes: int) -> Iterator[str]:
    """What keeps a thread from loading so many elements along a dim at once, in words."""
    if any(dim in row.dims for row in load.operands):
        yield "is read in rows of their own"
    elif load.bounds:
        yield "is read with a border"
    elif load.operands and load.offset.coefficients[dim] and load.row_stride % lanes:
        yield f"has rows of {load.row_stride} elements"
    yield from _of_access(load.offset, dim, lanes, load.element_type)


def _of_access(offset: Affine, dim: int, lanes: int, element_type: Attribute) -> Iterator[str]:
    stride = offset.coefficients[dim]
    if not stride:
        return
    others = [*(c for d, c in enumerate(offset.coefficients) if d != dim), offset.constant]
    size = lanes * byte_size(element_type)
    if stride != 1:
        yield f"is accessed {abs(stride)} elements apart"
    elif apart := next((n for n in others if n % lanes), 0):
        yield f"is accessed from element {apart} on"
    elif size > MOST_BYTES:
        yield f"would be accessed by {size} bytes at once, of {MOST_BYTES}"


def byte_size(element_type: Attribute) -> int:
    """The bytes of an element in memory."""
    return max(bit_width(element_type), 8) // 8


def widest(plan: LinePlan) -> int:
    """The most elements at once that all accesses allow, where there are many."""
    accessed = [node.element_type for node in plan.of_lines if isinstance(node, Load)]
    accessed += [output.node.element_type for output in plan.early]
    lanes = MOST_BYTES // max(map(byte_size, accessed), default=MOST_BYTES)
    if plan.lines.size * plan.points.size < FEW_ELEMENTS:
        return 1
    while lanes > 1 and any(True for _ in obstacles(plan, lanes)):
        lanes //= 2
    return lanes
