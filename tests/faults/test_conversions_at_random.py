"""Lists of any numbers, in any dtype: each number is kept as far as the dtype's precision goes, or refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.dialects.graph.tensor.arrays import KNOWN, array_of
from pullback.dialects.graph.tensor.types import ArgumentTypeError

EDGES = [
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    2**24 + 1,
    2**31 - 1,
    2**31,
    -(2**31),
    2**63 - 1,
    2**63,
    -(2**63),
    10**40,
    10**400,
]
FLOATS = [0.0, -0.0, 0.5, 1e39, 1e-50, 65504.0, 65520.0, math.inf, math.nan, 3e38, 1e308]
DTYPES = sorted(KNOWN, key=str)


def _scalar(pair: tuple[np.dtype[Any], int]) -> Any:
    return pair[0].type(pair[1])


NUMBERS = st.one_of(
    st.booleans(),
    st.sampled_from(EDGES),
    st.sampled_from(FLOATS),
    st.sampled_from([1j, 1 + 0j, complex(1e39, 0)]),
    st.integers(),
    st.floats(),
    st.tuples(st.sampled_from(DTYPES), st.sampled_from([0, 1, 2, 100])).map(_scalar),
)


def _is_kept(given: float, found: float, dtype: np.dtype[Any]) -> bool:
    if math.isnan(given) or math.isinf(given):
        return given == found or (math.isnan(given) and math.isnan(found))
    if dtype.kind in "biu":
        return given == found
    smallest = (
        1e-37 if dtype.itemsize > 2 or dtype.kind == "V" else 6e-5
    )  # below it precision is lost bit by bit
    close = abs(given - found) <= max(abs(given) * 0.01, smallest)
    return math.isfinite(found) and close


@settings(max_examples=300, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=4), st.sampled_from([None, *DTYPES]))
def test_each_number_is_kept_or_refused(values: list[Any], dtype: np.dtype[Any] | None) -> None:
    try:
        array = array_of(values, "values", dtype)
    except ArgumentTypeError:
        return
    assert array.dtype in KNOWN and (dtype is None or array.dtype == dtype)
    for value, found in zip(values, array, strict=True):
        a, b = complex(value), complex(found)
        assert _is_kept(a.real, b.real, array.dtype) and _is_kept(a.imag, b.imag, array.dtype)
        signed = isinstance(value, float | np.floating) and array.dtype.kind not in "biu"
        assert not signed or a.real != a.real or math.copysign(1, a.real) == math.copysign(1, b.real)
