"""Accumulation of half precision in f32: sums, counts and gradient rules compute in f32, and round once at the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from xdsl.ir import Attribute

from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.op.graph_op import GradientTerms
from pullback.dialects.graph.tensor.accumulators import ACCUMULATORS
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, element_type_of


def accumulator_of(element_type: Attribute) -> Attribute:
    """The accumulation dtype of an element type, for sums and counts: f32 for f16 and bf16, else itself."""
    return ACCUMULATORS.get(element_type, element_type)


def in_accumulator(x: Tensor) -> Tensor:
    """Casts a tensor to its accumulation dtype; returns `x` itself where that is its own."""
    return x if isinstance(x.type, SlicesType) else Cast.to(x, accumulator_of(x.element_type))


def rule_in_accumulators(rule: Callable[..., GradientTerms]) -> Callable[..., GradientTerms]:
    """Wraps a gradient rule of several operations: for half precision it computes in f32 and rounds at the end.

    The operation is rebuilt in f32, so its result types must follow from its operands'.
    """

    @wraps(rule)
    def gradient(op: Any, *dys: Tensor) -> GradientTerms:
        operands = [Tensor(v) for v in op.operands]
        if element_type_of(operands[0].type) not in ACCUMULATORS:
            return rule(op, *dys)
        twin = type(op).emit([in_accumulator(x).value for x in operands], op.properties)
        terms = rule(twin, *map(in_accumulator, dys))
        return tuple(
            None if term is None else Cast.to(term, x.element_type)
            for term, x in zip(terms, operands, strict=True)
        )

    return gradient
