"""Choice of a kernel's schedule: kind, extents, vector width, unrolling, and the register block of products."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xdsl.dialects.builtin import i32
from xdsl.ir import Block

from pullback.dialects.graph.kernel.schedule import CpuTuning, Schedule, ScheduleAttr
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.op.indexed import ContractionOp, Counted
from pullback.dialects.graph.tensor.types import data_type_of, element_type_of, numpy_dtype, shape_of_type
from pullback.passes.kernels.form.groups import Group
from pullback.passes.lowering.kinds import COLUMNS, POINTWISE, ROWS, TABLE
from pullback.passes.lowering.register_blocks import window_tile
from pullback.passes.lowering.register_types import register_type
from pullback.passes.lowering.vector_registers import MAX_VECTOR, product_tile

UNROLL = 4


def schedule_of(group: Group, block: Block, vector_bits: int | None, fmas: int) -> ScheduleAttr:
    """Chooses the schedule of a group whose region is `block`, for vector registers of so many bits, if it has any.

    Of vectors so wide, `fmas` FMAs begin in a cycle.
    """
    kind, parallel, reduce = iteration_space(group, block)
    if vector_bits is None:
        return ScheduleAttr(Schedule(kind, parallel, reduce))
    has_tiles = TABLE[kind].has_tiles
    points = prod((*parallel, *reduce)) if kind in (ROWS.name, COLUMNS.name) else 0
    widest = _widest(block, points, in_registers=has_tiles and len(reduce) == 1)
    lanes = min(max(1, vector_bits // (8 * widest)), MAX_VECTOR)
    tile = _tile(block, parallel, reduce, lanes, vector_bits, fmas) if has_tiles else ()
    return ScheduleAttr(Schedule(kind, parallel, reduce, CpuTuning(lanes, UNROLL, tile)))


def _tile(
    block: Block,
    parallel: tuple[int, ...],
    reduce: tuple[int, ...],
    lanes: int,
    vector_bits: int,
    fmas: int,
) -> tuple[int, int]:
    """The register block of a product, by blocks of its result; rows are those of all matrices of a batch."""
    *rows, columns = parallel
    if len(reduce) == 1:
        matrices, row_bytes = _matrices(block, rows[:-1]), _row_bytes(block)
        height, vectors = product_tile(
            prod(rows), columns, reduce[0], lanes, vector_bits, matrices, row_bytes, fmas
        )
    else:
        height, vectors = window_tile(rows, columns, lanes, vector_bits, fmas)
    return height, vectors * lanes


def _matrices(block: Block, batch: Sequence[int]) -> int:
    """How many matrices of a batch have columns of their own: rows of those that share them are rows of one."""
    (product,) = (op for op in block.ops if isinstance(op, ContractionOp))
    if not isinstance(product, MatMul):
        return prod(batch)
    return prod(shape_of_type(product.operands[1].type)[:-2])


def _row_bytes(block: Block) -> int:
    """The bytes from a row of the first factor to the next; 0 where it is copied: turned around, computed, widened."""
    (product,) = (op for op in block.ops if isinstance(op, ContractionOp))
    if not isinstance(product, MatMul) or product.transposes[0]:
        return 0
    a = product.operands[0]
    element_type = element_type_of(a.type)
    if a not in block.args or register_type(element_type) != element_type:
        return 0
    return shape_of_type(a.type)[-1] * numpy_dtype(element_type).itemsize


def iteration_space(group: Group, block: Block) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """The kind of a kernel, and the extents of its parallel and of its reduced dims."""
    shape = group.shape
    if group.kind is not None and group.kind.extents is not None:
        if found := group.kind.extents(block):
            return group.kind.name, *found[0]
        return POINTWISE.name, shape, ()  # the operation is not needed, only what was to follow on it
    if not group.reductions and group.boundary is None:
        return POINTWISE.name, shape, ()
    if group.boundary is None:
        return ROWS.name, (), shape
    long = [axis for axis, extent in enumerate(shape) if extent != 1]
    axis = long[group.boundary]
    if (group.inner or _only(group.reductions)) == "leading":
        return COLUMNS.name, shape[axis:], shape[:axis]
    return ROWS.name, shape[:axis], shape[axis:]


def _only(reductions: frozenset[object]) -> object:
    """The one side over which a kernel reduces, if there is but one; totals of everything go with either."""
    sides = reductions & {"leading", "trailing"}
    return next(iter(sides)) if len(sides) == 1 else None


def _widest(block: Block, points: int, *, in_registers: bool) -> int:
    """The bytes of the widest element that the kernel touches at each point, in memory or in registers.

    Values of fewer elements than there are points, as numbers of rows or labels, take two registers, if need be.
    These differ for half precision. Products have a block of sums in registers, which must all have room; other kernels
    take two registers for a vector that is one in memory.
    What draws read is the same at all points; beside their results it takes the numbers of elements.
    """
    counts = [op for op in block.ops if isinstance(op, Counted)]
    values = [v for op in block.ops for v in (*(() if isinstance(op, Counted) else op.operands), *op.results)]
    of_values = {id(v.type): v.type for v in values}  # few, and shared
    data = [data_type_of(type_) for type_ in of_values.values()]
    types = {element_type_of(t) for t in data if prod(shape_of_type(t)) >= points}
    types = types or {element_type_of(t) for t in data}
    if in_registers:
        types = {register_type(type_) for type_ in types}
    return max(numpy_dtype(type_).itemsize for type_ in (*types, *(i32 for _ in counts)))
