"""Adds up concatenations piece by piece, where zeros fill them up: what sums of gradients of slices are made of.

The gradient of a slice is a concatenation of what it is there and of zeros beside. Where slices share out a tensor, as
in rotary embeddings or in gates cut by hand, the sum of their gradients is one concatenation, without any zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from xdsl.dialects.builtin import IntegerAttr, i64

from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.gradient.markers import AddN
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import StackType, is_static, tensor_type
from pullback.passes.simplify.matching import Folded, folds, full_like, number_in, producer, same_type


@dataclass(frozen=True)
class PlacedPiece:
    """What a concatenation has from one place along its axis to another."""

    begin: int
    end: int
    value: Tensor


@dataclass(frozen=True)
class Filled:
    """A concatenation with zeros among its pieces, and those that are not zeros."""

    axis: int
    pieces: tuple[PlacedPiece, ...]


@folds(AddN, Add)
def sum_of_pieces(op: AddN | Add) -> Folded:
    """A sum of concatenations with zeros is a concatenation of sums, if no piece reaches over the border of another."""
    result = op.results[0].type
    if isinstance(result, StackType) or not is_static(result):
        return None
    if not all(same_type(v.type, result) for v in op.operands):
        return None
    addends = [Tensor(v) for v in op.operands]
    found = [_filled(x) for x in addends]
    axis = next((term.axis for term in found if term is not None), None)
    terms = [term for term in found if term is not None and term.axis == axis]
    if axis is None or len(terms) < 2 or (parts := _parts(terms, addends[0].extents[axis])) is None:
        return None
    rest = [x for x, term in zip(addends, found, strict=True) if term not in terms]
    return _sum([_concatenation(addends[0], axis, parts), *rest])


def _filled(x: Tensor) -> Filled | None:
    """The concatenation with zeros that makes x, if nothing else uses it."""
    made = producer(x, Concat)
    if made is None or not x.value.has_one_use() or not all(is_static(v.type) for v in made.operands):
        return None
    assert isinstance(made.axis, IntegerAttr)
    axis = made.axis.value.data
    values = [Tensor(v) for v in made.operands]
    places = pairwise(accumulate((x.extents[axis] for x in values), initial=0))
    pieces = [PlacedPiece(*place, x) for place, x in zip(places, values, strict=True) if number_in(x) != 0]
    return Filled(axis, tuple(pieces)) if len(pieces) < len(values) else None


def _parts(terms: Sequence[Filled], extent: int) -> dict[tuple[int, int], list[Tensor]] | None:
    """What is added up between each two borders; None where a piece reaches over one."""
    pieces = [piece for term in terms for piece in term.pieces]
    borders = {0, extent, *(place for piece in pieces for place in (piece.begin, piece.end))}
    parts: dict[tuple[int, int], list[Tensor]] = {place: [] for place in pairwise(sorted(borders))}
    for piece in pieces:
        if (piece.begin, piece.end) not in parts:
            return None
        parts[piece.begin, piece.end].append(piece.value)
    return parts


def _concatenation(like: Tensor, axis: int, parts: dict[tuple[int, int], list[Tensor]]) -> Tensor:
    def zeros(extent: int) -> Tensor:
        shape = [*like.extents[:axis], extent, *like.extents[axis + 1 :]]
        return full_like(0, tensor_type(like.element_type, shape))

    sums = [_sum(part) if part else zeros(end - begin) for (begin, end), part in parts.items()]
    return Concat.of(*sums, axis=IntegerAttr(axis, i64))


def _sum(terms: Sequence[Tensor]) -> Tensor:
    return terms[0] if len(terms) == 1 else AddN.of(*terms)
