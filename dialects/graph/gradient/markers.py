"""Sums and gates of gradients: markers made by `generate-gradients`, and the operations that policies lower them to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from xdsl.ir import Attribute
from xdsl.irdl import (
    AnyAttr,
    operand_def,
    opt_prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.gather import ConcatSlices, Gather, SliceValues, indices_of
from pullback.dialects.graph.gradient.policies import AggregationAttr, GatingAttr
from pullback.dialects.graph.movement.split_concat import split_like
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, GraphOp, Properties, graph_op
from pullback.dialects.graph.op.indexed import Alias, Pointwise
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.state.stacks import StackValue, add_stacks
from pullback.dialects.graph.tensor.accumulators import in_wide
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    SlicesType,
    StackType,
    compatible_types,
    data_type_of,
    element_type_of,
    known_extents,
    tensor_type,
)


def dense(value: Any) -> Any:
    """Converts a run-time value that is slices to a dense array."""
    return value.dense() if isinstance(value, SlicesValue) else value


class NaryIdentity(GraphOp):
    """An identity of several operands: result i is operand i, and so for gradients, `None` where there is none."""

    values = var_operand_def(AnyAttr())
    outputs = var_result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        return list(operands)

    @classmethod
    def mark(cls, values: Sequence[Tensor]) -> list[Tensor]:
        """Emits the marker of these values, and returns its results."""
        return [Tensor(r) for r in cls.emit([v.value for v in values]).results]

    def numpy(self, *operands: Any) -> Any:
        return operands

    def gradient(self, *dys: Tensor | None) -> GradientTerms:
        return dys


class GateMarker(NaryIdentity):
    """A marker that `gate-gradients` may turn into a gate; `gate` is the policy that the request asked for."""

    gate = opt_prop_def(GatingAttr)


@graph_op
class Backward(GateMarker):
    """The marker of the gradients that one forward operation gives its operands, so that they can be gated."""

    name = "graph.backward"
    EXAMPLES: ClassVar = (
        "%r:2 = graph.backward %x, %v {gate = #graph.gate<op>} : (MATRIX, VECTOR) -> (MATRIX, VECTOR)",
    )


@graph_op
class GradientResults(GateMarker):
    """The marker of the results of one request, so that they can be gated."""

    name = "graph.gradient_results"
    EXAMPLES: ClassVar = ("%r = graph.gradient_results %x : MATRIX",)


@graph_op
class Gate(NaryIdentity, Alias):
    """A barrier: no result may be used before all operands are computed."""

    name = "graph.gate"
    EXAMPLES: ClassVar = ("%r:2 = graph.gate %x, %v : (MATRIX, VECTOR) -> (MATRIX, VECTOR)",)


class Summation(GraphOp):
    """The sum of terms of one type."""

    terms = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        if not operands:
            raise GraphError(f"{cls.name}: sum_c1: needs at least one term")
        first = data_type_of(operands[0])
        for type_ in operands:
            if not compatible_types(data_type_of(type_), first):
                raise GraphError(f"{cls.name}: sum_c2: terms of different types: {first} and {type_}")
        if isinstance(first, StackType):
            return [first]
        return [tensor_type(first.element_type, known_extents(operands))]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]

    @property
    def addends(self) -> list[Tensor]:
        return [Tensor(v) for v in self._operands]

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy,) * len(self._operands)


def add_values(a: Any, b: Any) -> Any:
    """Adds two run-time values: arrays, or stacks element by element."""
    if a is None or isinstance(a, StackValue):
        return add_stacks(a, b)
    return np.add(dense(a), dense(b))


def add_up(terms: Sequence[Any]) -> Any:
    """Adds run-time values one after the other; a sum of arrays is rounded once."""
    if terms[0] is None or isinstance(terms[0], StackValue):
        return reduce(add_values, terms)
    return in_wide(lambda *arrays: reduce(np.add, arrays), *map(dense, terms))


@graph_op
class SumGradients(Summation):
    """The sum of the gradient terms of one value; `aggregate-gradients` chooses how it is computed.

    Terms may be tensors or slices; the sum is slices if every term is. `aggregation` is the request's policy.
    """

    name = "graph.sum_gradients"
    EXAMPLES: ClassVar = (
        "%r = graph.sum_gradients %x, %p {aggregation = #graph.aggregation<tree>} : (MATRIX, SLICES) -> MATRIX",
    )
    aggregation = opt_prop_def(AggregationAttr)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        if operands and all(isinstance(t, SlicesType) for t in operands):
            return ConcatSlices.infer(operands, properties)
        return super().infer(operands, properties)

    def numpy(self, *operands: Any) -> Any:
        if all(isinstance(s, SlicesValue) for s in operands):
            return SlicesValue(
                np.concatenate([s.values for s in operands]),
                np.concatenate([s.indices for s in operands]),
                operands[0].dense_shape,
            )
        return add_up(operands)

    def gradient(self, dy: Tensor) -> GradientTerms:
        slices = [isinstance(v.type, SlicesType) for v in self._operands]
        if all(slices):
            return split_like(dy, [SliceValues.of(t) for t in self.addends], axis=0)
        return tuple(
            Gather.of(dy, indices_of(t)) if sparse else dy
            for t, sparse in zip(self.addends, slices, strict=True)
        )


@graph_op
class AddN(Summation, Pointwise):
    """The sum of all terms at once, in their order."""

    name = "graph.add_n"
    ROW_TERMS: ClassVar = (1, 0)
    EXAMPLES: ClassVar = ("%r = graph.add_n %x, %x, %x : MATRIX",)

    def body(self, *operands: Scalar) -> Scalar:
        return reduce(Scalar.__add__, operands)

    def numpy(self, *operands: Any) -> Any:
        return add_up(operands)


@graph_op
class Accumulate(Pointwise):
    """The sum of a buffer and a term; it may reuse the buffer's memory where nothing else needs its contents."""

    name = "graph.accumulate"
    ROW_TERMS: ClassVar = (1, 0)
    EXAMPLES: ClassVar = ("%r = graph.accumulate %x, %x : MATRIX",)
    buffer = operand_def(AnyAttr())
    term = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        buffer, term = operands
        if not compatible_types(buffer, term):
            raise GraphError(f"{cls.name}: sum_c2: terms of different types: {buffer} and {term}")
        return [tensor_type(element_type_of(buffer), known_extents(operands))]

    def body(self, *operands: Scalar) -> Scalar:
        return operands[0] + operands[1]

    def numpy(self, *operands: Array) -> Any:
        return add_values(*operands)

    def gradient(self, dy: Tensor) -> GradientTerms:
        return dy, dy
