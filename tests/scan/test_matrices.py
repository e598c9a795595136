"""Linear algebra of special matrices of two rows, against mpmath: values and gradients of orders 1 and 2.

They are singular, tiny, huge, or far from symmetric.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest

import pullback as pb
from pullback.tests.scan.cases import Case, scan
from pullback.tests.scan.comparison import faults
from pullback.tests.scan.points import FLOATS, dtype_of


def _square(x: pb.Tensor) -> pb.Tensor:
    return pb.reshape(x, (-1, 2, 2))


def _flat(x: pb.Tensor) -> pb.Tensor:
    return pb.reshape(x, (-1, 4))


def _det(a: Any, b: Any, c: Any, d: Any) -> Any:
    return a * d - b * c


def _inverse(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    det = _det(a, b, c, d)
    return [d / det, -b / det, -c / det, a / det]


def _singular_values(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    """Half the sum and half the difference of two lengths."""
    s, t = mpmath.hypot(a + d, b - c), mpmath.hypot(a - d, b + c)
    return [(s + t) / 2, abs(s - t) / 2]


def _eigenvalues(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    """Of the symmetric matrix with this lower triangle."""
    half = mpmath.hypot(a - d, 2 * c) / 2
    return [(a + d) / 2 - half, (a + d) / 2 + half]


def _solved(a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    p, q, r, s = _inverse(a, b, c, d)
    return [p + 2 * q, r + 2 * s]


def _right_side(x: pb.Tensor) -> pb.Tensor:
    return pb.constant(np.array([[1], [2]]), x.dtype)


CASES = {
    "det": Case(lambda x: pb.det(_square(x)), _det),
    "slogdet": Case(lambda x: pb.slogdet(_square(x))[1], lambda *xs: mpmath.log(abs(_det(*xs)))),
    "inv": Case(lambda x: _flat(pb.inv(_square(x))), _inverse, 4),
    "solve": Case(lambda x: pb.reshape(pb.solve(_square(x), _right_side(x)), (-1, 2)), _solved, 2),
    "svdvals": Case(lambda x: pb.svdvals(_square(x)), _singular_values, 2),
    "eigvalsh": Case(lambda x: pb.eigvalsh(_square(x)), _eigenvalues, 2),
    "matrix_norm": Case(lambda x: pb.matrix_norm(_square(x)), lambda *xs: mpmath.sqrt(mpmath.fsum(x * x for x in xs))),
    "trace": Case(lambda x: pb.trace(_square(x)), lambda a, b, c, d: a + d),
    "matmul": Case(
        lambda x: _flat(_square(x) @ _square(x)),
        lambda a, b, c, d: [a * a + b * c, a * b + b * d, c * a + d * c, c * b + d * d],
        4,
    ),
}  # fmt: skip
REGULAR = [(1, 0, 0, 1), (1, 2, 3, 4), (0, 1, -1, 0), (2, 1, 1, 2)]
SINGULAR = [(1, 2, 2, 4), (0, 0, 0, 0), (0, 3, 0, 0), (1, 1, 1, 1)]
NEEDS_INVERSE = ("slogdet", "inv", "solve")


@pytest.mark.matrix(4)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CASES)
def test_matrices(name: str, dtype: str) -> None:
    largest = float(ml_dtypes.finfo(dtype_of(dtype)).max)
    scales = [1.0, 2.0 ** round(np.log2(largest) / 5), 2.0 ** -round(np.log2(largest) / 5)]
    shapes = REGULAR if name in NEEDS_INVERSE else REGULAR + SINGULAR
    points = [tuple(float(v) * scale for v in row) for row in shapes for scale in scales]
    found = scan(CASES[name], dtype, "cpu", points)
    assert len(found) > 20
    assert not faults(name, dtype, found)
