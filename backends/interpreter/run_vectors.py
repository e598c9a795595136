"""Meanings of `vector` ops on registers, for the table of `scalar_meanings`: shuffles, masks, reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, VectorType
from xdsl.dialects.vector import CombiningKindAttr
from xdsl.ir import Attribute, Operation

from pullback.backends.interpreter.integer_meanings import BINARY, Binary
from pullback.backends.interpreter.numpy_dtypes import Value, dtype_of
from pullback.backends.interpreter.scalar_meanings import Function, Meaning, fused_multiply_add
from pullback.dialects.upstream.vector import ReductionOp


def vector_shape(type_: Attribute) -> tuple[int, ...]:
    """The extents of a vector type; none for a scalar type."""
    return type_.get_shape() if isinstance(type_, VectorType) else ()


def numbers(attribute: Attribute) -> tuple[int, ...]:
    """The numbers of an array attribute."""
    assert isinstance(attribute, DenseArrayBase)
    return tuple(int(number) for number in attribute.get_values())


def _broadcast(op: Operation) -> Function:
    shape = vector_shape(op.results[0].type)

    def broadcast(a: Value) -> Value:
        return np.broadcast_to(a, shape)

    return broadcast


def _create_mask(op: Operation) -> Function:
    shape = vector_shape(op.results[0].type)
    coordinates = np.indices(shape)

    def mask(*sizes: Value) -> Value:
        return np.logical_and.reduce([c < size for c, size in zip(coordinates, sizes, strict=True)])

    return mask


def _constant_mask(op: Operation) -> Function:
    mask: Value = np.zeros(vector_shape(op.results[0].type), np.bool_)
    mask[tuple(slice(size) for size in numbers(op.properties["mask_dim_sizes"]))] = True
    return lambda: mask


def _step(op: Operation) -> Function:
    lanes: Value = np.arange(*vector_shape(op.results[0].type), dtype=np.int64)
    return lambda: lanes


def _position(op: Operation, dynamic: tuple[Value, ...]) -> tuple[int, ...]:
    rest = iter(dynamic)
    static = numbers(op.properties["static_position"])
    return tuple(int(next(rest)) if n == DYNAMIC_INDEX else n for n in static)


def _extract(op: Operation) -> Function:
    def extract(vector: Value, *dynamic: Value) -> Value:
        return vector[_position(op, dynamic)]

    return extract


def _insert(op: Operation) -> Function:
    def insert(source: Value, destination: Value, *dynamic: Value) -> Value:
        result = destination.copy()
        result[_position(op, dynamic)] = source
        return result

    return insert


COMBINE: dict[str, Binary] = {
    "add": np.add,
    "mul": np.multiply,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "maximumf": np.maximum,
    "minimumf": np.minimum,
    "maxnumf": np.fmax,
    "minnumf": np.fmin,
    **{kind: BINARY[f"arith.{kind}"] for kind in ("minsi", "maxsi", "minui", "maxui")},
}
"""What `vector.reduction` combines by, by kind."""


def _reduction(op: Operation) -> Function:
    """First to last lane, after the accumulator if there is one: the order that upstream promises. Or by halves."""
    kind = op.properties["kind"]
    assert isinstance(kind, CombiningKindAttr)
    combine = COMBINE[str(kind.data)]
    by_halves = isinstance(op, ReductionOp) and op.is_by_halves

    def reduce(vector: Value, *accumulator: Value) -> Value:
        while by_halves and len(vector) > 1:
            vector = combine(*np.split(vector, 2))
        total, *rest = (*accumulator, *vector)
        for value in rest:
            total = combine(total, value)
        return total

    return reduce


def _shape_cast(op: Operation) -> Function:
    shape = vector_shape(op.results[0].type)

    def reshape(vector: Value) -> Value:
        return vector.reshape(shape)

    return reshape


def _transpose(op: Operation) -> Function:
    permutation = numbers(op.properties["permutation"])

    def transpose(vector: Value) -> Value:
        return vector.transpose(permutation)

    return transpose


def _shuffle(op: Operation) -> Function:
    mask: Any = np.array(numbers(op.properties["mask"]))

    def shuffle(a: Value, b: Value) -> Value:
        return np.concatenate([np.atleast_1d(a), np.atleast_1d(b)])[mask]

    return shuffle


def _interleave(op: Operation) -> Function:
    def interleave(a: Value, b: Value) -> Value:
        return np.stack([a, b], axis=-1).reshape(*a.shape[:-1], -1)

    return interleave


def _from_elements(op: Operation) -> Function:
    shape, dtype = vector_shape(op.results[0].type), dtype_of(op.results[0].type)
    return lambda *elements: np.array(elements, dtype).reshape(shape)


def _bitcast(op: Operation) -> Function:
    dtype = dtype_of(op.results[0].type)

    def view(vector: Value) -> Value:
        return np.ascontiguousarray(vector).view(dtype)

    return view


def _fma(op: Operation) -> Callable[[Value, Value, Value], Value]:
    return fused_multiply_add


def _outer_product(op: Operation) -> Function:
    is_float = dtype_of(op.results[0].type).kind not in "iub"

    def outer_product(a: Value, b: Value, c: Value) -> Value:
        column = a[:, np.newaxis]
        return fused_multiply_add(column, b, c) if is_float else c + column * b

    return outer_product


REGISTERS: dict[str, Meaning] = {
    "vector.bitcast": _bitcast,
    "vector.broadcast": _broadcast,
    "vector.constant_mask": _constant_mask,
    "vector.create_mask": _create_mask,
    "vector.extract": _extract,
    "vector.fma": _fma,
    "vector.from_elements": _from_elements,
    "vector.insert": _insert,
    "vector.interleave": _interleave,
    "vector.outerproduct": _outer_product,
    "vector.reduction": _reduction,
    "vector.shape_cast": _shape_cast,
    "vector.shuffle": _shuffle,
    "vector.step": _step,
    "vector.transpose": _transpose,
}
