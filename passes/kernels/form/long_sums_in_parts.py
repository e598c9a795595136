"""Sums of many terms, taken apart: so that each part is summed up in the kernel that makes its last terms.

    %a = graph.multiply ...                                %a = graph.multiply ...
    %b = graph.multiply ...                                %b = graph.multiply ...
    ...                                                    %1 = graph.add_n %a, %b
    %c = graph.multiply ...                          ->    ...
    %d = graph.multiply ...                                %c = graph.multiply ...
    ...                                                    %d = graph.multiply ...
    %s = graph.add_n %a, %b, %c, %d                        %2 = graph.add_n %c, %d
                                                           ...
                                                           %s = graph.add_n %1, %2

The gradient of a weight that is used a thousand times is such a sum. Else all terms would be stored, and one kernel be
passed all of them, which takes long to compile.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import TensorType
from xdsl.ir import Block, Operation, OpResult, SSAValue

from pullback.dialects.graph.gradient.markers import AddN
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.lowering.support import runs_natively
from pullback.passes.rewriting.same_device import place_like

MOST_TERMS = 32
"""The most terms that are added up at once."""


def take_long_sums_apart(block: Block) -> None:
    """Takes apart the sums of more than `MOST_TERMS` tensors in a block, but not those in its regions."""
    long = [op for op in block.ops if isinstance(op, AddN) and _is_long(op)]
    if not long:
        return
    places = _Places(block)
    for op in long:
        terms: Sequence[SSAValue] = op.operands
        while len(terms) > MOST_TERMS:
            parts = [terms[at : at + MOST_TERMS] for at in range(0, len(terms), MOST_TERMS)]
            terms = [_sum(part, op, places) if len(part) > 1 else part[0] for part in parts]
        op.operands = terms


def _is_long(op: AddN) -> bool:
    dense = all(isinstance(value.type, TensorType) for value in op.operands)
    return len(op.operands) > MOST_TERMS and dense and runs_natively(op)


def _sum(terms: Sequence[SSAValue], whole: AddN, places: _Places) -> SSAValue:
    """Adds up some terms of a sum, as soon as all of them are there."""
    made: list[Operation] = []
    with inserting(made.append):
        total = AddN.of(*map(Tensor, terms)).value
    (new,) = made
    new.location = whole.location
    place_like(new, whole)
    places.put_after(new, terms)
    return total


class _Places:
    """The operations of a block with their numbers, and those that were inserted after each."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._numbers = {op: number for number, op in enumerate(block.ops)}
        self._last: dict[int, Operation] = {number: op for op, number in self._numbers.items()}
        """The last operation that was put after each, or that operation itself; at -1 of those at the beginning."""

    def put_after(self, new: Operation, values: Sequence[SSAValue]) -> None:
        """Inserts an operation after the one that makes the last of these values, and what was put there before.

        At the beginning go sums of arguments, and of values of blocks around this one.
        """
        makers = [value.owner for value in values if isinstance(value, OpResult)]
        number = max((self._numbers.get(maker, -1) for maker in makers), default=-1)
        if number in self._last:
            self._block.insert_op_after(new, self._last[number])
        else:
            self._block.insert_op_before(new, self._last[0])
        self._last[number] = new
        self._numbers[new] = number
