"""`explain`: reports why a gradient is what it is, or why it is `None`."""

from __future__ import annotations

from typing import Any

from pullback.frontend.gradients.gradient_arguments import (
    as_list,
    converted_grad,
    converted_stop,
    converted_x,
    converted_y,
    grads_per_y,
)
from pullback.frontend.gradients.gradients import graph_of_all
from pullback.passes.explain.explanation import Explanation

__all__ = ["explain"]


def explain(ys: Any, x: Any, stop_gradients: Any = None, grad_ys: Any = None) -> Explanation:
    """Explains the gradient of sum(ys) with respect to x: its path, or where it ends if it is `None`.

    Nothing is added to the graph. `print` shows the explanation as text, `rich.print` as a tree in colours.

    Args:
        ys: what `gradients` takes.
        x: one tensor, variable or slices.
        stop_gradients: tensors taken as constants.
        grad_ys: what `gradients` takes. A complex y needs one there, and here.

    Raises:
        ValueError: where `gradients` refuses these arguments. What it would raise because of a gradient
            function, or of a missing one, is explained instead.
    """
    from pullback.passes.explain.explain_gradient import explain as explained

    y_items = as_list(ys)
    given = grads_per_y(grad_ys, y_items)
    stops = [] if stop_gradients is None else as_list(stop_gradients)
    graph = graph_of_all({"ys": y_items, "x": [x], "grad_ys": given, "stop_gradients": stops})
    with graph.current(), graph.tentatively():
        y_values = [converted_y(y, f"ys[{i}]") for i, y in enumerate(y_items)]
        x_value = converted_x(x, "x").value
        seeds = [
            converted_grad(g, y, f"grad_ys[{i}]")
            for i, (g, y) in enumerate(zip(given, y_values, strict=True))
        ]
        stop_values = [converted_stop(s, f"stop_gradients[{i}]").value for i, s in enumerate(stops)]
        return explained(
            [y.value for y in y_values],
            x_value,
            graph.insertion_block,
            frozenset(stop_values),
            grad_ys=seeds,
        )
