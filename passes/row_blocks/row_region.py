"""The region of a matrix: all that is made of the rows of a product, up to values that are no matrix.

A value with rows and columns is a *matrix*. The region of a product has every operation that makes or reads one that
is connected with it, forward and backward; it ends at values that have lost their columns (as the product with the
values of attention has), or their rows, in totals. It is a region only if no matrix is needed outside of it.

A matrix that no product is behind, as a mask made of two ranges, is computed again where it is needed; one that is in
memory anyway is read there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.state.control_flow import captured_values
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.passes.row_blocks.carried_axes import (
    TOTALS,
    RowsAndColumns,
    along,
    carries,
    dims_at,
    dims_of_operand,
    dims_of_result,
)


@dataclass(eq=False)
class RowRegion:
    """The operations on the rows of a matrix, and the axes of what they make and read."""

    block: Block
    rows: int
    """The extent of the rows."""
    columns: int
    dims: dict[Operation, RowsAndColumns] = field(default_factory=dict[Operation, RowsAndColumns])
    """The operations, each with the dims of its iteration space that are rows and columns."""
    places: dict[SSAValue, RowsAndColumns] = field(default_factory=dict[SSAValue, RowsAndColumns])
    """The axes of each matrix, and of each value that an operation of the region makes."""

    def made(self, value: SSAValue) -> bool:
        """Whether an operation of the region makes a value."""
        return value.owner in self.dims

    def row_axis(self, op: Operation, number: int) -> int | None:
        """The axis of an operand along which an operation reads rows one by one; None for one that it reads whole."""
        return along(dims_of_operand(op, number), self.dims[op]).rows

    def is_by_rows(self, op: Operation, number: int) -> bool:
        """Whether the row of a value that the region makes is all that a row needs of it."""
        axis = self.row_axis(op, number)
        return axis is not None and self.places[op.operands[number]].rows == axis

    def is_read_outside(self, value: SSAValue) -> bool:
        """Whether all rows of a value are needed at once: by others, or by an operation here that reads it whole."""
        return any(
            use.operation not in self.dims or not self.is_by_rows(use.operation, use.index)
            for use in value.uses
        )


def region_of(product: MatMul, *, rows_first: bool) -> RowRegion | None:
    """Finds the region of a product's result, whose last two axes are rows and columns, or columns and rows."""
    assert product.parent is not None
    shape = shape_of_type(product.result_types[0])
    last = len(shape) - 1
    place = RowsAndColumns(last - 1, last) if rows_first else RowsAndColumns(last, last - 1)
    rows, columns = (shape[axis] for axis in (last - 1, last)[:: 1 if rows_first else -1])
    found = RowRegion(product.parent, rows, columns)
    walk = _Walk(found)
    walk.reach(product.results[0], place)
    return found if walk.finish() else None


class _Walk:
    """The walk over a region as far as it has come."""

    def __init__(self, region: RowRegion) -> None:
        self.region = region
        self.pending: list[SSAValue] = []
        """Matrices whose uses are to be visited."""
        self.fits = True

    def reach(self, value: SSAValue, place: RowsAndColumns) -> None:
        """Notes where rows and columns of a value are, and that of a matrix maker and uses belong to the region."""
        known = self.region.places.get(value)
        if known is not None:
            self.fits &= known == place
            return
        self.region.places[value] = place
        if place.is_matrix and self._has_product(value, place):
            self.pending.append(value)
        if place.is_matrix and self._is_carried(value.owner):
            self._take(value.owner, dims_at(dims_of_result(value.owner), place))  # pyright: ignore[reportArgumentType]

    def finish(self) -> bool:
        """Visits all uses; whether rows can be computed by themselves."""
        while self.pending and self.fits:
            value = self.pending.pop()
            for use in value.uses:
                op = use.operation
                if not self._is_carried(op):
                    return False
                dims = dims_at(dims_of_operand(op, use.index), self.region.places[value])
                self.fits &= None not in dims
                self._take(op, dims)
        if self.fits:
            _take_between(self.region)
        return self.fits

    def _is_carried(self, op: object) -> bool:
        return isinstance(op, Operation) and op.parent is self.region.block and carries(op)

    def _take(self, op: Operation, dims: RowsAndColumns) -> None:
        """Takes an operation into the region, with what it reads and makes."""
        if op in self.region.dims or not self.fits:
            self.fits &= self.region.dims.get(op, dims) == dims
            return
        self.region.dims[op] = dims
        made = along(dims_of_result(op), dims)
        if made.rows is None and not isinstance(op, TOTALS):
            self.fits = False
            return
        for number, value in enumerate(op.operands):
            place = along(dims_of_operand(op, number), dims)
            known = self.region.places.get(value)
            if place.is_matrix or (known is not None and known.is_matrix):
                self.reach(value, place)
        self.reach(op.results[0], made)

    def _has_product(self, value: SSAValue, place: RowsAndColumns) -> bool:
        """Whether a matrix is made of a product, which is not to be computed for others as well."""
        seen: set[SSAValue] = set()
        pending = [(value, place)]
        while pending:
            value, place = pending.pop()
            op = value.owner
            if value in seen or not self._is_carried(op):
                continue
            seen.add(value)
            assert isinstance(op, Operation)
            if isinstance(op, MatMul):
                return True
            dims = dims_at(dims_of_result(op), place)
            for number, operand in enumerate(op.operands):
                read = along(dims_of_operand(op, number), dims)
                if read.is_matrix:
                    pending.append((operand, read))
        return False


def _take_between(region: RowRegion) -> None:
    """Takes what leads from rows of the region back to it, row by row, and is no product: 1 over a row's total."""
    after = dict(_rows_after(region))
    pending = [
        v for op in region.dims for n, v in enumerate(op.operands) if region.row_axis(op, n) is not None
    ]
    while pending:
        op = pending.pop().owner
        if op in after and op not in region.dims:
            assert isinstance(op, Operation)
            region.dims[op] = after[op]
            region.places[op.results[0]] = along(dims_of_result(op), after[op])
            pending += [v for n, v in enumerate(op.operands) if region.row_axis(op, n) is not None]


def _rows_after(region: RowRegion) -> Iterator[tuple[Operation, RowsAndColumns]]:
    """What is made, row by row, of rows that the region makes and of what is there before; and its dims.

    What needs all rows at once is known only when a loop is over: it would divide what is before it from the rest.
    """
    places: dict[SSAValue, RowsAndColumns] = {
        op.results[0]: region.places[op.results[0]] for op in region.dims
    }
    late: set[SSAValue] = set()
    for op in region.block.ops:
        if op in region.dims:
            continue
        read = (*op.operands, *captured_values(op))
        if not any(v in places or v in late for v in read):
            continue
        dims = None if op.regions or any(v in late for v in read) else _dims_by_rows(op, places)
        if dims is None:
            late.update(op.results)
        else:
            places[op.results[0]] = along(dims_of_result(op), dims)
            yield op, dims


def _dims_by_rows(op: Operation, places: Mapping[SSAValue, RowsAndColumns]) -> RowsAndColumns | None:
    """The dims that are rows of an operation on rows, which is no product; None for another."""
    if not carries(op) or isinstance(op, MatMul):
        return None
    made = [(number, places[v]) for number, v in enumerate(op.operands) if v in places]
    found = {dims_at(dims_of_operand(op, number), place) for number, place in made}
    if len(found) != 1 or any(place.is_matrix for _, place in made):
        return None
    (dims,) = found
    return dims if along(dims_of_result(op), dims).rows is not None else None
