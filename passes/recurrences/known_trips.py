"""How often a loop runs, and which numbers its counters take, where the text says it.

Of this loop `trip_count` is 64, and the sequence of %i is 0, 1, 2 …:

    %zero = graph.fill {value = 0 : i32} : tensor<i32>
    graph.while %zero : tensor<i32> {
    ^bb0(%i: tensor<i32>):
      %last = graph.fill {value = 64 : i32} : tensor<i32>
      %on = graph.less %i, %last : (tensor<i32>, tensor<i32>) -> tensor<i1>
      graph.condition %on : tensor<i1>
    } do {
    ^bb0(%i: tensor<i32>):
      %one = graph.fill {value = 1 : i32} : tensor<i32>
      %next = graph.add %i, %one : tensor<i32>
      graph.yield %next : tensor<i32>
    }
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.elementwise.basic import Add, Cast, Subtract, Where
from pullback.dialects.graph.elementwise.comparisons import Greater, GreaterEqual, Less, LessEqual, NotEqual
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.types import element_type_of, is_integer, numpy_dtype, shape_of_type


class Progression(NamedTuple):
    """The numbers that a value takes in the trips 0, 1, 2 …: first, first + step, first + 2 step …"""

    first: int
    step: int

    def at(self, trip: int) -> int:
        """The number in a trip."""
        return self.first + trip * self.step

    def shifted(self, number: int) -> Progression:
        """The sequence with a number added."""
        return Progression(self.first + number, self.step)


def integer_of(value: SSAValue) -> int | None:
    """The integer that a value is in every run; None where the text does not say."""
    op = value.owner
    if not is_integer_scalar(value) or not isinstance(op, Operation):
        return None
    if isinstance(op, Fill):
        return int(op.number.real)
    if isinstance(op, Constant):
        return int(op.array())
    if isinstance(op, While) and isinstance(value, OpResult):
        counter, trips = counter_of(op, value.index), trip_count(op)
        return None if counter is None or trips is None else counter.at(trips)
    return None


def is_integer_scalar(value: SSAValue) -> bool:
    """Whether a value is one integer."""
    if not isinstance(value.type, TensorType):
        return False
    return shape_of_type(value.type) == () and is_integer(element_type_of(value.type))


def counter_of(loop: While, index: int) -> Progression | None:
    """The numbers that a carried value takes, if each trip adds the same one."""
    argument, last = loop.body.block.args[index], loop.body.block.last_op
    first = integer_of(loop.operands[index]) if is_integer_scalar(argument) else None
    if first is None or last is None:
        return None
    step = _added(last.operands[index], argument)
    return None if step is None else Progression(first, step)


def _added(value: SSAValue, to: SSAValue) -> int | None:
    """The number that was added to one value to make another."""
    op = value.owner
    if value is to:
        return 0
    if isinstance(op, Add):
        others = [v for v in op.operands if v is not to]
        return integer_of(others[0]) if len(others) == 1 else None
    if isinstance(op, Subtract) and op.operands[0] is to:
        number = integer_of(op.operands[1])
        return None if number is None else -number
    return None


COMPARISONS: dict[type[Operation], tuple[Callable[[int, int], bool], type[Operation]]] = {
    Less: (operator.lt, Greater),
    LessEqual: (operator.le, GreaterEqual),
    Greater: (operator.gt, Less),
    GreaterEqual: (operator.ge, LessEqual),
    NotEqual: (operator.ne, NotEqual),
}
"""What each comparison means, and which one it is with its operands exchanged."""


def trip_count(loop: While) -> int | None:
    """How often the body runs; None where that is not known, or a counter leaves its dtype before."""
    last = loop.condition.block.last_op
    op = last.operands[0].owner if last is not None else None
    if not isinstance(op, Operation) or type(op) not in COMPARISONS:
        return None
    cls, (a, b) = type(op), op.operands
    if not _is_carried(a, loop):
        cls, a, b = COMPARISONS[cls][1], b, a
    bound = integer_of(b)
    if bound is None or not isinstance(a, BlockArgument) or not _is_carried(a, loop):
        return None
    counter = counter_of(loop, a.index)
    trips = None if counter is None else _trips(COMPARISONS[cls][0], counter, bound)
    if counter is None or trips is None:
        return None
    limits = np.iinfo(numpy_dtype(element_type_of(a.type)))
    return trips if limits.min <= counter.at(trips) <= limits.max else None


def _is_carried(value: SSAValue, loop: While) -> bool:
    return isinstance(value, BlockArgument) and value.block is loop.condition.block


def _trips(holds: Callable[[int, int], bool], counter: Progression, bound: int) -> int | None:
    """For how many trips a comparison holds at first."""
    if not holds(counter.first, bound):
        return 0
    if counter.step == 0:
        return None
    # It holds up to about where the counter reaches the bound.
    guess = (bound - counter.first) // counter.step
    for trips in (guess, guess + 1):
        if trips > 0 and holds(counter.at(trips - 1), bound) and not holds(counter.at(trips), bound):
            return trips
    return None


def sequence_of(value: SSAValue, loop: While, trips: int) -> Progression | None:
    """The numbers that a value of a loop's body takes over its trips, if they are known and evenly spaced."""
    if isinstance(value, BlockArgument) and value.block is loop.body.block:
        return counter_of(loop, value.index)
    if not is_integer_scalar(value):
        return None
    op = value.owner
    if (number := integer_of(value)) is not None:
        return Progression(number, 0)
    if not isinstance(op, Operation) or op.parent is not loop.body.block:
        return None
    operands = [sequence_of(v, loop, trips) for v in op.operands] if not isinstance(op, Where) else []
    match op:
        case Cast():
            return operands[0]
        case Add() if (pair := _both(operands)) is not None:
            return Progression(pair[0].first + pair[1].first, pair[0].step + pair[1].step)
        case Subtract() if (pair := _both(operands)) is not None:
            return Progression(pair[0].first - pair[1].first, pair[0].step - pair[1].step)
        case Where():
            return _chosen(op, loop, trips)
        case _:
            return None


def _both(operands: list[Progression | None]) -> tuple[Progression, Progression] | None:
    a, b = operands
    return None if a is None or b is None else (a, b)


def _chosen(op: Where, loop: While, trips: int) -> Progression | None:
    """One operand of a choice that every trip makes alike, as indices from the end are: `where(i < 0, i + n, i)`."""
    condition = op.operands[0].owner
    if not isinstance(condition, Operation) or type(condition) not in COMPARISONS:
        return None
    pair = _both([sequence_of(v, loop, trips) for v in condition.operands])
    if pair is None or trips == 0:
        return None
    # A comparison of two lines that holds at both ends holds between them; != may fail there.
    holds = COMPARISONS[type(condition)][0]
    ends = {holds(pair[0].at(trip), pair[1].at(trip)) for trip in (0, trips - 1)}
    if len(ends) > 1 or isinstance(condition, NotEqual):
        return None
    return sequence_of(op.operands[1 if ends.pop() else 2], loop, trips)
