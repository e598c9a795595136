"""Seeds of draws: `graph.random_key` makes another one for each step, draw, and trip of a loop around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, prop_def, result_def, traits_def, var_operand_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.philox import block_of_scalars, blocks_of_arrays, joined
from pullback.dialects.graph.op.graph_op import Array, NotDifferentiable, Properties, graph_op
from pullback.dialects.graph.op.indexed import Counted
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.types import GraphError, tensor_type

SEED = tensor_type(i64, (2,))
"""The type of a seed: two words."""
FOLDING = -(2**63)
"""What sets the last bit of a counter that makes keys: no draw counts that far, so keys are never among its words."""


def check_seed(op: str, type_: Attribute) -> None:
    """Checks that a seed is two words (i64)."""
    if type_ != SEED:
        raise GraphError(f"{op}: seed_c1: the seed must be {SEED}, got {type_}")


@graph_op
class RandomKey(Counted):
    """The seed of one draw, derived from a state, the draw's `number`, and the trip count of each loop around it.

    The state is a seed and a count of steps. Equal operands and numbers make equal seeds, so a copy of a draw draws
    the same numbers; others make independent seeds. Trip counts are ordered from the outermost loop inwards.
    """

    name = "graph.random_key"
    EXAMPLES: ClassVar = (
        "%r = graph.random_key %n {number = 0 : i64} : tensor<2xi64>",
        "%r = graph.random_key %n, %t {number = 3 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>",
    )
    state = operand_def(AnyAttr())
    trips = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    number = prop_def(IntegerAttr)
    traits = traits_def(Pure(), NotDifferentiable())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        state, *trips = operands
        check_seed(cls.name, state)
        for trip in trips:
            if trip != tensor_type(i64, ()):
                raise GraphError(f"{cls.name}: trips_c1: the trip of a loop must be tensor<i64>, got {trip}")
        return [SEED]

    def numpy(self, *operands: Array) -> Any:
        state, *trips = operands
        for number in (self._number, *map(int, trips)):
            w0, w1, w2, w3 = blocks_of_arrays(state, (number + FOLDING) % 2**64, 1)[:, 0]
            state = np.array([w0 << 32 | w1, w2 << 32 | w3]).view(np.int64)
        return state

    @property
    def _number(self) -> int:
        assert isinstance(self.number, IntegerAttr)
        return self.number.value.data

    def body(self, *operands: Scalar) -> Scalar:
        *state, element = operands
        first, second, *trips = state
        for number in (first.like(self._number), *trips):
            w0, w1, w2, w3 = block_of_scalars(first, number + FOLDING, second)
            first, second = joined(w0, w1), joined(w2, w3)
        return select(element.equal(0), first, second)
