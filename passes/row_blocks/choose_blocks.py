"""The choice of blocks: whether a matrix is worth a loop over its rows, and how many rows a trip takes.

Without a loop, each matrix of a region goes through memory: products write it and read it. With one, the blocks stay
in a cache, but each trip reads again what products need as a whole, adds to totals in memory, and products that two
stages need are multiplied twice. A byte that comes from memory takes as long as some products of a dot product, so

    (bytes of matrices - bytes of the trips) * products_per_byte  >  products that are made again

is when a loop is faster, if the matrix is larger than caches. A matrix that is many times larger than what it is made
of grows faster than a program: above `largest` it is never kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.op.scalar import bit_width
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.passes.lowering.vector_registers import FMAS_PER_CYCLE
from pullback.passes.row_blocks.row_parts import Blocks
from pullback.passes.row_blocks.row_region import RowRegion
from pullback.passes.row_blocks.row_stages import Stage


@dataclass(frozen=True)
class Device:
    """What a device makes of large matrices."""

    cached: int
    """Bytes of a matrix that stay in caches from one kernel to the next."""
    largest: int
    """Bytes of a matrix that memory is not used for, whatever else a loop costs."""
    block: int
    """Bytes of a matrix's rows that a trip takes: as much as a cache holds, and as keeps all processors busy."""
    turns_totals: bool
    """Whether products read a matrix faster along its rows than across them: vectors are along rows."""
    products_per_byte: int
    """How many products of a dot product take as long as a byte takes to or from memory; at two FMAs in a cycle."""

    def at(self, fmas: int) -> Device:
        """The same device, a CPU, where so many vector FMAs begin in a cycle."""
        return replace(self, products_per_byte=max(1, self.products_per_byte * fmas // FMAS_PER_CYCLE))


DEVICES: Mapping[str, Device] = {
    "cpu": Device(cached=4 << 20, largest=32 << 20, block=4 << 20, turns_totals=True, products_per_byte=8),
    "cuda": Device(
        cached=256 << 20, largest=1 << 30, block=64 << 20, turns_totals=False, products_per_byte=16
    ),
}
"""A trip on a GPU waits for the host, so it must take long."""
FEWEST_ROWS, MOST_ROWS = 128, 256
"""Fewer rows make products that read their other operand for too little work; of more a trip has no use."""
MANY_TIMES = 8
"""How many times larger than the operands of its product a matrix is whose size counts, not the time alone."""


def blocks_of(region: RowRegion, rows: int) -> Blocks:
    """Divides the rows of a region into blocks of at most so many: equal ones where the number has such a divisor."""
    trips = ceil(region.rows / rows)
    for count in range(trips, 2 * trips + 1):
        if region.rows % count == 0:
            return Blocks(count, region.rows // count, 0)
    return Blocks(region.rows // rows, rows, region.rows % rows)


def chosen_rows(region: RowRegion, stages: Sequence[Stage], device: Device) -> int:
    """The rows of a block by the costs above; 0 where the matrices stay whole."""
    matrices = made_matrices(region)
    largest = max(matrices, key=bytes_of)
    rows = device.block // (bytes_of(largest) // region.rows) // FEWEST_ROWS * FEWEST_ROWS
    rows = max(FEWEST_ROWS, min(MOST_ROWS, rows))
    if bytes_of(largest) <= device.cached or rows >= region.rows:
        return 0
    if bytes_of(largest) > device.largest and any(map(_is_many_times_larger, matrices)):
        return rows
    trips = region.rows // rows
    gained = bytes_moved(region) - trips * sum(bytes_of_trip(region, stage) for stage in stages)
    return rows if gained * device.products_per_byte > products_made_again(region, stages) else 0


def made_matrices(region: RowRegion) -> list[SSAValue]:
    """The matrices that operations of a region make."""
    return [op.results[0] for op in region.dims if region.places[op.results[0]].is_matrix]


def bytes_of(value: SSAValue) -> int:
    """The bytes of a value in memory."""
    return prod(shape_of_type(value.type)) * -(-bit_width(element_type_of(value.type)) // 8)


def bytes_moved(region: RowRegion) -> int:
    """The bytes of matrices that products and reductions write and read; what is pointwise goes along with them."""
    found = 0
    for op in region.dims:
        if isinstance(op, MatMul):
            found += sum(bytes_of(v) for v in (*op.operands, *op.results) if _is_matrix(region, v))
    return found


def bytes_of_trip(region: RowRegion, stage: Stage) -> int:
    """The bytes that each trip of a stage reads as a whole for its products, and adds to in totals."""
    read = [
        bytes_of(v)
        for op in stage.ops
        if isinstance(op, MatMul)
        for n, v in enumerate(op.operands)
        if region.row_axis(op, n) is None
    ]
    return sum(read) + 2 * sum(bytes_of(v) for v in stage.outputs if region.places[v].rows is None)


def products_made_again(region: RowRegion, stages: Sequence[Stage]) -> int:
    """The products of dot products that stages after the first one repeat."""
    times = {op: sum(op in stage.ops for stage in stages) for op in region.dims if isinstance(op, MatMul)}
    return sum((n - 1) * prod(op.iteration_shape()) for op, n in times.items() if n > 1)


def _is_matrix(region: RowRegion, value: SSAValue) -> bool:
    place = region.places.get(value)
    return place is not None and place.is_matrix


def _is_many_times_larger(value: SSAValue) -> bool:
    """Whether the result of a product has many times the elements of its operands."""
    op = value.owner
    if not isinstance(op, MatMul):
        return False
    return prod(shape_of_type(value.type)) >= MANY_TIMES * sum(
        prod(shape_of_type(v.type)) for v in op.operands
    )
