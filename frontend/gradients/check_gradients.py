"""`check_gradients`: gradients against finite differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xdsl.dialects import func
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    compatible_shapes,
    data_type_of,
    element_type_of,
    shape_of_type,
)
from pullback.driver.checking.report import GradientReport
from pullback.frontend.gradients.gradient_arguments import as_list, converted_stop, converted_x, converted_y
from pullback.frontend.gradients.gradients import graph_of_all
from pullback.frontend.graph.graph import Graph
from pullback.frontend.handles.unwrap import handle_of
from pullback.frontend.operands.convert import as_array

if TYPE_CHECKING:
    from pullback.driver.checking.check_function import EvaluationPoint

# What checks gradients is imported by those who do.

__all__ = ["check_gradients"]


def check_gradients(
    ys: Any,
    xs: Any,
    feeds: Mapping[Any, Any] | None = None,
    order: int = 2,
    stop_gradients: Any = None,
    step: float | None = None,
    tolerance: float | None = None,
    directions: int = 1,
    seed: int = 0,
    between: tuple[float, float] | None = None,
) -> GradientReport:
    """Compares the gradients of sum(ys) with respect to each x with finite differences, and adds nothing to the graph.

    A copy of the graph runs in f64, whatever real dtypes it has. The ys are weighted at random; along a random
    direction of each x their sum must change as the gradient says. The gradients are the ys of the next order.
    Differences mean nothing at a kink (a tie of `maximum`), so give feeds away from them.

    Args:
        ys, xs, stop_gradients: what `gradients` takes.
        feeds: values of placeholders, and of variables, which have their contents else; random where not given, a
            `?` being 3.
        order: the highest order that is checked, from 1 on.
        step: how far each x is moved, relative to its size; 1e-5 unless given.
        tolerance: the relative error allowed; 1e-6 unless given.
        directions: how many random directions are tried for each x.
        seed: of everything random.
        between: the range of random values. Unless it is given, values from -2 to 2 are tried, and those from 0.5
            to 2 where a y is not finite there.

    Returns:
        The comparisons, and the worst relative error among them.

    Raises:
        GradientCheckError: a gradient is wrong; the text says which, and whose rule it comes from. A `ValueError`.
        LookupError, ValueError: what `gradients` and `run` raise.
    """
    from pullback.driver.checking.check_function import (
        CheckOptions,
        about_values,
        check_counts,
        check_function,
    )

    y_items, x_items = as_list(ys), as_list(xs)
    stops = [] if stop_gradients is None else as_list(stop_gradients)
    check_counts(order=order, directions=directions)
    graph = graph_of_all({"ys": y_items, "xs": x_items, "stop_gradients": stops})
    with graph.current(), graph.tentatively():
        y_values = [
            _with_gradient(converted_y(y, f"ys[{i}]").value, f"ys[{i}]") for i, y in enumerate(y_items)
        ]
        x_values = [
            _with_gradient(converted_x(x, f"xs[{i}]").value, f"xs[{i}]") for i, x in enumerate(x_items)
        ]
        stop_values = [converted_stop(s, f"stop_gradients[{i}]").value for i, s in enumerate(stops)]
        point = _point(graph, feeds, between)
        function = next(op for op in graph.module.ops if isinstance(op, func.FuncOp))
        options = CheckOptions(range(1, order + 1), directions, seed, step, tolerance)
        try:
            return check_function(function, about_values(y_values, x_values, stop_values), point, options)
        finally:
            graph.reopen()


def _with_gradient(value: SSAValue, label: str) -> SSAValue:
    from pullback.driver.checking.check import has_gradient

    if has_gradient(value):
        return value
    raise ArgumentTypeError(
        f"{label} is {value.type}: expected floating-point data, which alone has a gradient"
    )


def _point(
    graph: Graph, feeds: Mapping[Any, Any] | None, between: tuple[float, float] | None
) -> EvaluationPoint:
    """Fed values, and the contents of variables."""
    from pullback.driver.checking.check_function import EvaluationPoint

    given: Mapping[Any, Any] = {} if feeds is None else feeds
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"feeds: expected a dict from tensors to values, got {type(given).__name__}")
    inputs: dict[SSAValue, Array] = {}
    variables = {name: variable.numpy() for name, variable in graph.variables.items()}
    for key, value in given.items():
        handle = handle_of(key)
        owner = None if handle is None else handle.value.owner
        if handle is None or not (isinstance(owner, VariableOp) or owner is graph.body):
            raise ArgumentTypeError(
                f"feeds: expected placeholders and variables of this graph as keys, got {key!r}"
            )
        expected = data_type_of(handle.type)
        array = as_array(value, f"feeds[{handle.name}]", element_type_of(expected))
        if not compatible_shapes(array.shape, shape_of_type(expected)):
            raise GraphError(f"feeds[{handle.name}]: shape {array.shape}, expected {expected}")
        if isinstance(owner, VariableOp):
            variables[owner.label] = array
        else:
            inputs[handle.value] = array
    return EvaluationPoint([inputs.get(a) for a in graph.body.args], variables, between)
