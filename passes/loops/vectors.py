"""Vectors in registers: lanes and their masks, halves."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from xdsl.dialects import vector
from xdsl.dialects.arith import FastMathFlagsAttr
from xdsl.dialects.builtin import DenseArrayBase, VectorType, i1, i64
from xdsl.dialects.utils import FastMathFlag
from xdsl.dialects.vector import CombiningKindAttr, CombiningKindFlag
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import maximum, minimum, select
from pullback.dialects.graph.tensor.types import is_float
from pullback.dialects.ir.new_operation import new_operation
from pullback.dialects.upstream.types import vector_type
from pullback.dialects.upstream.vector import ReductionOp
from pullback.passes.lowering.code_builder import CodeBuilder, combine, located, result_of


@dataclass(frozen=True, slots=True)
class Lanes:
    """Consecutive indices of a dim that are computed at once. Where there is a mask, only its lanes exist.

    `swept` is the extent of the dim if a loop goes along it, vector after vector, and else 0.
    """

    dim: int
    count: int
    mask: SSAValue | None = None
    swept: int = 0


def tail_mask(builder: CodeBuilder, lanes: int, count: int) -> SSAValue:
    """The mask of the first `lanes` of `count` lanes."""
    size = builder.index(lanes)
    return builder.once(
        ("tail", lanes, count),
        lambda: new_operation(vector.CreateMaskOp, operands=[size], result_types=[vector_type(i1, count)]),
        "tail",
    )


def mask_before(builder: CodeBuilder, end: int, first: SSAValue, count: int) -> SSAValue:
    """The mask of those of `count` lanes, the first of which has the index `first`, whose index is before `end`."""
    return mask_of_first(builder.minus(builder.index(end), first), count)


def mask_of_first(size: SSAValue, count: int) -> SSAValue:
    """The mask of the first of `count` lanes, as many as a value says."""
    return result_of(
        new_operation(vector.CreateMaskOp, operands=[size], result_types=[vector_type(i1, count)]), "inside"
    )


def with_neutral(builder: CodeBuilder, value: Scalar, lanes: Lanes, op: Reduction) -> Scalar:
    """The vector with the reduction's neutral element in the lanes that do not exist."""
    if lanes.mask is None:
        return value
    return select(Scalar(lanes.mask), value, builder.number(op.neutral(value.element_type), value.type))


def combined(op: Reduction, values: list[Scalar]) -> Scalar:
    """Several partial results as one, in a balanced tree of fixed order."""
    while len(values) > 1:
        pairs = [combine(op, a, b) for a, b in zip(values[::2], values[1::2], strict=False)]
        values = pairs + values[len(pairs) * 2 :]
    return values[0]


def across_lanes(op: Reduction, value: Scalar) -> Scalar:
    """All lanes of a vector as one scalar: halves are combined until one lane is left."""
    if (kind := _KINDS.get(type(op).COMBINE)) is not None and is_float(value.element_type):
        return located(_reduced(kind, value), op.location)
    type_ = value.type
    assert isinstance(type_, VectorType)
    count = type_.get_shape()[0]
    while count > 1:
        count //= 2
        low, high = (part(value, start, count) for start in (0, count))
        value = combine(op, low, high)
    return lane(value, 0)


def any_lane(value: Scalar) -> Scalar:
    """Tells whether a lane of a vector of integers is not 0."""
    return _reduced("or", value).not_equal(0)


_KINDS: Mapping[object, str] = {
    operator.add: "add",
    operator.mul: "mul",
    maximum: "maximumf",
    minimum: "minimumf",
}
"""How `vector.reduction` calls what floats are combined by."""


def _reduced(kind: str, value: Scalar) -> Scalar:
    properties = _properties(kind, is_float(value.element_type))
    op = new_operation(ReductionOp, [value.value], [value.element_type], properties)
    return Scalar(result_of(op, "total"))


@cache
def _properties(kind: str, by_halves: bool) -> Mapping[str, Attribute]:
    """The properties of a reduction of a kind, the same objects for equal ones."""
    properties: dict[str, Attribute] = {"kind": CombiningKindAttr(CombiningKindFlag(kind))}
    return properties | ({"fastmath": FastMathFlagsAttr((FastMathFlag.REASSOC,))} if by_halves else {})


def lane(value: Scalar, number: int) -> Scalar:
    """One lane of a vector."""
    extract = new_operation(
        vector.ExtractOp,
        operands=[value.value],
        result_types=[value.element_type],
        properties={"static_position": numbers(number)},
    )
    return Scalar(result_of(extract))


def row_of(matrix: Scalar, number: int) -> Scalar:
    """A row of a matrix."""
    type_ = matrix.type
    assert isinstance(type_, VectorType)
    op = new_operation(
        vector.ExtractOp,
        operands=[matrix.value],
        result_types=[vector_type(matrix.element_type, type_.get_shape()[-1])],
        properties={"static_position": numbers(number)},
    )
    return Scalar(result_of(op, matrix.value.name_hint))


def with_row(matrix: Scalar, number: int, row: Scalar) -> Scalar:
    """A matrix with one row replaced."""
    op = new_operation(
        vector.InsertOp,
        operands=[row.value, matrix.value],
        result_types=[matrix.type],
        properties={"static_position": numbers(number)},
    )
    return Scalar(result_of(op, row.value.name_hint))


def sum_across(value: Scalar) -> Scalar:
    """The sum of all lanes: halves are added until one lane is left."""
    return _reduced("add", value)


def part(value: Scalar, start: int, count: int) -> Scalar:
    """`count` consecutive lanes."""
    return shuffled(value, range(start, start + count))


def shuffled(value: Scalar, lanes: Sequence[int]) -> Scalar:
    """These lanes, in this order."""
    return shuffle(value, value, lanes)


def shuffle(a: Scalar, b: Scalar, lanes: Sequence[int]) -> Scalar:
    """Lanes of two vectors, those of the second numbered after those of the first."""
    op = new_operation(
        vector.ShuffleOp,
        operands=[a.value, b.value],
        result_types=[vector_type(a.element_type, len(lanes))],
        properties={"mask": numbers(*lanes)},
    )
    return Scalar(result_of(op))


@lru_cache(maxsize=1 << 10)
def numbers(*values: int) -> DenseArrayBase[Any]:
    """Numbers as an attribute, the same object for equal ones."""
    return DenseArrayBase.from_list(i64, values)
