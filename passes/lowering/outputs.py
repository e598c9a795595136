"""What a kernel yields: one element each time its loops run, or several pieces that are computed apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.by_index.gather import Densify, MakeSlices
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows
from pullback.dialects.graph.elementwise.basic import Add, Subtract
from pullback.dialects.graph.gradient.markers import Accumulate, AddN
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.affine import Position, linear, row_major_strides
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.lowering.nodes import Fixed, Output
from pullback.passes.lowering.read_nodes import Builder
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

    Pieces of a concat, rows that are added; with `apart`, whatever else it is made of, too.
    """
    op = value.owner
    if isinstance(op, Concat):
        return list(op.operands)
    if is_scattered(value):
        before, slices, _ = scattered(value)
        return [*([value] if before is None else parts(before, apart)), slices.operands[0]]
    return [value] if apart else []


def is_scattered(value: SSAValue) -> bool:
    """Whether rows are added to, subtracted from or put into what else makes up a value."""
    return isinstance(value.owner, ReplaceRows) or _densified(value) is not None


def _densified(value: SSAValue) -> int | None:
    """Which operand of an operation is slices made dense; -1 if the value itself is."""
    op = value.owner
    if isinstance(op, Densify):
        return -1
    if isinstance(op, Add | Subtract | AddN | Accumulate) and len(op.operands) == 2:
        at = (1,) if isinstance(op, Subtract) else (1, 0)
        return next((i for i in at if isinstance(op.operands[i].owner, Densify)), None)
    return None


def scattered(value: SSAValue) -> tuple[SSAValue | None, MakeSlices, Callable[[Scalar, Scalar], Scalar]]:
    """What the rows are combined with (zeros if `None`), the slices, and how."""
    op, at = value.owner, _densified(value)
    assert isinstance(op, Operation)
    if isinstance(op, ReplaceRows):
        return op.base, _made_slices(op.slices, op), lambda before, row: row
    assert at is not None
    densify = op if at < 0 else op.operands[at].owner
    assert isinstance(densify, Densify)
    slices = _made_slices(densify.operands[0], op)
    before = None if at < 0 else op.operands[1 - at]
    return before, slices, Scalar.__sub__ if isinstance(op, Subtract) else Scalar.__add__


def _made_slices(value: SSAValue, user: Operation) -> MakeSlices:
    if not isinstance(value.owner, MakeSlices):
        raise DiagnosticError("a kernel makes the slices that it uses", user)
    return value.owner


class Outputs:
    """Makes the outputs of one kernel."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.build = Builder(space)
        self._pieces = 0

    def all(self) -> Iterator[Output]:
        yielded = self.space.kernel.body.block.last_op
        assert yielded is not None
        for result, value in enumerate(yielded.operands):
            yield from self._value(result, value)

    def _value(self, result: int, value: SSAValue) -> Iterator[Output]:
        if isinstance(value.owner, Concat):
            yield from self._concat(result, value)
        elif is_scattered(value):
            yield from self._scatter(result, value)
        else:
            position = self._position(value)
            offset = linear(position, shape_of_type(value.type), self.space.rank)
            yield Output(self.build.node(value, position), result, offset)

    def _position(self, value: SSAValue) -> Position:
        if self.space.is_in_pieces:
            return self._next(value)[1]
        return self.space.output_position(value.type)

    def _concat(self, result: int, value: SSAValue) -> Iterator[Output]:
        op: Any = value.owner
        axis: IntegerAttr[Any] = op.axis
        start = 0
        for piece in op.operands:
            shape, position = self._next(piece)
            at = list(position)
            at[axis.value.data] = at[axis.value.data] + start
            offset = linear(tuple(at), shape_of_type(value.type), self.space.rank)
            yield Output(self.build.node(piece, position), result, offset)
            start += shape[axis.value.data]

    def _scatter(self, result: int, value: SSAValue) -> Iterator[Output]:
        before, slices, combine = scattered(value)
        shape = shape_of_type(value.type)
        if before is not None:
            yield from self._value(result, before)
        else:
            offset = linear(self._next(value)[1], shape, self.space.rank)
            yield Output(Fixed(element_type_of(value.type), number=0), result, offset)
        rows, indices = slices.operands[:2]
        _, position = self._next(rows)
        offset = linear((self.space.number(), *position[1:]), shape, self.space.rank)
        row = self.build.node(indices, position[:1])
        stride = row_major_strides(shape)[0]
        yield Output(
            self.build.node(rows, position),
            result,
            offset,
            row,
            position[0],
            shape[0],
            stride,
            combine,
            adds=not isinstance(value.owner, ReplaceRows),
        )

    def _next(self, piece: SSAValue) -> tuple[tuple[int, ...], Position]:
        """The shape of the next piece, and the position that its loops stand at."""
        shape = shape_of_type(piece.type)
        first, self._pieces = self._pieces, self._pieces + len(shape)
        return shape, self.space.piece(first, shape)
