"""Op interface for loops: families that state their access maps, and how one element of the result is computed.

A family states the access maps of its operations; an operation of no family overrides `access`. Fusion and both
lowerings use only these statements, so a new operation changes no other file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, TypeGuard

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.op.access import (
    AccessMap,
    AffineAccess,
    Axes,
    RowAccess,
    StoredAccess,
    broadcast,
    check_access,
    dims,
    identity,
)
from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import GraphError, shape_of_type


class Indexed(GraphOp):
    """An operation that states its access maps. Loops compute those of the families below, where there is a body."""

    def iteration_shape(self, result: int = 0) -> tuple[int, ...]:
        """The extents of the iteration space: those of the result, and of reduced dims where there are any."""
        return shape_of_type(self.results[result].type)

    def access(self, number: int, result: int = 0) -> AccessMap | None:
        """The access map by which a result reads an operand; `None` for an operand that loops do not read."""
        raise NotImplementedError(f"{self.name} does not state how it reads its operands")

    def result_access(self) -> AffineAccess:
        """The access map by which the first result is written."""
        return identity(self.iteration_shape())

    def has_body(self) -> bool:
        """Tells whether the operation states how one element is computed, for its dtypes."""
        return False

    def shape_of(self, number: int) -> tuple[int, ...]:
        """The extents of an operand."""
        return shape_of_type(self._operands[number].type)


class Pointwise(Indexed):
    """An elementwise operation: an element depends on the operands' elements at the same index; operands broadcast."""

    ROW_TERMS: ClassVar[tuple[int, ...]] = ()
    """The operands of a sum (or difference) that may be scattered rows, added to the other one, likeliest first."""

    def body(self, *operands: Scalar) -> Scalar:
        """Builds the scalar body: one element, or a vector of them."""
        raise NotImplementedError(f"{self.name} has no body for one element")

    def has_body(self) -> bool:
        return type(self).body is not Pointwise.body

    def access(self, number: int, result: int = 0) -> AccessMap:
        return broadcast(self.shape_of(number), self.iteration_shape())


class Counted(Indexed):
    """An element depends on its row-major number, and on all elements of the operands, which are few and in memory."""

    def body(self, *operands: Scalar) -> Scalar:
        """Builds one element, or a vector of them, from the elements of all operands in order, then its number."""
        raise NotImplementedError(f"{self.name} has no body for one element")

    def has_body(self) -> bool:
        return True

    def numbered_shape(self) -> tuple[int, ...]:
        """The shape whose elements are numbered: the result's, or a larger one of which the result is a part."""
        return self.iteration_shape()

    def access(self, number: int, result: int = 0) -> AccessMap:
        """The first element of the operand, for all: no loops are shared with what makes it."""
        shape, space = self.shape_of(number), self.iteration_shape()
        return StoredAccess(AffineAccess((Affine.number(len(space)),) * len(shape), shape, space))


class View(Indexed):
    """An operation that only moves elements: each is one of the first operand's, at the position of its access map."""

    TAKES: ClassVar[slice | None] = slice(1)

    def has_body(self) -> bool:
        return True


class Alias(GraphOp):
    """An operation whose results are its operands, element by element: outside of kernels they share a buffer."""


class Uniform(Indexed):
    """A constant: each element is a number in the text, and no operand is read."""

    def element(self) -> Number | None:
        """The number that the only element is, or all elements are; `None` where there are several numbers."""
        raise NotImplementedError

    def has_body(self) -> bool:
        return True


class ContractionOp(Indexed):
    """A contraction (matrix product) of two operands over the dims of the iteration space that follow the result's."""

    def zeros_beyond(self) -> list[tuple[int, int]]:
        """The first index and the end along each axis of the first operand beyond which it holds zeros, if known."""
        return []

    def blocks_with_one(self) -> Sequence[int]:
        """The extents of blocks of terms of which the second operand is other than 0 at one at most, if known."""
        return ()

    def result_access(self) -> AffineAccess:
        space, shape = self.iteration_shape(), shape_of_type(self.results[0].type)
        return AffineAccess(tuple(dims(space)[: len(shape)]), shape, space)

    def has_body(self) -> bool:
        return True


