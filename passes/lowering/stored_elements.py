"""Elements that kernels read from memory: at an offset, within borders, or in a row that another value names."""

from __future__ import annotations

import numpy as np
from xdsl.ir import BlockArgument, SSAValue

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.op.access import PaddedAccess
from pullback.dialects.graph.op.affine import Affine, Position, linear, row_major_strides
from pullback.dialects.graph.op.indexed import View
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.dialects.ir.dense import is_uniform
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.nodes import Bound, Fixed, IdentityElement, Load, Node
from pullback.passes.lowering.register_types import register_type, rounded_number
from pullback.passes.lowering.space import Space


def element_at(value: BlockArgument, offset: Affine) -> Load:
    """The element of what a kernel is given at a row-major offset."""
    type_ = register_type(element_type_of(value.type))
    return Load(type_, dims=offset.dims, argument=value.index, offset=offset)


def padded_element(space: Space, op: View, operand: SSAValue, access: PaddedAccess, point: Position) -> Node:
    """An element of what a kernel is given, or a number: comparisons that always hold are left out."""
    if not isinstance(operand, BlockArgument):
        raise DiagnosticError(f"'{op.name}' reads what a kernel is given, not what it computes", space.kernel)
    element_type = element_type_of(operand.type)
    type_, position = register_type(element_type), access.at(point, space.rank)
    number, bounds = rounded_number(access.number, element_type), list[Bound]()
    for index, extent in zip(position, access.shape, strict=True):
        first, last = index.range_in(space.extents)
        if last < 0 or first >= extent or not extent:  # of an empty tensor not even the first is there
            return Fixed(type_, number=number)
        if first < 0 or last >= extent:
            bounds.append(Bound(index, extent))
    offset = linear(position, access.shape, space.rank)
    dims = offset.dims.union(*(bound.index.dims for bound in bounds))
    return Load(type_, (), dims, argument=operand.index, offset=offset, bounds=tuple(bounds), outside=number)


def element_of_row(space: Space, operand: BlockArgument, row: Node, within: Position) -> Node:
    """The element at a position in the row, of what a kernel is given, whose number `row` is."""
    shape, type_ = shape_of_type(operand.type), register_type(element_type_of(operand.type))
    if is_identity(space.kernel.operands[operand.index]):
        hot = IdentityElement(type_, (row,), within[-1].dims, number=within[-1])
        hot.gather_facts()
        return hot
    offset = linear((space.number(), *within), shape, space.rank)
    node = Load(
        type_,
        (row,),
        offset.dims,
        argument=operand.index,
        offset=offset,
        rows=shape[0],
        row_stride=row_major_strides(shape)[0],
    )
    node.gather_facts()
    return node


def is_identity(value: SSAValue) -> bool:
    """Tells whether this is a constant identity matrix, whose rows are cheaper to compute than to read."""
    op, shape = value.owner, shape_of_type(value.type)
    if not isinstance(op, Constant) or len(shape) != 2 or shape[0] != shape[1]:
        return False
    if shape[0] != 1 and is_uniform(op.value):
        return False
    return bool(np.array_equal(op.array(), np.eye(shape[0])))
