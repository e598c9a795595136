"""Stacks: a loop pushes the values that its gradient needs (checkpoints of each trip), and the gradient pops them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Attribute
from xdsl.irdl import (
    AnyAttr,
    operand_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure

from pullback.dialects.graph.op.graph_op import (
    GradientTerms,
    GraphOp,
    NotDifferentiable,
    Properties,
    graph_op,
)
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    StackType,
    compatible_types,
    element_type_of,
    numpy_dtype,
    shape_of_type,
)


class StackValue(NamedTuple):
    """A non-empty stack at run time, an immutable linked list. The empty stack is `None`: it pops zeros without end."""

    rest: StackValue | None
    top: Any


def add_stacks(a: StackValue | None, b: StackValue | None) -> StackValue | None:
    """Adds two stacks element by element from the top; the shorter one counts as zeros below its end."""
    pairs: list[Any] = []
    while a is not None and b is not None:
        stacked = a.top is None or isinstance(
            a.top, StackValue
        )  # a stack of stacks, of which one may be empty
        pairs.append(add_stacks(a.top, b.top) if stacked else a.top + b.top)
        a, b = a.rest, b.rest
    result = a or b
    for top in reversed(pairs):
        result = StackValue(result, top)
    return result


def stack_type(op: str, type_: Attribute) -> StackType:
    """Checks that a type is a stack's, and returns it."""
    if not isinstance(type_, StackType):
        raise GraphError(f"{op}: stack_c1: the first operand must be a stack, got {type_}")
    return type_


@graph_op
class EmptyStack(GraphOp):
    """The empty stack, which pops zeros without end: so it is the zero of gradients of stacks."""

    name = "graph.empty_stack"
    EXAMPLES: ClassVar = ("%r = graph.empty_stack : STACK",)
    result = result_def(StackType)
    traits = traits_def(Pure(), NotDifferentiable())

    def verify_(self) -> None:
        """Checks nothing beyond the result type."""

    def numpy(self, *operands: Any) -> Any:
        return None


@graph_op
class Push(GraphOp):
    """The stack with the value on top."""

    name = "graph.push"
    EXAMPLES: ClassVar = ("%r = graph.push %k, %v : (STACK, VECTOR) -> STACK",)
    stack = operand_def(StackType)
    value = operand_def(AnyAttr())
    result = result_def(StackType)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        stack = stack_type(cls.name, operands[0])
        if not compatible_types(stack.data_type, operands[1]):
            raise GraphError(f"{cls.name}: stack_c2: a stack of {stack.data_type} cannot hold {operands[1]}")
        return [stack]

    def numpy(self, *operands: Any) -> Any:
        return StackValue(*operands)

    def gradient(self, dy: Tensor) -> GradientTerms:
        popped = Pop.emit([dy.value])
        return tuple(Tensor(r) for r in popped.results)


@graph_op
class Pop(GraphOp):
    """The stack without its top, and the top."""

    name = "graph.pop"
    EXAMPLES: ClassVar = ("%r:2 = graph.pop %k : (STACK) -> (STACK, VECTOR)",)
    stack = operand_def(StackType)
    rest = result_def(StackType)
    top = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        stack = stack_type(cls.name, operands[0])
        return [stack, stack.data_type]

    def numpy(self, *operands: Any) -> Any:
        (stack,) = operands
        if stack is None:
            type_ = self.result_types[1]
            if isinstance(type_, StackType):
                return None, None
            extents = [1 if n == DYNAMIC_INDEX else n for n in shape_of_type(type_)]
            return None, np.zeros(extents, numpy_dtype(element_type_of(type_)))
        return stack.rest, stack.top

    def gradient(self, drest: Tensor, dtop: Tensor) -> GradientTerms:
        return (Push.of(drest, dtop),)
