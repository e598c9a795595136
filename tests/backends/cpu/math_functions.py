"""The functions of our own math library, what their errors may be, and NumPy's results in a wider format."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

WIDER = {"f32": np.float64, "f64": np.longdouble}
DTYPES: dict[str, Any] = {"f32": np.float32, "f64": np.float64}
MAX_ULP = {
    "acos": 1.2,
    "acosh": 2.1,
    "asin": 1.7,
    "asinh": 1.9,
    "atan": 1.3,
    "atanh": 2.1,
    "cos": 1.5,
    "cosh": 1.3,
    "erf": 2.0,
    "erfc": 4.0,
    "exp": 0.93,
    "exp2": 0.93,
    "expm1": 1.75,
    "log": 0.83,
    "log10": 1.0,
    "log1p": 0.83,
    "log2": 1.0,
    "sin": 1.5,
    "sinh": 1.8,
    "tan": 3.0,
    "tanh": 2.5,
}
INVERSES = ("acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh")
"""Functions that NumPy calls by longer names."""
COUNT = 1 << 16
PI_REST = np.longdouble(1.2246467991473531772e-16)
"""pi less its nearest f64."""

needs_wider_than_f64 = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= 52, reason="no format wider than f64 to compare with"
)
formats = pytest.mark.parametrize("format", ["f32", pytest.param("f64", marks=needs_wider_than_f64)])
functions = pytest.mark.parametrize("name", MAX_ULP)


def specials(dtype: Any) -> NDArray[Any]:
    """Zeros, infinities, NaN, denormals, the edges of the range, and values around 1; of both signs."""
    info = np.finfo(dtype)
    tiny, smallest = info.smallest_normal, info.smallest_subnormal
    edges = [0, smallest, 3 * smallest, tiny, tiny * 2, tiny - smallest, info.max, np.inf, np.nan]
    edges += [1, 1 + info.eps, 1 - info.epsneg, 0.5, 2, np.sqrt(0.5), np.sqrt(2.0), np.log(2), np.log(2) / 2]
    # Where exp overflows, becomes denormal, and becomes zero; where tanh becomes 1.
    edges += [np.log(info.max), np.log(tiny), np.log(smallest), 9.01, 19.06, 88.72284, 709.78271]
    # Where sin and cos change sign or polynomial, and where the C library takes over; where erfc becomes zero.
    edges += [np.pi / 4, np.pi / 2, np.pi, 22, 355, 710, 1e5, 1e9, 1e22, 9.2, 10.06, 11, 26.5, 27.3, 28]
    with np.errstate(all="ignore"):
        values = np.array(edges).astype(dtype)
        near = np.concatenate([values, *(np.nextafter(values, dtype(way)) for way in (np.inf, -np.inf))])
    return np.concatenate([near, -near])


def inputs(name: str, format: str) -> NDArray[Any]:
    """Special values, floats of any bits, and values in the range where the function does its work."""
    dtype = DTYPES[format]
    random = np.random.default_rng(7)
    bits = random.integers(0, 2 ** (8 * np.dtype(dtype).itemsize), COUNT // 2, dtype=np.uint64)
    anything = bits.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)
    reach = np.log(np.finfo(dtype).max) * 1.05
    near_0 = random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 1.3, COUNT)
    of_logarithm = [random.uniform(0, 3, COUNT // 2), np.exp(random.uniform(-80, 80, COUNT // 2))]
    of_sine = random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 7, COUNT)
    within_1 = np.tanh(near_0)
    working = {
        "acos": within_1,
        "acosh": 1 + np.abs(near_0),
        "asin": within_1,
        "asinh": near_0,
        "atan": near_0,
        "atanh": within_1,
        "cosh": random.uniform(-reach, reach, COUNT),
        "exp2": random.uniform(-reach, reach, COUNT) / np.log(2),
        "log10": np.concatenate(of_logarithm),
        "log2": np.concatenate(of_logarithm),
        "sinh": np.where(random.random(COUNT) < 0.5, near_0, random.uniform(-reach, reach, COUNT)),
        "tan": of_sine,
        "exp": random.uniform(-reach, reach, COUNT),
        "log": np.concatenate(of_logarithm),
        "tanh": near_0,
        "expm1": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 2, COUNT),
        "log1p": random.normal(size=COUNT) * 10.0 ** random.uniform(-9, 2, COUNT),
        "erf": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 0.5, COUNT),
        "erfc": random.uniform(-6, 28 if format == "f64" else 11, COUNT),
        "sin": of_sine,
        "cos": of_sine,
    }[name].astype(dtype)
    values = np.concatenate([specials(dtype), anything, working])
    return np.ascontiguousarray(values[: len(values) // 16 * 16])


def reference(name: str, x: NDArray[Any], format: str) -> NDArray[Any]:
    """The function in a wider format."""
    with np.errstate(all="ignore"):
        wide = x.astype(WIDER[format])
        name_of_numpy = f"arc{name[1:]}" if name in INVERSES else name
        exact = error_function(wide, name) if name in ("erf", "erfc") else getattr(np, name_of_numpy)(wide)
    return exact.astype(wide.dtype)


def error_function(x: NDArray[Any], name: str) -> NDArray[Any]:
    """erf or erfc by formulas that lose nothing, in longdouble: NumPy has neither, SciPy not in this precision."""
    x = x.astype(np.longdouble)
    t = np.minimum(np.abs(x), 110)
    # exp(-t^2) = exp(-a^2) exp(-(t - a) (t + a)), where a^2 is exact.
    a = t.astype(np.float32).astype(np.longdouble)
    power = np.exp(-a * a) * np.exp(-(t - a) * (t + a)) / np.sqrt(np.longdouble(np.pi) + PI_REST)
    small = np.minimum(t, 2)
    term = total = 2 * small
    for n in range(1, 80):  # 2 t exp(-t^2) / sqrt(pi) times the sum of (2 t^2)^n / (1 * 3 * ... * (2 n + 1))
        term = term * (2 * small * small / (2 * n + 1))
        total = total + term
    near = total * power
    large = np.maximum(t, 2)
    fraction = large
    for n in range(160, 0, -1):  # Laplace's continued fraction
        fraction = large + np.longdouble(n) / 2 / fraction
    far = power / fraction
    erf, erfc = np.where(t < 2, near, 1 - far), np.where(t < 2, 1 - near, far)
    erf, erfc = np.copysign(erf, x), np.where(x < 0, 1 + erf, erfc)
    return np.where(np.isnan(x), x, erf if name == "erf" else erfc)


def errors_in_ulp(got: NDArray[Any], exact: NDArray[Any]) -> NDArray[Any]:
    """|got - exact| in ulps of the exact result's neighbourhood; infinity where one of them is special."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        finite = np.isfinite(rounded) & np.isfinite(got)
        same = (got == rounded) & (np.signbit(got) == np.signbit(rounded)) | np.isnan(got) & np.isnan(rounded)
        error = np.abs(got.astype(exact.dtype) - exact) / np.spacing(np.abs(rounded))
    return np.where(same & ~finite, 0, np.where(finite, error, np.inf)).astype(np.float64)