class Concatenation(Indexed):
    """A concatenation of its operands: each piece has loops of its own, along its axes.

    It has kernels of its own, unless it puts a border around the result of a product.
    """

    def access(self, number: int, result: int = 0) -> AccessMap:
        return identity(self.shape_of(number))

    def piece_access(self, number: int) -> AffineAccess:
        """The access map by which a piece is written to the result."""
        raise NotImplementedError(f"{self.name} does not state where its pieces are written")

    def has_body(self) -> bool:
        return True


class Scatter(Indexed):
    """A scatter of rows at their indices into an operand, or into zeros. It has kernels of its own."""

    BASE: ClassVar[int | None] = None
    """The operand into which rows are scattered; `None` for zeros."""
    SLICES: ClassVar[int] = 0
    """The operand that holds rows and indices."""
    ADDS_UP: ClassVar[bool] = True
    """Whether rows of one index add up; otherwise the last one stays."""

    @property
    def before(self) -> SSAValue | None:
        """The value into which rows are scattered; `None` for zeros."""
        return None if self.BASE is None else self._operands[self.BASE]

    def combine(self, before: Scalar, row: Scalar) -> Scalar:
        """Computes an element from the one before and the one in a row."""
        return before + row if self.ADDS_UP else row

    def has_body(self) -> bool:
        return True

    def access(self, number: int, result: int = 0) -> None:
        return None


def rows_terms(op: object) -> list[int]:
    """Finds the terms of a sum that are scatters into zeros, whose rows may be added to the other term instead."""
    if not isinstance(op, Pointwise) or len(op.operands) != 2:
        return []
    makers = [value.owner for value in op.operands]
    return [i for i in op.ROW_TERMS if isinstance(maker := makers[i], Scatter) and maker.before is None]


def picks_rows(op: object) -> bool:
    """Tells whether an operation gathers rows of its first operand."""
    return isinstance(op, View) and isinstance(access_of(op, 0), RowAccess)


def access_of(op: Operation, number: int, result: int = 0) -> AccessMap | None:
    """The access map by which an operation reads an operand; `None` where no loop reads it.

    Raises:
        GraphError: the map leaves the operand, or is none between these types. Loads follow it without asking again.
    """
    try:
        if _broadcasts(op):  # most do: the map is made of these very extents
            return op.access(number, result)
        if not isinstance(op, Indexed):
            return None
        access = op.access(number, result)
        # Each piece of a concatenation has loops of its own.
        if access is not None and not isinstance(op, Concatenation):
            check_access(access, op.shape_of(number), op.iteration_shape(result))
        return access
    except GraphError as error:
        raise GraphError(f"{op.name}: {error}") from error


def operand_axes(op: Operation, number: int, result: int = 0) -> Axes | None:
    """The dims that index the axes of an operand; `None` where reader and producer cannot share loops."""
    access = access_of(op, number, result)
    return None if access is None else access.axes


def result_axes(op: Operation) -> Axes:
    """The dims that index the axes of the first result."""
    assert isinstance(op, Indexed)
    axes = op.result_access().axes
    assert axes is not None, f"'{op.name}' writes its result along no dims"
    return axes


def shares_loops(op: Operation, number: int) -> bool:
    """Tells whether the operand could be computed in the loops of every result (fusible)."""
    if _broadcasts(op):
        return True
    return all(operand_axes(op, number, result) is not None for result in range(len(op.results)))


def reads_where_it_writes(op: Operation, operand: SSAValue) -> bool:
    """Tells whether an elementwise operation is certain to read an operand at the index of its only result."""
    if not _is_plain(type(op)) or len(op.results) != 1:
        return False
    (made,) = op.results
    return operand.type is made.type


@lru_cache(maxsize=1 << 12)
def _is_plain(kind: type[Operation]) -> bool:
    """Tells whether a class of elementwise operations states no maps of its own."""
    return (
        _class_broadcasts(kind)
        and kind.result_access is Indexed.result_access
        and kind.iteration_shape is Indexed.iteration_shape
    )


def _broadcasts(op: Operation) -> TypeGuard[Pointwise]:
    """Tells whether an operation reads each operand at the index itself, as elementwise ones do."""
    return _class_broadcasts(type(op))


@lru_cache(maxsize=1 << 12)
def _class_broadcasts(kind: type[Operation]) -> TypeGuard[type[Pointwise]]:
    return issubclass(kind, Pointwise) and kind.access is Pointwise.access
