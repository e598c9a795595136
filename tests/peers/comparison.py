"""Comparison with other libraries: results, and gradients of first and second order.

A function of arrays becomes a number: the sum of its results, weighted with `weights`. Its gradients, weighted in turn,
make a second number, whose gradients are those of second order. Gradients of complex numbers are conjugated as
TensorFlow's and PyTorch's are; `tests/peers/test_jax.py` conjugates JAX's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import pullback as pb

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Compared:
    """The results of a function, its gradients, and those of second order: for each argument one."""

    results: list[Array]
    gradients: list[Array]
    second: list[Array]


def listed(results: Any) -> list[Any]:
    """One result or several, as a list."""
    return list(results) if isinstance(results, list | tuple) else [results]


def weights(shape: Sequence[int], dtype: Any) -> Array:
    """Numbers that make every element count in a way of its own."""
    numbers = np.cos(1.3 * np.arange(int(np.prod(shape)))).reshape(shape)
    if np.dtype(dtype).kind == "c":
        numbers = numbers + 0.5j * np.sqrt(np.abs(numbers))
    return np.asarray(numbers, dtype)


def ours(function: Callable[..., Any], arguments: Sequence[Array]) -> Compared:
    """The comparison's side of Pullback."""

    def gradients(values: Sequence[pb.Tensor], xs: Sequence[pb.Tensor]) -> list[pb.Tensor]:
        weighted = [
            pb.real(pb.conj(weights(v.extents, pb_dtype(v))) * v) for v in values if pb_dtype(v).kind in "fc"
        ]
        return pb.gradients(weighted, xs, unconnected_gradients="zero")

    with pb.Graph():
        xs = [pb.placeholder(a.dtype, a.shape) for a in arguments]
        results = listed(function(*xs))
        first = gradients(results, xs)
        computed = [results, first, gradients(first, xs)]
        return Compared(*pb.run(computed, dict(zip(xs, arguments, strict=True))))


def pb_dtype(x: pb.Tensor) -> np.dtype[Any]:
    """The NumPy dtype of a tensor of 64-bit numbers."""
    return np.dtype({"f64": "f8", "complex<f64>": "c16", "i64": "i8", "i32": "i4", "i1": "?"}[x.dtype])


def assert_same(found: Compared, expected: Compared) -> None:
    """Equal but for rounding, in the order in which a mistake shows."""
    for what in ("results", "gradients", "second"):
        pairs = zip(getattr(found, what), getattr(expected, what), strict=True)
        for one, other in pairs:
            scale = max(1.0, float(np.max(np.abs(other), initial=0)))
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * scale, err_msg=what)
