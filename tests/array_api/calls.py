"""Calls a function of the Array API in Pullback and in array-api-strict, and compares the outcomes."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import array_api_strict as xp
import numpy as np
import numpy.typing as npt

import pullback as pb

ARRAY = type(xp.zeros(()))
"""Their class, which has no public name."""

TOLERANCES = {"float32": 2e-5, "complex64": 2e-5, "float64": 1e-11, "complex128": 1e-11}


@dataclass(frozen=True)
class Call:
    """Arguments, with NumPy's arrays and dtypes in place of each library's own."""

    arguments: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def having(self, **options: Any) -> Call:
        """The same call with these options, where it has none of their names."""
        return replace(self, options={**options, **self.options})


def functions() -> dict[str, Callable[..., Any]]:
    """Every function of the standard, and of its linear algebra, by its name there."""
    found = {name: getattr(xp.linalg, name) for name in xp.linalg.__all__}
    found |= {name: getattr(xp, name) for name in xp.__all__ if inspect.isfunction(getattr(xp, name))}
    return {name: function for name, function in found.items() if "strict" not in name}


FUNCTIONS = functions()
SHARED = sorted(FUNCTIONS.keys() & set(pb.__all__))
"""The functions that Pullback has too."""


def strict(name: str, call: Call) -> Any:
    """What the function of array-api-strict gives, as arrays of NumPy."""
    return applied_to_strict(FUNCTIONS[name], call)


def applied_to_strict(function: Callable[..., Any], call: Call) -> Any:
    """What a function gives for arrays of array-api-strict, as arrays of NumPy."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, about means of nothing
        result = function(
            *map(_for_strict, call.arguments), **{k: _for_strict(v) for k, v in call.options.items()}
        )
    return _each(result, ARRAY, lambda a: np.asarray(a._array))


def ours(name: str, call: Call, target: str = "numpy") -> Any:
    """What the function of Pullback gives on a target."""
    return applied_to_ours(getattr(pb, name), call, target)


def applied_to_ours(function: Callable[..., Any], call: Call, target: str = "numpy") -> Any:
    """What a function gives for tensors, computed on a target; arrays come in as placeholders."""
    feeds: dict[pb.Tensor, npt.NDArray[Any]] = {}

    def placed(array: npt.NDArray[Any]) -> pb.Tensor:
        tensor = pb.placeholder(array.dtype, array.shape)
        feeds[tensor] = array
        return tensor

    with pb.Graph(), np.errstate(all="ignore"):
        arguments = [_each(a, np.ndarray, placed) for a in call.arguments]
        options = {k: _each(v, np.ndarray, placed) for k, v in call.options.items()}
        result = function(*arguments, **options)
        return _each(result, pb.Tensor, lambda t: pb.run(t, feeds, target=target))


def assert_agree(found: Any, expected: Any, elements: bool = True) -> None:
    """One structure, and in it arrays of one dtype, one shape and, but for rounding, the same elements."""
    if isinstance(expected, list | tuple):
        assert isinstance(found, list | tuple) and len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_agree(one, other, elements)
    elif isinstance(expected, np.ndarray):
        assert isinstance(found, np.ndarray | np.generic)
        actual: npt.NDArray[Any] = np.asarray(found)
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        tolerance = TOLERANCES.get(expected.dtype.name, 0)
        if elements:
            np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    else:
        assert type(found) is type(expected) and found == expected


def _for_strict(argument: Any) -> Any:
    if isinstance(argument, np.dtype):
        return getattr(xp, argument.name)
    return _each(argument, np.ndarray, xp.asarray)


def _each(nest: Any, kind: type[Any], change: Callable[[Any], Any]) -> Any:
    """A nest of lists and tuples with its leaves of one kind changed."""
    if isinstance(nest, kind):
        return change(nest)
    if isinstance(nest, list | tuple):
        items: Sequence[Any] = nest
        return [_each(item, kind, change) for item in items] if any_of(items, kind) else nest
    return nest


def any_of(nest: Any, kind: type[Any]) -> bool:
    """Whether a leaf of this kind is in a nest of lists and tuples."""
    if isinstance(nest, list | tuple):
        return any(any_of(item, kind) for item in nest)
    return isinstance(nest, kind)
