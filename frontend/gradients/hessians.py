"""Second derivatives in a graph: `hessians`, and Hessian-vector products."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from pullback.dialects.graph.by_index.gather import Densify
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    SlicesType,
    compatible_types,
    element_type_of,
    gradient_type_of,
    is_float,
)
from pullback.frontend.gradients.gradient_arguments import aggregation_of, as_list, converted_x, gating_of
from pullback.frontend.gradients.gradients import enter_scope, gradients, graph_of_all
from pullback.frontend.gradients.jacobians import jacobians
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.operands.convert import as_tensor
from pullback.passes.gradients.emitter import GradientOptions
from pullback.process.quiet_collector import quiet_collector

__all__ = ["hessian_vector_product", "hessians"]


def hessians(
    ys: Any,
    xs: Any,
    name: str | None = "hessians",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool | str = False,
    aggregation_method: str | None = None,
) -> list[Tensor]:
    """The Hessian of sum(ys) with respect to each x by itself: no derivatives by one x and another.

    Args:
        ys, xs: as those of `gradients`; the xs of a floating-point dtype, no slices.
        name: the scope of the new operations.
        colocate_gradients_with_ops: as that of `gradients`, for both orders; so are the other options.

    Returns:
        One tensor per x, of shape x.shape + x.shape; zeros where sum(ys) is linear in x, or does not depend on
        it. Its rows are computed in a loop, which keeps the graph small; so at most four dims.

    Raises:
        ValueError: whatever `gradients` refuses, or an x that is not floating-point. The graph is then as it was.
    """
    x_items = as_list(xs)
    aggregation, gate = aggregation_of(aggregation_method), gating_of(gate_gradients)
    graph = graph_of_all({"ys": as_list(ys), "xs": x_items})
    with ExitStack() as stack:
        stack.enter_context(quiet_collector())
        stack.enter_context(graph.current())
        stack.enter_context(graph.unchanged_on_error())
        scope = enter_scope(graph, name, stack)
        handles = [_differentiable(converted_x(x, f"xs[{i}]"), f"xs[{i}]") for i, x in enumerate(x_items)]
        options = GradientOptions(scope, aggregation, gate, colocate_gradients_with_ops)
        firsts = gradients(
            ys,
            handles,
            name="first",
            colocate_gradients_with_ops=colocate_gradients_with_ops,
            gate_gradients=gate_gradients,
            aggregation_method=aggregation_method,
            unconnected_gradients="zero",
        )
        return [
            jacobians(graph, _dense(first), [x], options)[0] for first, x in zip(firsts, handles, strict=True)
        ]


def hessian_vector_product(
    ys: Any, xs: Any, v: Any, name: str | None = "hessian_vector_product"
) -> list[Tensor | IndexedSlices]:
    """The product of the Hessian of sum(ys) by all xs with the vector v.

    It costs as much as a few gradients: the matrix is never built.

    Args:
        ys, xs: as those of `gradients`; the xs of a floating-point dtype, no slices.
        v: one tensor or array per x, of its dtype and shape; taken as constant.
        name: the scope of the new operations.

    Returns:
        One tensor per x, of its shape; zeros where the first derivatives do not depend on it.

    Raises:
        ValueError: whatever `gradients` refuses, or another number of vectors than xs. The graph is then as it was.
    """
    x_items, vectors = as_list(xs), as_list(v)
    if len(x_items) != len(vectors):
        raise ValueError(
            f"xs and v must have the same length, got {len(x_items)} xs and {len(vectors)} vectors"
        )
    graph = graph_of_all({"ys": as_list(ys), "xs": x_items, "v": vectors})
    with ExitStack() as stack:
        stack.enter_context(graph.current())
        stack.enter_context(graph.unchanged_on_error())
        enter_scope(graph, name, stack)
        handles = [_differentiable(converted_x(x, f"xs[{i}]"), f"xs[{i}]") for i, x in enumerate(x_items)]
        firsts = [_dense(g) for g in gradients(ys, handles, name="first", unconnected_gradients="zero")]
        seeds = [
            _vector(x, first, f"v[{i}]") for i, (x, first) in enumerate(zip(vectors, firsts, strict=True))
        ]
        return gradients(firsts, handles, seeds, name="second", unconnected_gradients="zero")


def _differentiable(x: Tensor, label: str) -> Tensor:
    if isinstance(x.type, SlicesType):
        raise ArgumentTypeError(f"{label}: expected a tensor or a variable, got slices; take their values")
    type_ = element_type_of(gradient_type_of(x.type))
    if not is_float(type_):
        raise ArgumentTypeError(
            f"{label}: expected a floating-point dtype, got {type_}: it has no derivatives"
        )
    return x


def _dense(gradient: Tensor | IndexedSlices) -> Tensor:
    return Densify.of(gradient.tensor) if isinstance(gradient, IndexedSlices) else gradient


def _vector(value: object, like: Tensor, label: str) -> Tensor:
    vector = as_tensor(value, label, like.dtype)
    if not compatible_types(vector.type, like.type):
        raise GraphError(f"{label} has type {vector.type}, expected that of xs{label[1:]}: {like.type}")
    return vector
