"""Powers of a few whole numbers are products: within a few ulp of the power, special values included."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import pullback as pb
from pullback.passes.simplify.folds.powers import PRODUCTS
from pullback.tests.backends.cpu.math_functions import DTYPES, WIDER, errors_in_ulp, formats, specials

NUMPY: dict[str, Any] = {"f16": np.float16, "bf16": ml_dtypes.bfloat16}
COUNT = 1 << 16
MAX_ULP = 3.0


def computed(x: Any, exponent: int, dtype: str) -> Any:
    """`x ** exponent` on the CPU, for an exponent that the compiler knows."""
    with pb.Graph():
        p = pb.placeholder(dtype, x.shape)
        step = pb.compile([p], [pb.pow(p, float(exponent))], target="cpu")
    return step(x)[0]


@formats
@pytest.mark.parametrize("exponent", PRODUCTS)
def test_products_are_accurate(exponent: int, format: str) -> None:
    dtype = DTYPES[format]
    random = np.random.default_rng(3)
    # As far as powers are finite and normal, somewhat beyond, and around 1.
    reach = np.log(np.finfo(dtype).max) / max(1.2, abs(exponent)) * 1.1
    powers = np.exp(random.uniform(-reach, reach, COUNT)) * np.sign(random.normal(size=COUNT))
    x = np.concatenate([specials(dtype), powers.astype(dtype), random.normal(size=COUNT).astype(dtype)])
    y = computed(x, exponent, format)
    wide = x.astype(WIDER[format])
    with np.errstate(all="ignore"):
        exact = wide**exponent
        # NumPy's powers of negative whole numbers lose the sign of what is 0.
        exact = np.where(x == 0, np.copysign(exact, wide if exponent % 2 else 1), exact)
    errors = errors_in_ulp(y, exact.astype(WIDER[format]))
    worst = int(errors.argmax())
    assert errors[worst] <= MAX_ULP, f"{errors[worst]:.2f} ulp: {x[worst]!r} gave {y[worst]!r}"


@pytest.mark.parametrize("exponent", PRODUCTS)
@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_short_dtypes_are_rounded_once(dtype: str, exponent: int) -> None:
    x = np.random.default_rng(4).uniform(0.5, 2, 1 << 12).astype(NUMPY[dtype])
    exact = x.astype(np.float64) ** exponent
    y = computed(x, exponent, dtype).astype(np.float64)
    spacing = 2.0 ** (np.floor(np.log2(exact)) - (10 if dtype == "f16" else 7))
    assert np.max(np.abs(y - exact) / spacing) <= 0.51
