"""Zeros in the factors of a product that a contraction states: the border of images, and blocks of one element."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.dialects.graph.op.affine import Affine, Position
from pullback.dialects.graph.op.indexed import ContractionOp
from pullback.passes.lowering.nodes import Bound
from pullback.passes.lowering.space import Space


def border_of(op: ContractionOp, position: Position, space: Space) -> Bound | None:
    """Where the first factor is not in its border of zeros, along the rows of images, but not along a row.

    Blocks of the result lie along a row, and have the terms of all their windows.
    """
    extents, outer = space.extents, set(space.outer)
    box = zip(position, op.zeros_beyond(), strict=True) if op.zeros_beyond() else ()
    window = [(at, ends) for at, ends in box if _is_window(at, outer, extents)]
    if len(window) < 2:
        return None
    index, (start, end) = window[0]
    first, last = index.range_in(extents)
    return Bound(index - start, end - start) if first < start or last >= end else None


def _is_window(index: Affine, outer: set[int], extents: Sequence[int]) -> bool:
    """Tells whether an axis is read at a position in a window: along a dim of rows, and a reduced one."""
    dims = [d for d in index.dims if extents[d] > 1]
    is_forward = all(index.coefficients[d] > 0 for d in dims)
    return len(dims) == 2 and is_forward and len(outer.intersection(dims)) == 1


def blocks_with_one(op: ContractionOp, first: int) -> dict[int, int]:
    """The extents of blocks with one element of the second factor, along reduced dims, which begin with this one."""
    return {first + number: extent for number, extent in enumerate(op.blocks_with_one()) if extent > 1}
