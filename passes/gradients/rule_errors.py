"""Checks what a gradient rule returns: one gradient or `None` per operand, of its dtype and shape."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation

from pullback.dialects.graph.tensor.location import name_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    SlicesType,
    compatible_types,
    data_type_of,
    element_type_of,
    gradient_type_of,
)
from pullback.dialects.ir.diagnostics import DiagnosticError


class GradientError(DiagnosticError, ValueError):
    """A request for gradients is invalid, or what a rule returned for it."""


class GradientTypeError(GradientError, TypeError):
    """A gradient of the wrong kind: TensorFlow raises `TypeError` here, so this is one too."""


def check_number(op: Operation, grads: Sequence[object]) -> None:
    """Checks that there is one gradient, or `None`, per operand."""
    if len(grads) != len(op.operands):
        raise GradientError(
            f"Num gradients {len(grads)} generated for op '{name_of(op)}' ({op.name}) do not match num inputs "
            f"{len(op.operands)}",
            op,
        )


def checked_gradient(op: Operation, index: int, grad: object) -> Tensor:
    """Checks that the gradient is a tensor (or slices) of its operand's dtype and shape, and returns it."""
    operand = op.operands[index].type
    if not isinstance(grad, Tensor):
        raise GradientTypeError(
            f"the gradient of '{name_of(op)}' ({op.name}) for input {index} must be a tensor or None, got "
            f"{type(grad).__name__}",
            op,
        )
    expected, got = gradient_type_of(operand), grad.type
    if isinstance(got, SlicesType):
        expected = data_type_of(operand)
        got = got.data_type
    if got is expected or compatible_types(got, expected):
        return grad
    same_kind = type(got) is type(expected) and element_type_of(got) == element_type_of(expected)
    what = "Incompatible shapes" if same_kind else "Incompatible types"
    raise GradientError(
        f"{what} between op input and calculated input gradient. Forward operation: {name_of(op)}. "
        f"Input index: {index}. Original input shape: {expected}. Calculated input gradient shape: {got}",
        op,
    )
