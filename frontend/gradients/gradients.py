"""`gradients`: the symbolic gradient of a sum, added to the graph at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from xdsl.ir import Operation as IROperation
from xdsl.ir import SSAValue

from pullback.dialects.graph.gradient.markers import GradientResults
from pullback.dialects.graph.gradient.policies import Gating, GatingAttr
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.location import Origin, Role, named_with_role
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType
from pullback.frontend.gradients.gradient_arguments import (
    aggregation_of,
    as_list,
    converted_grad,
    converted_stop,
    converted_x,
    converted_y,
    gating_of,
    grads_per_y,
    unconnected_of,
)
from pullback.frontend.graph.gradient_requests import requested
from pullback.frontend.graph.graph import Graph, common_graph, current_graph
from pullback.frontend.graph.scopes import on_device
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.unwrap import handle_of
from pullback.passes.gradients.emitter import GradientOptions
from pullback.process.quiet_collector import quiet_collector

__all__ = ["gradients"]


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str | None = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool | str = False,
    aggregation_method: str | None = None,
    stop_gradients: Any = None,
    unconnected_gradients: str = "none",
) -> list[Any]:
    """Differentiates sum(ys) with respect to each x, in reverse mode; the gradients are new tensors of the same graph.

    Args:
        ys: a tensor or a list of tensors, variables, slices, arrays, numbers, or lists of tensors (stacked).
        xs: a tensor, or a list of tensors, variables (all their reads together) or slices (their rows).
        grad_ys: the gradient that arrives at each y (its cotangent), of its dtype and shape; `None`, as a whole or
            in places, means ones.
        name: the scope of the new operations; `""` for none, `"scope/"` to enter one again.
        colocate_gradients_with_ops: puts each new operation on the device of the operation it serves.
        gate_gradients: `True` (or `"op"`): no gradient of an operation may be used before all of them are
            computed; `"graph"`: none of the results before all of them.
        aggregation_method: a member of `AggregationMethod`.
        stop_gradients: tensors taken as constants: nothing flows into what computes them.
        unconnected_gradients: `"none"` or `"zero"`: what an x gets that no y depends on.

    Returns:
        A list of one entry per x: a tensor of its dtype and shape, `IndexedSlices` where only rows were
        gathered, or `None` where no y depends on it.

    Raises:
        LookupError: a path leads through an operation without a gradient.
        ValueError: an argument is invalid, or a gradient function returned what it must not. Where a dtype or
            a kind of argument is at fault it is a `TypeError` too. The graph is then as it was.
    """
    y_items, x_items = as_list(ys), as_list(xs)
    given = grads_per_y(grad_ys, y_items)
    stops = [] if stop_gradients is None else as_list(stop_gradients)
    aggregation, gate = aggregation_of(aggregation_method), gating_of(gate_gradients)
    unconnected = unconnected_of(unconnected_gradients)
    graph = graph_of_all({"ys": y_items, "xs": x_items, "grad_ys": given, "stop_gradients": stops})
    with ExitStack() as stack:
        stack.enter_context(quiet_collector())
        stack.enter_context(graph.current())
        stack.enter_context(graph.unchanged_on_error())
        scope = enter_scope(graph, name, stack)
        y_values = [converted_y(y, f"ys[{i}]") for i, y in enumerate(y_items)]
        x_values = [converted_x(x, f"xs[{i}]") for i, x in enumerate(x_items)]
        seeds = [
            converted_grad(g, y, f"grad_ys[{i}]")
            for i, (g, y) in enumerate(zip(given, y_values, strict=True))
        ]
        stop_values = [converted_stop(s, f"stop_gradients[{i}]") for i, s in enumerate(stops)]
        if colocate_gradients_with_ops:
            stack.enter_context(on_device(None, graph))
        results = requested(
            graph,
            [y.value for y in y_values],
            [x.value for x in x_values],
            seeds,
            graph.insertion_block,
            GradientOptions(scope, aggregation, gate, colocate_gradients_with_ops),
            stops=[s.value for s in stop_values],
            unconnected=unconnected,
        )
        if gate is Gating.GRAPH:
            results = _gated_together(results, scope, graph)
        return _as_handles(results)


def graph_of_all(arguments: dict[str, Sequence[object]]) -> Graph:
    """The graph that all tensors among these arguments are in; the current one if there are none.

    Raises:
        ValueError: they are of several graphs, or one was made inside of a loop or a branch and is not there now.
    """
    labelled: list[tuple[str, SSAValue | IROperation]] = []
    for argument, items in arguments.items():
        for label, item in _tensors_in(items, argument):
            labelled.append((label, item.value))
    graph = common_graph(labelled) or current_graph()
    for label, value in labelled:
        if isinstance(value, SSAValue):
            graph.check_visible(value, label)
    return graph


def _tensors_in(items: Sequence[object], path: str) -> list[tuple[str, Tensor]]:
    found: list[tuple[str, Tensor]] = []
    for i, item in enumerate(items):
        handle = handle_of(item)
        if handle is not None:
            found.append((f"{path}[{i}]", handle))
        elif isinstance(item, list | tuple):
            found.extend(_tensors_in(as_list(item), f"{path}[{i}]"))
    return found


def enter_scope(graph: Graph, name: str | None, stack: ExitStack) -> str:
    """Enters the scope of the new operations; gives its full name without a slash."""
    if name == "":
        return graph.names.scope
    return stack.enter_context(graph.names.entered(name or "gradients")).removesuffix("/")


def _gated_together(results: Sequence[Tensor | None], scope: str, graph: Graph) -> list[Tensor | None]:
    """The results through one marker, which `gate-gradients` makes a barrier."""
    present = [r.value for r in results if r is not None]
    if not present:
        return list(results)
    location = named_with_role(f"{scope}/results" if scope else "results", Role(Origin.GATE))

    def insert(op: IROperation) -> None:
        op.location = location
        graph.insert(op)

    with inserting(insert):
        marker = GradientResults.emit(present, {"gate": GatingAttr(Gating.GRAPH)})
    gated = iter(marker.results)
    return [None if r is None else Tensor(next(gated)) for r in results]


def _as_handles(results: Sequence[Tensor | None]) -> list[Tensor | IndexedSlices | None]:
    """Slices get their own handle; the same value the same one."""
    slices: dict[SSAValue, IndexedSlices] = {}
    handles: list[Tensor | IndexedSlices | None] = []
    for result in results:
        if result is not None and isinstance(result.type, SlicesType):
            handles.append(slices.setdefault(result.value, IndexedSlices.wrap(result)))
        else:
            handles.append(result)
    return handles
