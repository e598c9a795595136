"""Records the flow of gradients: the engine's own walk, rolled back afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.gradients.emitter import Emitter, GradientOptions
from pullback.passes.gradients.engine import ReverseWalk
from pullback.passes.gradients.paths import inputs_of
from pullback.passes.gradients.rule_errors import GradientError
from pullback.passes.gradients.visible import Visible


@dataclass
class Flow:
    """The record of one walk.

    Attributes:
        arrived: for each operation visited, in order, which of its inputs (see `inputs_of`) got a gradient.
        terms: the values that a gradient arrived at, and in how many terms.
        failures: the operations whose rule is missing or wrong, with the error.
        refused: why the walk could not go on, where a loop around carries what it came to.
    """

    arrived: dict[Operation, tuple[bool, ...]] = field(default_factory=dict[Operation, "tuple[bool, ...]"])
    terms: dict[SSAValue, int] = field(default_factory=dict[SSAValue, int])
    failures: dict[Operation, Exception] = field(default_factory=dict[Operation, Exception])
    refused: GradientError | None = None


class _RecordedWalk(ReverseWalk):
    """The engine's walk. An operation that fails gives nothing to its operands, and the walk goes on."""

    def __init__(self, visible: Visible, stops: Collection[SSAValue], flow: Flow, nested: bool) -> None:
        super().__init__(visible, Emitter(Block().add_op, GradientOptions()), stops, nested)
        self.flow = flow

    def _visit(self, op: Operation, reached: Collection[SSAValue]) -> None:
        try:
            super()._visit(op, reached)
        except Exception as error:
            self.flow.failures[op] = error
            self.flow.arrived[op] = (False,) * len(inputs_of(op))

    def _check_carried(self, xs: Sequence[SSAValue], arrived: Sequence[BlockArgument]) -> None:
        try:
            super()._check_carried(xs, arrived)
        except GradientError as error:
            self.flow.refused = error

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
    visible: Visible,
    nested: bool = False,
    seeds: Sequence[Tensor | None] | None = None,
) -> Flow:
    """Records what flows from ys to xs; the blocks are left as they were.

    Args:
        ys, xs, stops: as for the engine's `gradients`.
        visible: the blocks that it would walk over.
        nested: whether the block is the body of a loop.
        seeds: one for each y, ones where it is `None`; ones for all unless given.
    """
    flow = Flow()
    walk = _RecordedWalk(visible, frozenset(stops), flow, nested)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            walk.run(ys, xs, [None] * len(ys) if seeds is None else seeds)
        for value, terms in walk.terms.items():
            flow.terms[value] = max(flow.terms.get(value, 0), len(terms))
    finally:
        walk.emitter.take_back()
    flow.terms = {value: count for value, count in flow.terms.items() if count}
    return flow
