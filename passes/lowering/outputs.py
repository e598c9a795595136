"""Outputs of a kernel: one element at each point of its loops, or several pieces that are computed apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.op.access import RowMajorAccess, dims
from pullback.dialects.graph.op.affine import Position, delinearize, linear, row_major_strides
from pullback.dialects.graph.op.indexed import Concatenation, Pointwise, Scatter, Uniform, View, rows_terms
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.nodes import Fixed, Node, Output, Rounded
from pullback.passes.lowering.read_nodes import NodeReader
from pullback.passes.lowering.register_types import register_type
from pullback.passes.lowering.space import Space


def outputs_of(space: Space) -> tuple[Space, list[Output]]:
    """The outputs of a kernel, in the order in which they must be stored, and the space with their pieces."""
    yielded = space.kernel.body.block.last_op
    assert yielded is not None
    apart = space.is_in_pieces
    pieces = tuple(n for v in yielded.operands for part in parts(v, apart) for n in shape_of_type(part.type))
    return (whole := replace(space, pieces=pieces)), list(Outputs(whole).all())


def parts(value: SSAValue, apart: bool) -> list[SSAValue]:
    """The values that are computed in loops of their own to make up an output.

    Pieces of a concat; with `apart`, rows that are added, and whatever else it is made of, too. Where a product
    computes a piece, it does so in its own loops, and a rows kernel rows that a table takes up.
    """
    op = value.owner
    if isinstance(op, Concatenation):
        return [source_of_piece(piece) for piece in op.operands if apart or isinstance(piece.owner, Uniform)]
    if (scattered := RowUpdate.of(value)) is not None:
        before = scattered.before
        whole = [value] if before is None else parts(before, apart)
        return [*whole, scattered.slices.operands[0]] if apart else []
    return [value] if apart else []


def is_border(op: Operation) -> bool:
    """Tells whether an operation puts one piece beside numbers alone, as a border around it."""
    return isinstance(op, Concatenation) and sum(not isinstance(v.owner, Uniform) for v in op.operands) == 1


def source_of_piece(piece: SSAValue) -> SSAValue:
    """What is computed to make a piece: a reshape of that has no loops of its own, if these loops can place it."""
    op = piece.owner
    if not isinstance(op, View) or not isinstance(op.access(0), RowMajorAccess):
        return piece
    source = op.operands[0]
    if not isinstance(source.owner, Pointwise):
        return piece
    shape = shape_of_type(source.type)
    offset = linear(tuple(dims(shape)), shape, len(shape))
    return piece if delinearize(offset, shape_of_type(piece.type), shape) is None else source


@dataclass(frozen=True)
class RowUpdate:
    """Rows that are scattered into a value."""

    before: SSAValue | None
    """The value that the rows are combined with; `None` for zeros."""
    slices: MakeSlices
    combine: Callable[[Scalar, Scalar], Scalar]
    adds_up: bool
    """Whether rows of one index add up; otherwise the last one stays."""

    @staticmethod
    def of(value: SSAValue) -> RowUpdate | None:
        """The update that makes a value: a scatter, or a sum with the result of one, of which the rows are added."""
        op = value.owner
        if isinstance(op, Scatter):
            return RowUpdate(op.before, _made_slices(op, op), op.combine, op.ADDS_UP)
        at = next(iter(rows_terms(op)), None)
        if at is None:
            return None
        assert isinstance(op, Pointwise)
        scatter = op.operands[at].owner
        assert isinstance(scatter, Scatter)
        return RowUpdate(op.operands[1 - at], _made_slices(scatter, op), op.body, adds_up=True)


def _made_slices(op: Scatter, user: Operation) -> MakeSlices:
    made = op.operands[op.SLICES].owner
    if not isinstance(made, MakeSlices):
        raise DiagnosticError("a kernel makes the slices that it uses", user)
    return made


class Outputs:
    """Makes the outputs of one kernel."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.reader = NodeReader(space)
        self._pieces = 0

    def all(self) -> Iterator[Output]:
        yielded = self.space.kernel.body.block.last_op
        assert yielded is not None
        for result, value in enumerate(yielded.operands):
            yield from self._value(result, value)

    def _value(self, result: int, value: SSAValue) -> Iterator[Output]:
        if isinstance(value.owner, Concatenation):
            yield from self._concat(result, value.owner)
        elif (scattered := RowUpdate.of(value)) is not None:
            yield from self._scatter(result, value, scattered)
        else:
            position = self._position(value)
            offset = linear(position, shape_of_type(value.type), self.space.rank)
            yield Output(self._stored(value, position), result, offset)

    def _position(self, value: SSAValue) -> Position:
        if self.space.is_in_pieces:
            return self._next(value)[1]
        return self.space.output_position(value)

    def _concat(self, result: int, op: Concatenation) -> Iterator[Output]:
        for number, piece in enumerate(op.operands):
            made = source_of_piece(piece)
            if self.space.is_in_pieces or isinstance(piece.owner, Uniform):
                shape, point = self._next(made)
            else:
                shape, point = shape_of_type(piece.type), self.space.output_position(piece)
                made = piece
            position: Position | None = point
            if made is not piece:
                along = linear(point, shape, self.space.rank)
                position = delinearize(along, shape_of_type(piece.type), self.space.extents)
            assert position is not None
            at = op.piece_access(number).at(position, self.space.rank)
            offset = linear(at, op.iteration_shape(), self.space.rank)
            yield Output(self._stored(made, point), result, offset)

    def _stored(self, value: SSAValue, position: Position) -> Node:
        """The element to store, which is rounded by that."""
        node = self.reader.node(value, position)
        return node.operands[0] if isinstance(node, Rounded) else node

    def _scatter(self, result: int, value: SSAValue, update: RowUpdate) -> Iterator[Output]:
        shape = shape_of_type(value.type)
        rows, indices = update.slices.operands[:2]
        base: int | None = None
        if not self.space.is_in_pieces:
            if not isinstance(update.before, BlockArgument):
                raise DiagnosticError("rows are added to a table that the kernel is given", self.space.kernel)
            base, position = update.before.index, self.space.output_position(rows)
        else:
            if update.before is not None:
                yield from self._value(result, update.before)
            else:
                offset = linear(self._next(value)[1], shape, self.space.rank)
                yield Output(Fixed(register_type(element_type_of(value.type)), number=0), result, offset)
            _, position = self._next(rows)
        offset = linear((self.space.number(), *position[1:]), shape, self.space.rank)
        row = self.reader.node(indices, position[:1])
        stride = row_major_strides(shape)[0]
        yield Output(
            self.reader.node(rows, position),
            result,
            offset,
            row,
            position[0],
            shape[0],
            stride,
            update.combine,
            adds=update.adds_up,
            rounds=register_type(element_type_of(value.type)) != element_type_of(value.type),
            base=base,
        )

    def _next(self, piece: SSAValue) -> tuple[tuple[int, ...], Position]:
        """The shape of the next piece, and the position of its loops."""
        shape = shape_of_type(piece.type)
        first, self._pieces = self._pieces, self._pieces + len(shape)
        return shape, self.space.piece(first, shape)
