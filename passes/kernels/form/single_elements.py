"""Elements that are alone in their blocks: contractions are told, so that loops may leave out products with zeros.

The gradient of pooling is 0 in each window but at the place of the largest element:

    %p = graph.equal %places, %c           where %c numbers the places of a window, of 2 x 2, say
    %w = graph.where %p, %dy, %zero        tensor<8x16x2x16x2x64xf32>
    %d = graph.reshape %w                  tensor<8x32x32x64xf32>, perhaps with a border of zeros around it
    %f = graph.contract %x, %d {reduce = [8, 32, 32], one_in = [1, 2, 2], …}
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from xdsl.dialects import func
from xdsl.ir import SSAValue

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.elementwise.comparisons import Equal
from pullback.dialects.graph.linear_algebra.contract import Contract
from pullback.dialects.graph.movement.mosaic import Mosaic
from pullback.dialects.graph.movement.shapes import Reshape
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.kernels.form.borders import is_zero


def state_single_elements(function: func.FuncOp) -> None:
    """States for each contraction of a function the blocks of terms in which its second operand has one element."""
    for op in operations_within(function):
        if isinstance(op, Contract) and _reads_windows(op) and (blocks := _blocks_of_terms(op)) is not None:
            op.properties["one_in"] = integers(blocks)


def _reads_windows(op: Contract) -> bool:
    """Whether the first operand is read in windows of several places: otherwise dims of terms may become one."""
    outer = len(shape_of_type(op.result_types[0]))
    return any(min(dims) < outer <= max(dims) for index in op.positions[0] if (dims := index.dims))


def _blocks_of_terms(op: Contract) -> list[int] | None:
    """The extents along the reduced dims of blocks in which the second operand has one element other than 0."""
    found = _blocks(op.operands[1])
    if found is None:
        return None
    blocks, starts = found
    first, reduce = len(shape_of_type(op.result_types[0])), integer_list(op.properties, "reduce")
    along = [1] * len(reduce)
    for index, block, start in zip(op.positions[1], blocks, starts, strict=True):
        if block == 1:
            continue
        dims = list(index.dims)
        if len(dims) != 1 or dims[0] < first or (index.coefficients[dims[0]], index.constant) != (1, start):
            return None  # blocks are not along a dim of terms, or do not begin where it does
        along[dims[0] - first] = block
    divides = all(extent % block == 0 for extent, block in zip(reduce, along, strict=True))
    return along if divides and prod(along) > 1 else None


def _blocks(value: SSAValue) -> tuple[Sequence[int], Sequence[int]] | None:
    """The extents of blocks with one element other than 0 along each axis of a value, and where they begin."""
    if isinstance(value.owner, Mosaic):
        pieces = [n for n, piece in enumerate(value.owner.operands) if not is_zero(piece)]
        if len(pieces) != 1 or (inside := _blocks(value.owner.operands[pieces[0]])) is None:
            return None
        return inside[0], value.owner.offset(pieces[0])
    if isinstance(value.owner, Reshape):
        split = value.owner.operands[0]
        blocks = _merged(shape_of_type(split.type), shape_of_type(value.type), _axes_with_one(split))
        return None if blocks is None else (blocks, [0] * len(blocks))
    return None


def _axes_with_one(value: SSAValue) -> set[int]:
    """The axes along which a value is other than 0 at one index at most, of all of these axes together."""
    where = value.owner
    if not isinstance(where, Where) or not is_zero(where.operands[2]):
        return set()
    equal, rank = where.operands[0].owner, len(shape_of_type(value.type))
    if not isinstance(equal, Equal):
        return set()
    for places, numbers in (equal.operands, equal.operands[::-1]):
        shape = shape_of_type(numbers.type)
        axes = {a for a, extent in enumerate(shape) if extent > 1}
        if not isinstance(numbers.owner, Constant) or len(shape) != rank or not axes:
            continue
        is_same = all(extent == 1 for a, extent in enumerate(shape_of_type(places.type)) if a in axes)
        array = numbers.owner.array()
        if is_same and len(shape_of_type(places.type)) == rank and np.unique(array).size == array.size:
            return axes
    return set()


def _merged(split: Sequence[int], shape: Sequence[int], axes: set[int]) -> list[int] | None:
    """The blocks along the axes of a shape, each of which is an axis of `split`, or two, the inner one in blocks."""
    blocks, at = list[int](), 0
    for extent in shape:
        if at < len(split) and split[at] == extent and at not in axes:
            blocks.append(1)
            at += 1
        elif at + 1 < len(split) and split[at] * split[at + 1] == extent and at + 1 in axes:
            blocks.append(split[at + 1])
            at += 2
        else:
            return None
    return blocks if at == len(split) and any(block > 1 for block in blocks) else None
