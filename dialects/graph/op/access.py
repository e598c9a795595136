"""Access maps: which element of an operand an operation reads at each point of its iteration space.

The space has a dim for each axis of the result; reductions and products also have the dims that they sum over.

    graph.transpose      (d0, d1) -> (d1, d0)               AffineAccess: MLIR's indexing map
    graph.add            (d0, d1) -> (d1)                   AffineAccess, of an operand that broadcasts
    graph.strided_slice  (d0, d1) -> (d0, 5 - 2 * d1)       StoredAccess: affine, but always from memory
    graph.matmul         (d0, d1, d2) -> (d0, d2)           StoredAccess
    graph.reshape        the element of the same row-major number   RowMajorAccess
    graph.gather         (d0, d1) -> (indices[d0], d1)      RowAccess
    graph.padded_slice   (d0, d1) -> (d0, d1 - 1)           PaddedAccess: a number where there is no such element

An operation states its access maps (`pullback.dialects.graph.op.indexed`); fusion asks them which loops an operand can
share (`axes`), lowering asks for the position of the element that is read (`at`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import TypeAlias

from pullback.dialects.graph.op.affine import Affine, Position
from pullback.dialects.graph.tensor.tensor import Number
from pullback.dialects.graph.tensor.types import GraphError, format_shape

Axes: TypeAlias = tuple[int | None, ...]
"""For each axis of a value the dim of the iteration space that indexes it; `None` for an extent of 1, at index 0."""


@dataclass(frozen=True)
class AffineAccess:
    """The element at a position whose coordinates are affine in the dims: one for each axis of the operand.

    Raises:
        GraphError: there is not one coordinate for each axis, or one is outside of the operand at some point.
    """

    position: Position
    shape: tuple[int, ...]
    """The extents of the operand."""
    space: tuple[int, ...]
    """The extents of the iteration space."""

    def __post_init__(self) -> None:
        ranks = {len(coordinate.coefficients) for coordinate in self.position}
        if len(self.position) != len(self.shape) or not ranks <= {len(self.space)}:
            raise GraphError(
                f"an access map has {len(self.position)} coordinates over {sorted(ranks)} dims; expected one for each "
                f"axis of an operand of shape {format_shape(self.shape)}, over {len(self.space)} dims"
            )
        if 0 in self.space:
            return
        for axis, (coordinate, extent) in enumerate(zip(self.position, self.shape, strict=True)):
            steps = [c * (n - 1) for c, n in zip(coordinate.coefficients, self.space, strict=True)]
            first = coordinate.constant + sum(min(step, 0) for step in steps)
            last = coordinate.constant + sum(max(step, 0) for step in steps)
            if first < 0 or last >= extent:
                raise GraphError(
                    f"an access map reads elements {first} to {last} along axis {axis} of an operand of shape "
                    f"{format_shape(self.shape)}; expected 0 to {extent - 1} at most"
                )

    @cached_property
    def axes(self) -> Axes | None:
        """The dim that indexes each axis from end to end; `None` if an axis has none, or two have the same."""
        picked = [None if n == 1 else d for n, d in zip(self.shape, self._dims, strict=True)]
        for dim, extent in zip(picked, self.shape, strict=True):
            if extent != 1 and (dim is None or self.space[dim] != extent or picked.count(dim) > 1):
                return None
        return tuple(picked)

    @cached_property
    def _dims(self) -> tuple[int | None, ...]:
        """The dim that each coordinate equals, where it is a single dim."""
        return tuple(c.single_dim for c in self.position)

    def at(self, point: Position, rank: int) -> Position:
        """Composes with a point of this space that is affine in the `rank` dims of another: the position read there."""
        pairs = zip(self._dims, self.position, strict=True)
        return tuple(c.at(point, rank) if d is None else point[d] for d, c in pairs)


@dataclass(frozen=True)
class StoredAccess:
    """An affine access of an operand that is read from memory, and shares no loops with what makes it.

    A factor of a product is read again for each row or column; of what is cut into pieces, others are read elsewhere.
    """

    element: AffineAccess
    axes = None


@dataclass(frozen=True)
class RowMajorAccess:
    """The element that has the same number in row-major order, whatever the extents of operand and result are.

    Raises:
        GraphError: the operand has fewer elements than the result.
    """

    shape: tuple[int, ...]
    """The extents of the operand."""
    space: tuple[int, ...]
    """The extents of the iteration space: those of the result."""

    def __post_init__(self) -> None:
        if prod(self.space) > prod(self.shape):
            raise GraphError(
                f"an access map reads {prod(self.space)} elements in row-major order of an operand of shape "
                f"{format_shape(self.shape)}; expected {prod(self.shape)} at most"
            )

    @cached_property
    def axes(self) -> Axes | None:
        """The dim that indexes each axis, where the two shapes differ only in extents of 1."""
        if [n for n in self.shape if n != 1] != [n for n in self.space if n != 1]:
            return None
        long = iter([d for d, n in enumerate(self.space) if n != 1])
        return tuple(None if n == 1 else next(long) for n in self.shape)


@dataclass(frozen=True)
class RowAccess:
    """An element of the row whose index another operand holds; 0 where the index is out of range."""

    indices: int
    """The position of the operand that holds the row indices."""
    within: AffineAccess
    """The position in the row: all coordinates but the first."""

    axes = None


@dataclass(frozen=True)
class PaddedAccess:
    """The element at an affine position, always from memory, and a number where that is outside of the operand.

    Raises:
        GraphError: there is not one coordinate for each axis.
    """

    position: Position
    shape: tuple[int, ...]
    """The extents of the operand."""
    space: tuple[int, ...]
    """The extents of the iteration space."""
    number: Number

    axes = None

    def __post_init__(self) -> None:
        if len(self.position) != len(self.shape):
            raise GraphError(
                f"an access map has {len(self.position)} coordinates; expected one for each axis of an operand of "
                f"shape {format_shape(self.shape)}"
            )

    def at(self, point: Position, rank: int) -> Position:
        """Composes with a point of this space: the position read there, which may be outside of the operand."""
        return tuple(c.at(point, rank) for c in self.position)


AccessMap: TypeAlias = AffineAccess | StoredAccess | RowMajorAccess | RowAccess | PaddedAccess
"""The access map of one operand: the element that is read at each point of the iteration space."""


def check_access(access: AccessMap, shape: tuple[int, ...], space: tuple[int, ...]) -> None:
    """Checks that a map is one from this space to this shape: its bounds are what it states itself.

    Raises:
        GraphError: it states other extents.
    """
    match access:
        case RowAccess(within=stated):
            shape = shape[1:]
        case StoredAccess(stated):
            pass
        case stated:
            pass
    if stated.shape != shape or stated.space != space:
        raise GraphError(
            f"an access map states a space of {format_shape(stated.space)} and an operand of "
            f"{format_shape(stated.shape)}; expected {format_shape(space)} and {format_shape(shape)}"
        )


# ---- building affine accesses ---------------------------------------------------------------------------------


def dims(shape: Sequence[int]) -> list[Affine]:
    """The coordinates of a point of a space, one dim for each extent, from which positions are built."""
    return [Affine.dim(len(shape), d) for d in range(len(shape))]


@lru_cache(maxsize=4096)
def identity(shape: tuple[int, ...]) -> AffineAccess:
    """Builds the identity map: the element at the point itself."""
    return AffineAccess(tuple(dims(shape)), shape, shape)


@lru_cache(maxsize=4096)
def broadcast(shape: tuple[int, ...], space: tuple[int, ...]) -> AffineAccess:
    """Builds the map of an operand that broadcasts to the space: along its last axes, at 0 where an extent is 1."""
    return AffineAccess(trailing(dims(space), shape, len(space)), shape, space)


def trailing(position: Sequence[Affine], shape: Sequence[int], rank: int) -> Position:
    """The last coordinates of a position, for an operand that broadcasts: 0 where its extent is 1."""
    last = position[len(position) - len(shape) :]
    return tuple(Affine.number(rank) if n == 1 else c for n, c in zip(shape, last, strict=True))
