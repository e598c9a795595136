"""Gradients of functions, in reverse mode: `grad` and `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.trace.function import Function, static_of
from pullback.frontend.transforms.argument_nests import (
    Argnums,
    Chosen,
    Transformed,
    check_argnums,
    dense_gradients,
    name_of_function,
    scalar_output,
)

__all__ = ["grad", "value_and_grad"]


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, target: str = "cpu"
) -> Function:
    """A function that gives the value of `f` and its gradient: `(value, gradient)`.

    Args:
        f: a function of nests of tensors that returns one floating-point scalar.
        argnums: the position of the argument that the gradient is taken of, or several.
        has_aux: `f` returns `(value, aux)`, and the result is `((value, aux), gradient)`.
        target: what it is compiled for when it is called with arrays, as `function` does.

    Returns:
        A function of the arguments of `f`. The gradient has the form of the argument, or is a tuple of such for
        several positions. It is zeros where `f` does not depend on the argument; whatever else `f` sees is constant.

    Raises:
        ValueError: when the result is called, for an output that is no floating-point scalar, an argument that is
            not floating-point, or a position that does not exist.
    """
    what = name_of_function("value_and_grad", f)
    check_argnums(argnums, what)
    return Function(_Differentiated(f, argnums, has_aux, what), target, static_of(f))


def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, target: str = "cpu") -> Function:
    """A function that gives the gradient of `f`: `value_and_grad` without the value.

    With `has_aux` the result is `(gradient, aux)`.
    """
    what = name_of_function("grad", f)
    check_argnums(argnums, what)
    return Function(_Gradient(f, argnums, has_aux, what), target, static_of(f))


class _Differentiated(Transformed):
    """`value_and_grad` on tensors."""

    def __call__(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        f, argnums, has_aux, what = self.arguments
        chosen = Chosen.of(args, argnums, what)
        said = f(*chosen.args, **options)
        if not has_aux:
            y = scalar_output(said, what)
            return y, chosen.rebuilt(dense_gradients([y], chosen.xs))
        if not isinstance(said, tuple | list) or len(said) != 2:
            raise ArgumentTypeError(
                f"{what}: with has_aux the function must return (value, aux), got {said!r}"
            )
        y = scalar_output(said[0], what)
        return (y, said[1]), chosen.rebuilt(dense_gradients([y], chosen.xs))


class _Gradient(_Differentiated):
    """`grad` on tensors."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        value, gradients = super().__call__(*args, **options)
        return (gradients, value[1]) if self.arguments[2] else gradients
