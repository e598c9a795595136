"""Runs the gradient engine on a graph under construction; checks requests inside of loops once more at their end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xdsl.ir import Block, SSAValue

from pullback.dialects.graph.gradient.policies import Unconnected
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.frontend.graph.graph import Graph
from pullback.passes.gradients.emitter import GradientOptions
from pullback.passes.gradients.engine import gradients
from pullback.passes.gradients.request_in_loop import RequestInLoop
from pullback.passes.gradients.visible import Visible


def requested(
    graph: Graph,
    ys: Sequence[SSAValue],
    xs: Sequence[SSAValue],
    grad_ys: Sequence[Tensor | None],
    block: Block,
    options: GradientOptions,
    stops: Collection[SSAValue] = (),
    unconnected: Unconnected = Unconnected.NONE,
) -> list[Tensor | None]:
    """Runs the engine's `gradients`; its operations are inserted where the graph grows now.

    Inside of a loop under construction the request is remembered: only when the body is complete it is known what
    earlier trips make of a carried value; see `check_requests`.
    """
    found = gradients(
        ys,
        xs,
        grad_ys,
        block,
        graph.insert,
        options,
        stops=stops,
        unconnected=unconnected,
        elsewhere=graph.placed_before,
    )
    if any(loop.results for loop in Visible.around(block).loops):  # that of a branch carries nothing yet
        graph.requests.append(RequestInLoop(ys, xs, frozenset(stops), block))
    return found


def check_requests(graph: Graph, loop: While) -> None:
    """Checks the requests inside of a loop that is complete now.

    Raises:
        GradientError: one of them depends on an x by what the body yields.
    """
    regions = {region.block for region in loop.regions}
    assert loop.parent is not None
    goes_on = bool(Visible.around(loop.parent).loops)  # another loop around is not complete yet
    for request in [r for r in graph.requests if not regions.isdisjoint(Visible.around(r.block).blocks)]:
        request.check()
        if not goes_on:
            graph.requests.remove(request)
