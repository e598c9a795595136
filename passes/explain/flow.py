"""What gradient arrives where: the engine's own walk, recorded and taken back."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.value import Tensor
from pullback.passes.gradients.emitter import Emitter, Options
from pullback.passes.gradients.engine import Walk
from pullback.passes.gradients.paths import inputs_of


@dataclass
class Flow:
    """One walk.

    Attributes:
        arrived: for each operation visited, in order, which of its inputs (see `inputs_of`) got a gradient.
        terms: the values that a gradient arrived at, and in how many terms.
        failures: the operations whose rule is missing or wrong, with the error.
    """

    arrived: dict[Operation, tuple[bool, ...]] = field(default_factory=dict[Operation, "tuple[bool, ...]"])
    terms: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    failures: dict[Operation, Exception] = field(default_factory=dict[Operation, Exception])


class _RecordedWalk(Walk):
    """The engine's walk. An operation that fails gives nothing to its operands, and the walk goes on."""

    def __init__(self, block: Block, stops: Collection[SSAValue], flow: Flow, nested: bool) -> None:
        super().__init__(block, Emitter(Block().add_op, Options()), stops, nested)
        self.flow = flow

    def _visit(self, op: Operation, reached: Collection[SSAValue]) -> None:
        try:
            super()._visit(op, reached)
        except Exception as error:
            self.flow.failures[op] = error
            self.flow.arrived[op] = (False,) * len(inputs_of(op))

    def _marked(self, op: Operation, grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        self.flow.arrived[op] = tuple(grad is not None for grad in grads)
        return super()._marked(op, grads)

    def total(self, value: SSAValue) -> Tensor | None:
        self.flow.terms.setdefault(value, len(self.terms.get(value, ())))
        return super().total(value)


def flow_of(
    ys: Sequence[SSAValue],
    xs: Sequence[SSAValue],
    stops: Collection[SSAValue],
    block: Block,
    nested: bool = False,
) -> Flow:
    """What flows from ys to xs where ones are the seeds; the block is left as it was.

    Args:
        ys, xs, stops, block: as for the engine's `gradients`.
        nested: whether the block is the body of a loop.
    """
    flow = Flow()
    walk = _RecordedWalk(block, frozenset(stops), flow, nested)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            walk.run(ys, xs, [None] * len(ys))
        for value, terms in walk.terms.items():
            flow.terms[value] = max(flow.terms.get(value, 0), len(terms))
    finally:
        walk.emitter.take_back()
    flow.terms = {value: count for value, count in flow.terms.items() if count}
    return flow
