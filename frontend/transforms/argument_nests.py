"""Arguments and outputs of functions that are differentiated: the chosen arguments as xs, the outputs as ys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

import numpy as np

from pullback.dialects.graph.by_index.gather import Densify
from pullback.dialects.graph.elementwise.basic import Identity
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    compatible_types,
    is_float,
    is_inexact,
)
from pullback.frontend.gradients.gradients import gradients
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.axes import is_whole_number
from pullback.frontend.operands.convert import as_tensor

Argnums = int | Sequence[int]
Function = Callable[..., Any]


def name_of_function(transform: str, function: object) -> str:
    """The name of a transform of a function, for errors; `ValueError` where that is none."""
    if not callable(function):
        raise ArgumentTypeError(f"{transform}: expected a function of tensors, got {type(function).__name__}")
    return f"{transform} of '{getattr(function, '__name__', type(function).__name__)}'"


class Transformed:
    """A function made of another one: it has that one's name and signature, and is pickled with what it is made of.

    Args:
        function: of tensors.
        arguments: what else says what is made of it.
    """

    __name__: str

    def __init__(self, function: Function, *arguments: Any) -> None:
        self.arguments = (function, *arguments)
        update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Computes the transform, for tensors."""
        raise NotImplementedError(type(self).__name__)

    def __reduce__(self) -> Any:
        return type(self), self.arguments


def check_argnums(argnums: object, what: str) -> None:
    """Checks `argnums`: `ValueError` for what is not the position of an argument, or a sequence of such."""
    listed: list[Any] = list(argnums) if isinstance(argnums, list | tuple) else [argnums]
    if not listed or not all(map(is_whole_number, listed)):
        raise ArgumentTypeError(
            f"{what}: argnums: expected the position of an argument, or several, got {argnums!r}"
        )


@dataclass(frozen=True)
class Chosen:
    """The arguments with respect to which a function is differentiated.

    Attributes:
        args: all arguments, with fresh values in place of these, which nothing else uses: whatever else the function
            sees counts as constant.
        xs: those values.
        nest: how the arguments were made up: a tuple of them.
        single: whether one was chosen, and not a sequence of one.
    """

    args: list[Any]
    xs: list[Tensor]
    nest: Nest
    single: bool

    @classmethod
    def of(cls, args: Sequence[Any], argnums: Argnums, what: str) -> Chosen:
        """`ValueError` for positions that do not exist, and leaves that are not floating-point."""
        positions = _positions(argnums, len(args), what)
        nest = Nest.of(tuple(args[n] for n in positions))
        labels = nest.labels("")
        xs = [
            _separate(leaf, f"{what}: argument {_labelled(label, positions)}")
            for leaf, label in zip(nest.leaves, labels, strict=True)
        ]
        replaced = list(args)
        for n, part in zip(positions, nest.rebuilt(xs), strict=True):
            replaced[n] = part
        return cls(replaced, xs, nest, not isinstance(argnums, list | tuple | range))

    def rebuilt(self, derivatives: Iterable[object]) -> Any:
        """Rebuilds the form of the argument, or a tuple of such, from one value for each x."""
        made = self.nest.rebuilt(derivatives)
        return made[0] if self.single else made


def _positions(argnums: Argnums, count: int, what: str) -> list[int]:
    listed: list[Any] = list(argnums) if isinstance(argnums, list | tuple | range) else [argnums]
    for n in listed:
        if not -count <= n < count:
            raise GraphError(
                f"{what}: argnums: there is no argument {n}: the call has {count} positional ones"
            )
    positions = [n % count for n in listed]
    if len(set(positions)) != len(positions):
        raise GraphError(f"{what}: argnums: expected distinct positions, got {argnums!r}")
    return positions


def _labelled(label: str, positions: Sequence[int]) -> str:
    """`[1]['w']` of the chosen ones, as a place among all arguments."""
    first, rest = label[1:].split("]", 1)
    return f"{positions[int(first)]}{rest}"


def _separate(leaf: object, what: str) -> Tensor:
    tensor = as_tensor(leaf, what)
    if not is_inexact(tensor.element_type):
        raise ArgumentTypeError(
            f"{what} is {tensor.dtype}: expected a floating-point dtype; cast it, or choose others with argnums"
        )
    return Identity.of(tensor)


def scalar_output(value: object, what: str) -> Tensor:
    """Checks that a function returns one real number, and returns it as a tensor."""
    nest = Nest.of(value)
    if len(nest.leaves) != 1 or nest.rebuilt([None]) is not None:
        raise ArgumentTypeError(
            f"{what}: the function must return one scalar, got {type(value).__name__}; has_aux=True lets it return "
            "more, jacobian and vjp are for functions of several outputs"
        )
    tensor = as_tensor(value, f"{what}: the output")
    if tensor.ndim != 0 or not is_float(tensor.element_type):
        raise ArgumentTypeError(
            f"{what}: the function must return a floating-point scalar, got {tensor.type}; reduce it with sum or "
            "mean, or use jacobian or vjp"
        )
    return tensor


def output_tensors(outputs: Nest, what: str) -> list[Tensor]:
    """The leaves of a function's outputs as tensors."""
    labels = outputs.labels("the output")
    return [as_tensor(leaf, f"{what}: {label}") for leaf, label in zip(outputs.leaves, labels, strict=True)]


def dense_gradients(
    ys: Sequence[Tensor], xs: Sequence[Tensor], seeds: Sequence[Tensor] | None = None
) -> list[Tensor]:
    """The gradients of ys; zeros where there is none."""
    found = gradients(list(ys), list(xs), seeds, unconnected_gradients="zero")
    return [Densify.of(g.tensor) if isinstance(g, IndexedSlices) else g for g in found]


def vectors_like(values: object, like: Nest, tensors: Iterable[Tensor], what: str) -> list[Tensor]:
    """Tangents or cotangents: a nest of the same form, with tensors of the same dtypes and shapes.

    Numbers take the dtype. `ValueError` for anything else.
    """
    nest = Nest.of(values)
    if nest.form != like.form:
        raise ArgumentTypeError(f"{what}: expected a nest of the form {_form(like)}, got {_form(nest)}")
    made: list[Tensor] = []
    for leaf, label, tensor in zip(nest.leaves, nest.labels(what), tensors, strict=True):
        vector = as_tensor(leaf, label, tensor.dtype if isinstance(leaf, Number | np.generic) else None)
        if not compatible_types(vector.type, tensor.type):
            raise ArgumentTypeError(f"{label}: expected {tensor.type}, got {vector.type}")
        made.append(vector)
    return made


def _form(nest: Nest) -> str:
    return str(nest.form).removeprefix("PyTreeSpec(").partition(", namespace=")[0].removesuffix(")")
