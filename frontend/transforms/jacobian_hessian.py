"""Matrices of derivatives of functions: `jacobian` and `hessian`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, is_float
from pullback.frontend.gradients.jacobians import jacobians
from pullback.frontend.graph.graph import current_graph
from pullback.frontend.nests.nest import Nest
from pullback.frontend.trace.function import Function, static_of
from pullback.frontend.transforms.argument_nests import (
    Argnums,
    Chosen,
    Transformed,
    check_argnums,
    name_of_function,
    output_tensors,
)
from pullback.passes.gradients.emitter import GradientOptions

__all__ = ["hessian", "jacobian"]


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, target: str = "cpu") -> Function:
    """A function that gives the jacobian of `f`: all derivatives of its outputs by an argument.

    Each output is differentiated in one loop over its elements, so the graph does not grow with their number.

    Args:
        f: a function of nests of tensors, of floating-point outputs.
        argnums: the position of the argument to differentiate by, or several.
        target: what it is compiled for when it is called with arrays, as `function` does.

    Returns:
        A function of the arguments of `f`. The result has the form of its outputs, and in place of each output y the
        form of the argument (a tuple of such for several), and in place of each of its leaves x an array of shape
        y.shape + x.shape: zeros where y does not depend on x.

    Raises:
        ValueError: when the result is called, for outputs or arguments that are not real floating-point, and where a
            result would have more than eight dims.
    """
    what = name_of_function("jacobian", f)
    check_argnums(argnums, what)
    return Function(_Derivatives(f, argnums, what), target, static_of(f))


def hessian(f: Callable[..., Any], argnums: Argnums = 0, target: str = "cpu") -> Function:
    """A function that gives the Hessian of `f`, all second derivatives by an argument: `jacobian` of `jacobian`.

    The result has the form of the outputs, then twice that of the argument. For a function of one array x to a
    scalar it is an array of shape x.shape + x.shape.
    """
    what = name_of_function("hessian", f)
    check_argnums(argnums, what)
    return Function(_Derivatives(_Derivatives(f, argnums, what), argnums, what), target, static_of(f))


class _Derivatives(Transformed):
    """`jacobian` on tensors."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        f, argnums, what = self.arguments
        chosen = Chosen.of(args, argnums, what)
        for x in chosen.xs:
            _real(x, f"{what}: an argument")
        outputs = Nest.of(f(*chosen.args, **options))
        graph = current_graph()
        with graph.names.entered("jacobian") as scope:
            made = GradientOptions(scope.removesuffix("/"))
            rows = [
                chosen.rebuilt(jacobians(graph, _real(y, label), chosen.xs, made))
                for y, label in zip(
                    output_tensors(outputs, what), outputs.labels(f"{what}: the output"), strict=True
                )
            ]
        return outputs.rebuilt(rows)


def _real(y: Tensor, label: str) -> Tensor:
    if not is_float(y.element_type):
        raise ArgumentTypeError(
            f"{label} is {y.dtype}: expected a real floating-point dtype; cast it or leave it out, and take complex "
            "derivatives with vjp and jvp"
        )
    return y
