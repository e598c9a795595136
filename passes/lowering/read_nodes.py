"""Translates the region of a kernel to nodes, by the access maps that its operations state.

    ^bb0(%x: tensor<3x4xf32>, %b: tensor<3xf32>):
      %0 = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<3x4xf32>) -> tensor<4x3xf32>
      %1 = graph.add %0, %b : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
      %2 = graph.tanh %1 : tensor<4x3xf32>
      graph.yield %2 : tensor<4x3xf32>

The kernel yields %2 at the point (d0, d1) of its 4 x 3 loops. Asked for that element, `NodeReader` asks the operation
for the position of each operand, then for the nodes there, and so on up to the arguments:

    Compute tanh                          %2 at (d0, d1)
      Compute add                         %1 at (d0, d1): `tanh` reads its operand at the point itself
        Load argument 0, offset 4*d1 + d0   %0 at (d0, d1), which `transpose` reads from %x at (d1, d0)
        Load argument 1, offset d1          %b at (d1), since it broadcasts

A view leaves no node. What is asked for twice at one position is one node.
"""

from __future__ import annotations

from collections.abc import Generator
from math import prod
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.along_axes.scans import Scan
from pullback.dialects.graph.op.access import (
    AccessMap,
    AffineAccess,
    PaddedAccess,
    RowAccess,
    RowMajorAccess,
    StoredAccess,
)
from pullback.dialects.graph.op.affine import Affine, Position, delinearize, linear
from pullback.dialects.graph.op.indexed import (
    ContractionOp,
    Counted,
    Indexed,
    Pointwise,
    Uniform,
    View,
    access_of,
    reads_where_it_writes,
)
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.known_zeros import blocks_with_one, border_of
from pullback.passes.lowering.nodes import (
    Compute,
    Contraction,
    Coordinate,
    Fixed,
    Node,
    Reduce,
    Scanned,
    rounded,
)
from pullback.passes.lowering.register_types import register_type, rounded_number
from pullback.passes.lowering.space import Space
from pullback.passes.lowering.stored_elements import element_at, element_of_row, padded_element

Request: TypeAlias = tuple[SSAValue, Position]
Reading: TypeAlias = Generator[Request, Node, Node]
"""Asks for the elements that an operation reads, one by one, and returns what it makes of them."""


