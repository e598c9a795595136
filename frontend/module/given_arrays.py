"""Arrays for a function of a module, by name or by position, checked against the types of its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from xdsl.dialects.builtin import ShapedType
from xdsl.ir import Attribute

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.tensor.arrays import Array
from pullback.dialects.graph.tensor.conversions import true_as_one
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, compatible_shapes
from pullback.frontend.operands.step_parameter import StepParameter
from pullback.process.close_matches import get_close_matches

Given: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Arrays, numbers or lists of numbers: one for each argument in order, or by the names of arguments."""


def given_arrays(
    given: object, types: Mapping[str, Attribute], kind: str, *, may_be_missing: bool = False
) -> dict[str, Array]:
    """The arrays in the order of the arguments, each of its argument's dtype and of a shape that fits.

    Args:
        given: see `Given`.
        types: the tensor or memref type of each name.
        kind: what they are called in messages: "input", "variable".
        may_be_missing: whether some may be left out.

    Raises:
        ArgumentTypeError: for what is no array of the dtype.
        GraphError: for a name that is unknown or missing, a wrong number of arrays, or a shape that does not fit.
    """
    named = _named(given, types, kind)
    missing = [f"{name} ({types[name]})" for name in types if name not in named]
    if missing and not may_be_missing:
        raise GraphError(f"{kind}s are missing: {', '.join(missing)}")
    return {
        name: _array(named[name], f"{kind} '{name}'", name, types[name]) for name in types if name in named
    }


def _named(given: object, types: Mapping[str, Attribute], kind: str) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        for name in given:  # pyright: ignore[reportUnknownVariableType]
            if name not in types:
                near = get_close_matches(str(name), types, n=1)
                known = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(types) or 'none'}"
                raise GraphError(f"{kind} {name!r} is not known: {known}")
        return given  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(given, list | tuple):
        kinds = "a list of arrays, or a dict of arrays by name"
        raise ArgumentTypeError(f"{kind}s: expected {kinds}, got {type(given).__name__}")
    if len(given) > len(types):  # pyright: ignore[reportUnknownArgumentType]
        raise GraphError(f"{kind}s: {len(given)} arrays for {len(types)} ({', '.join(types)})")  # pyright: ignore[reportUnknownArgumentType]
    return dict(zip(types, given, strict=False))  # pyright: ignore[reportUnknownArgumentType]


def _array(value: object, what: str, name: str, type_: Attribute) -> Array:
    try:
        dtype = dtype_of(type_)
    except TypeError:
        raise ArgumentTypeError(f"{what} is {type_}, which no array is a value of") from None
    array = StepParameter(name, dtype).accept(value, what)
    assert isinstance(type_, ShapedType)
    if not compatible_shapes(array.shape, tuple(type_.get_shape())):
        raise GraphError(f"{what}: expected {type_}, got an array of shape {array.shape}")
    return true_as_one(array)
