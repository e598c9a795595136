"""Vectors in registers of lanes: arrays (lanes, elements), or (1, elements) while every lane has the same one.

A scalar of one number per lane has one axis less, so operations element by element are those of scalars. What brings
the two together, as `vector.broadcast` does, has its meaning here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute, Operation

from pullback.backends.interpreter.compiled_blocks import StepBuilder, computation
from pullback.backends.interpreter.numpy_dtypes import Value, constant_value
from pullback.backends.interpreter.run_vectors import COMBINE, numbers
from pullback.backends.interpreter.scalar_meanings import MEANINGS, Function, Meaning
from pullback.backends.simt.batch import Array
from pullback.dialects.ir.diagnostics import UnsupportedError


def elements_of(type_: Attribute, op: Operation) -> int:
    """The elements of a vector type, which lanes hold with rank 1 only."""
    if not isinstance(type_, VectorType) or type_.get_num_dims() != 1:
        raise UnsupportedError(f"{op.name} of {type_}: kernels have vectors of rank 1 only", op)
    return type_.get_shape()[0]


def beside(value: Value, vector: Value) -> Value:
    """A scalar as a vector of one element, to be combined with a vector; two scalars stay as they are."""
    if np.ndim(vector) < 2 or np.ndim(value) == 2:
        return value
    return np.reshape(value, (-1, 1))


def chosen(condition: Value, a: Value, b: Value) -> Value:
    """`a` in the lanes where a condition holds, `b` in the others; scalars or vectors."""
    return np.where(beside(condition, a), a, b)


def column(vector: Value, element: int) -> Value:
    """One element of a vector: a number where all lanes have the same vector."""
    return vector[0, element] if vector.shape[0] == 1 else vector[:, element]


def _columns(elements: Sequence[Value]) -> list[Array]:
    """Scalars as columns of one length."""
    return [np.reshape(a, (-1, 1)) for a in np.broadcast_arrays(*elements)]


def _constant(op: Operation) -> Function:
    value = constant_value(op.properties["value"], op.results[0].type)
    if isinstance(op.results[0].type, VectorType):
        value = np.reshape(value, (1, elements_of(op.results[0].type, op)))
    return lambda: value


def _broadcast(op: Operation) -> Function:
    count = elements_of(op.results[0].type, op)

    def broadcast(a: Value) -> Value:
        return a if np.ndim(a) == 2 else np.broadcast_to(np.reshape(a, (-1, 1)), (np.size(a), count))

    return broadcast


def _select(op: Operation) -> Function:
    if not isinstance(op.results[0].type, VectorType):
        return MEANINGS["arith.select"](op)
    return chosen


def _position(op: Operation) -> int:
    """The position of an element, which the text must say."""
    position = numbers(op.properties["static_position"])
    if len(op.operands) > (1 if op.name == "vector.extract" else 2) or len(position) != 1:
        raise UnsupportedError(f"{op.name}: kernels name the element by a number", op)
    return position[0]


def _extract(op: Operation) -> Function:
    position = _position(op)

    def extract(vector: Value) -> Value:
        return column(vector, position)

    return extract


def _insert(op: Operation) -> Function:
    position, count = _position(op), elements_of(op.results[0].type, op)

    def insert(element: Value, vector: Value) -> Value:
        lanes = max(np.size(element), vector.shape[0])
        result = np.broadcast_to(vector, (lanes, count)).copy()
        result[:, position] = element
        return result

    return insert


def _from_elements(op: Operation) -> Function:
    elements_of(op.results[0].type, op)
    return lambda *elements: np.concatenate(_columns(elements), axis=1)


def _reduction(op: Operation) -> Function:
    """First to last element, after the accumulator if there is one."""
    combine = COMBINE[str(op.properties["kind"].data)]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]

    def reduce(vector: Value, *accumulator: Value) -> Value:
        total, *rest = (*accumulator, *(column(vector, i) for i in range(vector.shape[1])))
        for element in rest:
            total = combine(total, element)
        return total

    return reduce


def _shuffle(op: Operation) -> Function:
    mask = list(numbers(op.properties["mask"]))

    def shuffle(a: Value, b: Value) -> Value:
        lanes = max(a.shape[0], b.shape[0])
        both = [np.broadcast_to(v, (lanes, v.shape[1])) for v in (a, b)]
        return np.concatenate(both, axis=1)[:, mask]

    return shuffle


_MEANINGS: dict[str, Meaning] = {
    "arith.constant": _constant,
    "arith.select": _select,
    "vector.broadcast": _broadcast,
    "vector.extract": _extract,
    "vector.from_elements": _from_elements,
    "vector.insert": _insert,
    "vector.reduction": _reduction,
    "vector.shuffle": _shuffle,
}
LANE_VECTORS: dict[str, StepBuilder] = {name: computation(meaning) for name, meaning in _MEANINGS.items()}
"""What operations on vectors, or with vectors among their types, do in lanes."""