class NodeReader:
    """Makes one node for each value and position that is asked for."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._known: dict[Request, Node] = {}

    def node(self, value: SSAValue, position: Position) -> Node:
        """The element of a value at a position. Long chains of operations are followed without recursion."""
        if (value, position) in self._known:
            return self._known[value, position]
        pending = [((value, position), self._reading(value, position))]
        answer: Node | None = None
        while pending:
            request, reading = pending[-1]
            try:
                wanted = reading.send(answer)  # pyright: ignore[reportArgumentType] None starts a generator
            except StopIteration as done:
                answer = self._known[request] = done.value
                pending.pop()
                continue
            answer = self._known.get(wanted)
            if answer is None:
                pending.append((wanted, self._reading(*wanted)))
        assert answer is not None
        return answer

    def _reading(self, value: SSAValue, position: Position) -> Reading:
        """Reads an element of a value, by the family of its operation."""
        match value.owner:
            case Pointwise() as op:
                return self._pointwise(op, position)
            case Counted() as op:
                return self._counted(op, position)
            case View() as op:
                return self._view(op, value, position)
            case Uniform() as op:
                return self._uniform(op)
            case Reduction() as op:
                return self._reduction(op, position)
            case ContractionOp() as op:
                return self._contraction(op, position)
            case Scan() as op:
                return self._scan(op, position)
            case Operation() as op:
                raise DiagnosticError(f"'{op.name}' has no place inside a kernel", self.space.kernel)
            case _:
                assert isinstance(value, BlockArgument)
                return self._load(value, linear(position, shape_of_type(value.type), self.space.rank))

    def _load(self, value: BlockArgument, offset: Affine) -> Reading:
        return element_at(value, offset)
        yield

    def _uniform(self, op: Uniform) -> Reading:
        number, type_ = op.element(), element_type_of(op.results[0].type)
        if number is None:
            raise DiagnosticError("a kernel holds constants of one element only", self.space.kernel)
        return Fixed(register_type(type_), number=rounded_number(number, type_))
        yield

    def _pointwise(self, op: Pointwise, position: Position) -> Reading:
        operands: list[Node] = []
        (result,) = op.results
        has_dims = 1 not in shape_of_type(result.type)  # one of extent 1 is read at 0
        for number, operand in enumerate(op.operands):
            is_here = has_dims and reads_where_it_writes(op, operand)
            operands.append((yield operand, position if is_here else self._position(op, number, position)))
        type_ = element_type_of(result.type)
        node = Compute(register_type(type_), tuple(operands), op=op)
        node.gather_facts()
        return rounded(node, type_)

    def _counted(self, op: Counted, position: Position) -> Reading:
        operands: list[Node] = []
        elements = ((o, index) for o in op.operands for index in np.ndindex(shape_of_type(o.type)))
        for operand, index in elements:
            operands.append((yield operand, tuple(map(self.space.number, index))))
        shape = op.numbered_shape()
        number = linear(position, shape, self.space.rank)
        type_ = i32 if prod(shape) <= 2**31 else i64
        operands.append(Coordinate(type_, dims=number.dims, number=number))
        type_ = element_type_of(op.results[0].type)
        node = Compute(register_type(type_), tuple(operands), op=op)
        node.gather_facts()
        return rounded(node, type_)

    def _position(self, op: Indexed, number: int, point: Position) -> Position:
        """The position at which an operand is read, by the operation's affine access."""
        access = _checked_access(op, number)
        if isinstance(access, StoredAccess):
            access = access.element
        if not isinstance(access, AffineAccess):
            raise DiagnosticError(f"'{op.name}' reads operand {number} at no affine position", op)
        return access.at(point, self.space.rank)

    # ---- views -------------------------------------------------------------------------------------------

    def _view(self, op: View, value: SSAValue, point: Position) -> Reading:
        operand = op.operands[0]
        match _checked_access(op, 0, op.results.index(value)):
            case AffineAccess() as access:
                return (yield operand, access.at(point, self.space.rank))
            case StoredAccess(access):
                return (yield operand, access.at(point, self.space.rank))
            case RowMajorAccess():
                return (yield from self._renumbered(op, operand, point))
            case RowAccess() as access:
                return (yield from self._row(op, operand, access, point))
            case PaddedAccess() as access:
                return padded_element(self.space, op, operand, access, point)
            case _:
                raise DiagnosticError(f"'{op.name}' has no elements that a kernel could read", op)

    def _renumbered(self, op: View, operand: SSAValue, point: Position) -> Reading:
        """The element of the same row-major number."""
        offset = linear(point, op.iteration_shape(), self.space.rank)
        if isinstance(operand, BlockArgument):
            return (yield from self._load(operand, offset))
        inner = delinearize(offset, op.shape_of(0), self.space.extents)
        if inner is None:
            raise DiagnosticError(
                f"reshape of {operand.type} to {op.result_types[0]} does not follow the loops of the kernel",
                op,
            )
        return (yield operand, inner)

    def _row(self, op: View, operand: SSAValue, access: RowAccess, point: Position) -> Reading:
        """An element of a row that another operand names."""
        if not isinstance(operand, BlockArgument):
            raise DiagnosticError(
                f"'{op.name}' reads rows of what a kernel is given, not of what it computes", op
            )
        if shape_of_type(operand.type)[0] == 0:
            return Fixed(register_type(element_type_of(operand.type)), number=0)
        row_point = self._position(op, access.indices, point)
        row = yield op.operands[access.indices], row_point
        return element_of_row(self.space, operand, row, access.within.at(point, self.space.rank))

    # ---- sums --------------------------------------------------------------------------------------------

    def _contraction(self, op: ContractionOp, position: Position) -> Reading:
        point = tuple(map(self.space.dim, range(len(op.iteration_shape()))))
        if position != point[: len(position)]:
            raise DiagnosticError("a product is used at other places than it is computed at", op)
        lhs = yield op.operands[0], self._position(op, 0, point)
        rhs = yield op.operands[1], self._position(op, 1, point)
        dims = frozenset(range(len(position)))
        type_ = element_type_of(op.results[0].type)
        border = border_of(op, self._position(op, 0, point), self.space)
        one_in = blocks_with_one(op, len(position))
        node = Contraction(register_type(type_), (lhs, rhs), dims, op=op, border=border, one_in=one_in)
        return rounded(node, type_)

    def _scan(self, op: Scan, position: Position) -> Reading:
        operands: list[Node] = []
        for number, operand in enumerate(op.operands):
            operands.append((yield operand, self._position(op, number, position)))
        along = position[op.at].dims
        node = Scanned(
            register_type(element_type_of(op.result_types[0])), tuple(operands), along, op=op, along=along
        )
        node.gather_facts()
        return node

    def _reduction(self, op: Reduction, position: Position) -> Reading:
        """One node for what is summed up in the inner loops, one around it for what is in the outer ones."""
        shape, axes = op.iteration_shape(), op.reduced
        kept = [p for a, p in enumerate(position) if a not in axes] if op.keeps_dims else list(position)
        dims = self.space.reduced_dims(shape, axes)
        point = [*kept]
        for axis in axes:
            point.insert(axis, self.space.dim(dims[axis]) if axis in dims else self.space.number())
        node = yield op.operands[0], self._position(op, 0, tuple(point))
        over = set(dims.values())
        for group, is_outer in ((self.space.inner, False), (self.space.outer, True)):
            if here := over & set(group):
                total = reduced(op, node, frozenset(here), None if is_outer else self.space.outer)
                total.is_crossed = any(p.dims & here for p in kept)
                node = total
        return rounded(node, element_type_of(op.results[0].type))


def _checked_access(op: Indexed, number: int, result: int = 0) -> AccessMap | None:
    """The access map of an operand; DiagnosticError where there is no such operand."""
    if not 0 <= number < len(op.operands):
        raise DiagnosticError(f"'{op.name}' has no operand {number}, which its access map names", op)
    return access_of(op, number, result)


def reduced(op: Reduction, operand: Node, over: frozenset[int], around: tuple[int, ...] | None) -> Reduce:
    """The reduction of a node over these dims; `around` are the loops around an inner one."""
    node = Reduce(operand.element_type, (operand,), op=op, over=over, is_outer=around is None)
    node.gather_facts()
    node.dims -= over
    if around is None:
        node.is_late = True
    else:
        node.dims |= set(around)
        node.stage += 1
    return node
