"""Checks loop-carried values: a walk inside of a loop cannot differentiate through what the loop carries.

What such a value was computed from lies before the loop or in earlier trips, which one trip cannot differentiate. A
path that goes on only there is an error: the gradient without it would be a wrong number.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from typing import Protocol

from xdsl.ir import BlockArgument, Operation, SSAValue

from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.location import name_of, name_of_value
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import StackType, differentiable_type
from pullback.passes.gradients.emitter import Emitter
from pullback.passes.gradients.rule_errors import GradientError
from pullback.passes.gradients.visible import Visible


class Prober(Protocol):
    """The interface of the walk that has reached loop-carried values."""

    visible: Visible
    stops: Collection[SSAValue]
    about: Operation | None
    emitter: Emitter

    def probing(self, visible: Visible, stops: Collection[SSAValue]) -> Prober:
        """A trial walk over other blocks, whose new operations are to be rolled back."""
        ...

    def run(
        self, ys: Sequence[SSAValue], xs: Sequence[SSAValue], grad_ys: Sequence[Tensor | None]
    ) -> list[Tensor | None]:
        """The gradients of the xs."""
        ...


def check_carried(walk: Prober, xs: Sequence[SSAValue], arrived: Sequence[BlockArgument]) -> None:
    """Refuses a gradient that arrived at a carried value and would have to go on from there to an x.

    Args:
        walk: over blocks with loops around.
        xs: of the request.
        arrived: carried values at which gradients have arrived, and that may depend on an x outside of their loop.

    Raises:
        GradientError: one does.
    """
    for value in arrived:
        x = _source(walk, value, xs)
        if x is not None:
            loop = name_of(walk.visible.loop_of(value))
            name = name_of_value(value)
            raise GradientError(
                f"no gradient with respect to '{name_of_value(x)}' inside loop '{loop}': a path goes on only through "
                f"'{name}' (loop variable {value.index}), which the loop carries: what it was computed from lies "
                f"before the loop or in earlier trips. Ask for the gradient outside of the loop, or take '{name}' as "
                "constant, by stop_gradients or stop_gradient",
                walk.about,
            )


def _source(walk: Prober, carried: BlockArgument, xs: Sequence[SSAValue]) -> SSAValue | None:
    """An x outside of the loop that a carried value depends on: by its init, or by what trips made of it."""
    visible = walk.visible
    loop = visible.loop_of(carried)
    around, body = visible.outside(loop), visible.body_of(loop)
    outside = [x for x in xs if visible.level(x) > visible.loops[loop]]
    arguments = [a for a in loop.body.block.args if differentiable_type(a.type)]
    last = loop.body.block.last_op
    indices = [carried.index]
    for index in indices:
        source = _reached(walk, around, loop.inits[index], outside, walk.stops)
        if source is None and visible.back_edges and isinstance(last, Yield):
            yielded = last.operands[index]
            source = _reached(walk, body, yielded, outside, (*walk.stops, *arguments))
            before = [a for a in arguments if a.index not in indices and a not in walk.stops]
            while (a := _reached(walk, body, yielded, before, (*walk.stops, *arguments))) is not None:
                assert isinstance(a, BlockArgument)
                before.remove(a)
                indices.append(a.index)
        if source is not None:
            return source
    return None


def _reached(
    walk: Prober, visible: Visible, y: SSAValue, xs: Sequence[SSAValue], stops: Collection[SSAValue]
) -> SSAValue | None:
    """The first x that a gradient of y flows to."""
    if not xs or not differentiable_type(y.type):
        return None
    if isinstance(y.type, StackType):
        return xs[0]
    probe = walk.probing(visible, frozenset(stops))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = probe.run([y], xs, [None])
        return next((x for x, grad in zip(xs, found, strict=True) if grad is not None), None)
    except LookupError:
        return xs[0]
    finally:
        probe.emitter.take_back()
