"""Seeds of reverse mode: the cotangents of the ys, ones or what the caller gives."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i1
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.by_index.gather import SliceValues
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.shapes import dynamic_shape
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    SlicesType,
    StackType,
    compatible_types,
    element_type_of,
    gradient_type_of,
    is_complex,
    is_float,
)
from pullback.passes.gradients.rule_errors import GradientError, GradientTypeError
from pullback.passes.gradients.slice_gradients import rows_of


def check_seeds(ys: Sequence[SSAValue], grad_ys: Sequence[Tensor | None], about: Operation | None) -> None:
    """Checks that every y is differentiable, and that every given seed has the dtype and shape of its y.

    Raises:
        GradientError: a number of seeds other than that of ys, or a shape that does not fit.
        GradientTypeError: a dtype that does not fit.
    """
    if len(grad_ys) != len(ys):
        raise GradientError(f"Passed {len(grad_ys)} grad_ys for {len(ys)} ys", about)
    for i, (y, seed) in enumerate(zip(ys, grad_ys, strict=True)):
        type_ = gradient_type_of(y.type)
        if isinstance(type_, StackType):
            raise GradientTypeError(f"ys[{i}] ('{name_of_value(y)}') is a stack: expected a tensor", about)
        if element_type_of(type_) == i1:
            raise GradientTypeError(
                f"ys[{i}] ('{name_of_value(y)}') is i1: expected a numeric tensor, truth values have no gradient",
                about,
            )
        if seed is not None:
            _check_seed(i, y, seed, about)
        elif is_complex(element_type_of(type_)):
            raise GradientTypeError(
                f"Gradients of complex tensors must set grad_ys: ys[{i}] ('{name_of_value(y)}') is "
                f"{element_type_of(type_)}, and ones would not say which part of it is meant",
                about,
            )


def _check_seed(i: int, y: SSAValue, seed: Tensor, about: Operation | None) -> None:
    expected = gradient_type_of(y.type)
    got = seed.type
    if isinstance(got, SlicesType):
        if isinstance(y.type, SlicesType):
            got = got.values_type
        else:
            expected, got = gradient_type_of(y.type), got.data_type
    if element_type_of(got) != element_type_of(expected):
        raise GradientTypeError(
            f"grad_ys[{i}] has dtype {element_type_of(got)}, expected {element_type_of(expected)} as "
            f"'{name_of_value(y)}' has",
            about,
        )
    if not compatible_types(got, expected):
        raise GradientError(
            f"grad_ys[{i}] has type {got}, expected the shape of '{name_of_value(y)}': {expected}", about
        )


def seed_of(y: SSAValue, given: Tensor | None) -> Tensor:
    """The seed of a y: what was given (its rows, for slices of slices), or ones."""
    if given is not None:
        both = isinstance(y.type, SlicesType) and isinstance(given.type, SlicesType)
        return SliceValues.of(given) if both else given
    like = rows_of(Tensor(y))
    type_ = gradient_type_of(y.type)
    shape = dynamic_shape(like)
    one = 1.0 if is_float(element_type_of(type_)) else 1
    return Fill.full(one, type_, shape[0] if shape else None)
