"""Families of operations that loops compute: each states what one element is made of, and where that is read.

A family says how its operations walk through their operands; an operation of no family overrides `access`. Kernels
are formed and lowered by these statements alone, so that a new operation needs no place anywhere else.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.op.access import (
    AccessMap,
    AffineAccess,
    Axes,
    RowAccess,
    broadcast,
    dims,
    identity,
)
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import shape_of_type


class Indexed(GraphOp):
    """An operation that loops compute, element by element."""

    def iteration_shape(self, result: int = 0) -> tuple[int, ...]:
        """The extents of the iteration space: those of the result, unless there is more to run over."""
        return shape_of_type(self.results[result].type)

    def access(self, number: int, result: int = 0) -> AccessMap | None:
        """Which element of an operand a result reads at each point; `None` for an operand that loops do not read."""
        raise NotImplementedError(f"{self.name} does not state how it reads its operands")

    def result_access(self) -> AffineAccess:
        """Which element of the first result is written at each point."""
        return identity(self.iteration_shape())

    def has_body(self) -> bool:
        """Whether it states what an element is made of, for its dtypes."""
        return True

    def shape_of(self, number: int) -> tuple[int, ...]:
        """The extents of an operand."""
        return shape_of_type(self._operands[number].type)


class Pointwise(Indexed):
    """The element at an index is made of those of the operands at that index; operands broadcast."""

    ROW_TERMS: ClassVar[tuple[int, ...]] = ()
    """Which of two operands may be rows that are added to the other one (as the body does it), the likeliest first."""

    def body(self, *operands: Scalar) -> Scalar:
        """One element, or a vector of them."""
        raise NotImplementedError(f"{self.name} has no body for one element")

    def access(self, number: int, result: int = 0) -> AccessMap:
        return broadcast(self.shape_of(number), self.iteration_shape())


class View(Indexed):
    """Computes nothing: each element is one of the first operand's, at the place that `access` names."""


class Alias(GraphOp):
    """Each result has the elements of the operand at its place, in the same order: outside of kernels, its buffer."""


class Uniform(Indexed):
    """Reads nothing: each element is a number that the text holds."""

    def element(self) -> Number | None:
        """The number; `None` where there is not one element alone."""
        raise NotImplementedError


class ContractionOp(Indexed):
    """Sums of products of two operands, over the last dim of its space, which the result lacks."""

    def result_access(self) -> AffineAccess:
        space = self.iteration_shape()
        return AffineAccess(tuple(dims(space)[:-1]), space[:-1], space)


class Scatter(Indexed):
    """Rows of slices, put where their indices say: into an operand, or into zeros. It has kernels of its own."""

    BASE: ClassVar[int | None] = None
    """The operand into which rows are put; `None` for zeros."""
    SLICES: ClassVar[int] = 0
    """The operand that holds rows and indices."""
    ADDS_UP: ClassVar[bool] = True
    """Whether rows of one index add up; otherwise the last one stays."""

    @property
    def before(self) -> SSAValue | None:
        """What the rows are combined with; `None` for zeros."""
        return None if self.BASE is None else self._operands[self.BASE]

    def combine(self, before: Scalar, row: Scalar) -> Scalar:
        """What takes the place of an element for which there is one in a row."""
        return before + row if self.ADDS_UP else row

    def access(self, number: int, result: int = 0) -> None:
        return None


def rows_terms(op: object) -> list[int]:
    """Which of two terms of an operation are scatters into zeros, whose rows may be added to the other one instead."""
    if not isinstance(op, Pointwise) or len(op.operands) != 2:
        return []
    makers = [value.owner for value in op.operands]
    return [i for i in op.ROW_TERMS if isinstance(maker := makers[i], Scatter) and maker.before is None]


def picks_rows(op: object) -> bool:
    """Whether an operation reads rows of its first operand whose indices it is given."""
    return isinstance(op, View) and isinstance(op.access(0), RowAccess)


def access_of(op: Operation, number: int, result: int = 0) -> AccessMap | None:
    """How an operation reads an operand; `None` where no loop reads it."""
    return op.access(number, result) if isinstance(op, Indexed) else None


def operand_axes(op: Operation, number: int, result: int = 0) -> Axes | None:
    """The dims along which the axes of an operand run; `None` where its reader does not share loops with its maker."""
    access = access_of(op, number, result)
    return None if access is None else access.axes


def result_axes(op: Operation) -> Axes:
    """The dims along which the axes of the first result run."""
    assert isinstance(op, Indexed)
    axes = op.result_access().axes
    assert axes is not None, f"'{op.name}' writes its result along no dims"
    return axes


def shares_loops(op: Operation, number: int) -> bool:
    """Whether all results are computed in loops in which the operand could be computed, too."""
    return all(operand_axes(op, number, result) is not None for result in range(len(op.results)))
