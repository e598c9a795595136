"""Half precision in f32 for the length of one operation: what adds up, and what counts, rounds its results once."""

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
    """The dtype in which elements of this one are added up, and their number is held: f32 for f16 and bf16."""
    return ACCUMULATORS.get(element_type, element_type)


def in_accumulator(x: Tensor) -> Tensor:
    """A tensor in the dtype in which its elements are added up; `x` itself where that is its own."""
    return x if isinstance(x.type, SlicesType) else Cast.to(x, accumulator_of(x.element_type))


def rule_in_accumulators(rule: Callable[..., GradientTerms]) -> Callable[..., GradientTerms]:
    """A gradient rule made of several operations, for an operation whose result types follow from its operands'.

    Of half precision it is the rule of the same operation in f32, whose gradients are rounded at the end.
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
