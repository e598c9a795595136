"""Affine expressions over the dims of an iteration space, for positions and memory offsets of elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class Affine:
    """`constant + sum(coefficients[d] * d)` over the dims d of a space."""

    coefficients: tuple[int, ...]
    constant: int = 0

    @staticmethod
    def number(rank: int, constant: int = 0) -> Affine:
        """A constant in a space of this rank."""
        return Affine((0,) * rank, constant)

    @staticmethod
    def dim(rank: int, dim: int) -> Affine:
        """One dim itself."""
        return Affine(tuple(int(d == dim) for d in range(rank)))

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.coefficients, self.constant + other)
        both = zip(self.coefficients, other.coefficients, strict=True)
        return Affine(tuple(a + b for a, b in both), self.constant + other.constant)

    def __sub__(self, other: Affine | int) -> Affine:
        return self + other * -1

    def __rsub__(self, other: int) -> Affine:
        return self * -1 + other

    def __mul__(self, factor: int) -> Affine:
        return Affine(tuple(c * factor for c in self.coefficients), self.constant * factor)

    __radd__, __rmul__ = __add__, __mul__

    @property
    def single_dim(self) -> int | None:
        """The dim that this expression equals, where it is a single dim."""
        if self.constant or sum(map(bool, self.coefficients)) != 1 or 1 not in self.coefficients:
            return None
        return self.coefficients.index(1)

    def at(self, point: Position, rank: int) -> Affine:
        """Composes with a point whose coordinates are affine in the `rank` dims of another space."""
        value = Affine.number(rank, self.constant)
        for coefficient, coordinate in zip(self.coefficients, point, strict=True):
            value = value + coordinate * coefficient if coefficient else value
        return value

    @property
    def dims(self) -> frozenset[int]:
        """The dims that it depends on."""
        return frozenset(d for d, c in enumerate(self.coefficients) if c)

    def range_in(self, extents: Sequence[int]) -> tuple[int, int]:
        """The smallest and the largest value in a space of these extents."""
        steps = [c * (n - 1) for c, n in zip(self.coefficients, extents, strict=True) if c]
        return self.constant + sum(min(s, 0) for s in steps), self.constant + sum(max(s, 0) for s in steps)

    def largest(self, extents: Sequence[int]) -> int:
        """The largest value in a space of these extents, coefficients being positive."""
        return self.constant + sum(c * (n - 1) for c, n in zip(self.coefficients, extents, strict=True) if c)


Position = tuple[Affine, ...]
"""The position of an element in a value: one coordinate for each of its axes."""


def row_major_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The distance, in elements, between neighbours along each axis; as if every extent were at least 1."""
    return tuple(prod(max(n, 1) for n in shape[axis + 1 :]) for axis in range(len(shape)))


def linear(position: Position, shape: Sequence[int], rank: int) -> Affine:
    """Linearises a position to its row-major offset, in a space of this rank."""
    offset = Affine.number(rank)
    for coordinate, stride in zip(position, row_major_strides(shape), strict=True):
        offset = offset + coordinate * stride
    return offset


def delinearize(offset: Affine, shape: Sequence[int], extents: Sequence[int]) -> Position | None:
    """Delinearises a row-major offset to a position; None where that is not affine.

    `extents` are those of the space. Each term goes to the one axis whose stride divides it.
    """
    strides = row_major_strides(shape)
    rank = len(extents)
    coordinates = [Affine.number(rank) for _ in shape]
    constant = offset.constant
    for axis, stride in enumerate(strides):
        if shape[axis] > 1:
            coordinates[axis] = coordinates[axis] + constant // stride
            constant %= stride
    for dim, coefficient in enumerate(offset.coefficients):
        axis = next((a for a, s in enumerate(strides) if shape[a] > 1 and s and coefficient >= s), None)
        if not coefficient or extents[dim] <= 1:
            continue
        if axis is None or coefficient % strides[axis]:
            return None
        coordinates[axis] = coordinates[axis] + Affine.dim(rank, dim) * (coefficient // strides[axis])
    fits = all(c.largest(extents) < n for c, n in zip(coordinates, shape, strict=True))
    return tuple(coordinates) if fits or 0 in shape or 0 in extents else None


def mergeable(offsets: Sequence[Affine], dim: int, extents: Sequence[int], following: int) -> bool:
    """Tells whether `dim` and the `following` one inside it can be merged to one dim for every offset."""
    return all(o.coefficients[dim] == o.coefficients[following] * extents[following] for o in offsets)
