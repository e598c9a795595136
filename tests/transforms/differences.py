"""Derivatives by central differences, on nests of arrays: the reference of transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pullback.frontend.nests.nest import Nest

STEP = 1e-5


def moved(primals: tuple[Any, ...], tangents: tuple[Any, ...], distance: float) -> tuple[Any, ...]:
    """The primals after a step of this length along the tangents."""
    at, along = Nest.of(primals), Nest.of(tangents)
    return at.rebuilt(np.asarray(x + distance * t) for x, t in zip(at.leaves, along.leaves, strict=True))


def along(f: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> list[Any]:
    """The derivative of each output leaf of a function of arrays along the tangents."""
    ahead, behind = (Nest.of(f(*moved(primals, tangents, d))).leaves for d in (STEP, -STEP))
    return [(np.asarray(a) - np.asarray(b)) / (2 * STEP) for a, b in zip(ahead, behind, strict=True)]


def jacobian(f: Callable[[Any], Any], x: Any) -> Any:
    """All derivatives of a function from array to array: y.shape + x.shape."""
    columns = [along(f, (x,), (e.reshape(x.shape),))[0] for e in np.eye(x.size)]
    shape = np.shape(f(x))
    rows = np.stack([np.ravel(c) for c in columns], -1) if columns else np.zeros((int(np.prod(shape)), 0))
    return rows.reshape(shape + x.shape)


def inner(a: object, b: object) -> float:
    """The inner product of two nests of one form."""
    pairs = zip(Nest.of(a).leaves, Nest.of(b).leaves, strict=True)
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in pairs))


def like(rng: np.random.Generator, nest: object) -> Any:
    """Random numbers in the form of a nest."""
    apart = Nest.of(nest)
    return apart.rebuilt(np.asarray(rng.standard_normal(np.shape(leaf))) for leaf in apart.leaves)


def zeros(nest: object) -> Any:
    """Zeros in the form of a nest."""
    apart = Nest.of(nest)
    return apart.rebuilt(np.zeros(np.shape(leaf)) for leaf in apart.leaves)


def close(found: object, expected: object, tolerance: float = 1e-7) -> None:
    """Two nests have one form, and equal numbers but for rounding."""
    a, b = Nest.of(found), Nest.of(expected)
    assert a.form == b.form
    close_leaves(a.leaves, b.leaves, tolerance)


def close_leaves(found: Sequence[Any], expected: Sequence[Any], tolerance: float = 1e-7) -> None:
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)
