"""Registers gradient functions (rules), by the name of an operation or by one of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from xdsl.ir import Operation as IROperation

from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.graph.gradient_overrides import operation_name
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.variable import Variable
from pullback.passes.gradients.rule_registry import Rule, register

__all__ = ["NoGradient", "NotDifferentiable", "RegisterGradient", "gradient_of"]


def gradient_of(op: type[IROperation] | str) -> Callable[[Rule], Rule]:
    """Decorator: the gradient function of an operation class, or of a name, see `RegisterGradient`."""
    return RegisterGradient(op if isinstance(op, str) else op.name)


class RegisterGradient:
    """Decorator: registers a gradient function under a name.

        @pb.RegisterGradient("Clipped")
        def clipped(op, dy):
            return pb.maximum(dy, -1.0)

    The function gets the operation, with its `operands` and `results`, and one gradient per result. It
    returns a tensor, slices or `None` for each operand; a single one need not be in a list. It is looked
    up when gradients are made, not before.

    Args:
        op_type: an operation (`"tanh"`, `"graph.tanh"`), or any name for `gradient_override_map`.

    Raises:
        ValueError: `op_type` is no string (it is a `TypeError` too).
        KeyError: the name has a gradient function already.
    """

    def __init__(self, op_type: str) -> None:
        if not isinstance(op_type, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(f"op_type must be a string, got {type(op_type).__name__}")
        self.op_type = operation_name(op_type)

    def __call__(self, function: Rule) -> Rule:
        register(self.op_type, _on_handles(function))
        return function


def NotDifferentiable(op_type: str) -> None:  # noqa: N802  as TensorFlow spells it
    """Declares that operations of this name are not differentiable: no gradient flows back through them.

    Raises as `RegisterGradient` does.
    """
    register(RegisterGradient(op_type).op_type, None)


NoGradient = NotDifferentiable


def _on_handles(function: Rule) -> Rule:
    """Wraps a rule that may return what users hold: slices as `IndexedSlices`, variables."""

    def unwrapped(grad: object) -> object:
        match grad:
            case IndexedSlices():
                return grad.tensor
            case Variable():
                return grad.read()
            case _:
                return grad

    @wraps(function)
    def rule(op: IROperation, *dys: Any) -> Any:
        said: Any = function(op, *dys)
        return [unwrapped(g) for g in said] if isinstance(said, list | tuple) else unwrapped(said)  # pyright: ignore[reportUnknownVariableType]

    return rule
