"""Cofactors of arrays from singular values: products that leave one or two of them out.

With A = U S V^H the determinant of A is p det(S), where p = det(U) det(V^H), and the cofactors of a diagonal matrix are
products of singular values that leave one out, or two in their derivative. This works for singular matrices: it neither
divides nor regularises.
"""

from __future__ import annotations

import numpy as np

from pullback.dialects.graph.op.graph_op import Array


def decomposed(a: Array) -> tuple[Array, Array, Array, Array]:
    """Computes U, the singular values and V^H in double precision, and det(U) det(V^H), one number for each matrix.

    A matrix with infinities or NaN has no decomposition: all results are NaN then.
    """
    wide = a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)
    is_finite = np.all(np.isfinite(wide), axis=(-2, -1))[..., None, None]
    u, s, vh = np.linalg.svd(np.where(is_finite, wide, 0))
    phase = np.linalg.det(u) * np.linalg.det(vh)
    phase = (phase / np.abs(phase))[..., None, None]
    return u, s, vh, np.where(is_finite, phase, np.nan)


def rounded(x: Array, like: Array) -> Array:
    """Rounds `x` to the dtype of another array."""
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(like.dtype)


def products(s: Array) -> Array:
    """Computes for each factor along the last axis the product of the others."""
    before, after = _running(s), _running(s[..., ::-1])
    return _number(before[0] * after[0][..., ::-1], before[1] + after[1][..., ::-1])


def _running(s: Array) -> tuple[Array, Array]:
    """Computes the exclusive running products, as fractions and exponents: none over- or underflows."""
    fractions, exponents = np.frexp(s)
    product, power = np.ones(s.shape), np.zeros(s.shape, np.int64)
    for i in range(1, s.shape[-1]):
        product[..., i], shift = np.frexp(product[..., i - 1] * fractions[..., i - 1])
        power[..., i] = power[..., i - 1] + exponents[..., i - 1] + shift
    return product, power


def products_without_pairs(s: Array) -> Array:
    """Computes for each pair of factors the product of the others; 0 for a factor with itself."""
    n = s.shape[-1]
    fractions, exponents = np.frexp(s)
    (before, power), (after, power_after) = _running(s), (x[..., ::-1] for x in _running(s[..., ::-1]))
    found = np.zeros((*s.shape, n))
    between, power_between = np.ones(s.shape), np.zeros(s.shape, np.int64)
    for distance in range(1, n):
        first, second = np.arange(n - distance), np.arange(distance, n)
        if distance > 1:  # the factor that has come between
            between = between[..., : n - distance] * fractions[..., distance - 1 : n - 1]
            between, shift = np.frexp(between)
            power_between = power_between[..., : n - distance] + exponents[..., distance - 1 : n - 1] + shift
        else:
            between, power_between = between[..., : n - 1], power_between[..., : n - 1]
        product = before[..., first] * between * after[..., second]
        total = power[..., first] + power_between + power_after[..., second]
        found[..., first, second] = found[..., second, first] = _number(product, total)
    return found


def _number(fractions: Array, exponents: Array) -> Array:
    """Joins fractions and exponents to numbers; overflow gives the largest one, so that times 0 it is 0."""
    with np.errstate(over="ignore", under="ignore"):
        found = np.ldexp(fractions, np.clip(exponents, -10_000, 10_000).astype(np.int32))
    return np.minimum(found, np.finfo(found.dtype).max)
