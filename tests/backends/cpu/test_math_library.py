"""exp, log and tanh against NumPy in a wider format, in ulps of the right result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pullback.tests.backends.cpu.native import compile_text, elementwise

WIDER = {"f32": np.float64, "f64": np.longdouble}
DTYPES: dict[str, Any] = {"f32": np.float32, "f64": np.float64}
MAX_ULP = {"exp": 1.011, "log": 0.83, "tanh": 2.83}
COUNT = 1 << 16

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
    working = {
        "exp": random.uniform(-reach, reach, COUNT),
        "log": np.concatenate(
            [random.uniform(0, 3, COUNT // 2), np.exp(random.uniform(-80, 80, COUNT // 2))]
        ),
        "tanh": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 1.3, COUNT),
    }[name].astype(dtype)
    values = np.concatenate([specials(dtype), anything, working])
    return np.ascontiguousarray(values[: len(values) // 16 * 16])


def reference(name: str, x: NDArray[Any], format: str) -> NDArray[Any]:
    """The function in a wider format."""
    with np.errstate(all="ignore"):
        return getattr(np, name)(x.astype(WIDER[format]))


def errors_in_ulp(got: NDArray[Any], exact: NDArray[Any]) -> NDArray[Any]:
    """|got - exact| in ulps of the exact result's neighbourhood; infinity where one of them is special."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        finite = np.isfinite(rounded) & np.isfinite(got)
        same = (got == rounded) & (np.signbit(got) == np.signbit(rounded)) | np.isnan(got) & np.isnan(rounded)
        error = np.abs(got.astype(exact.dtype) - exact) / np.spacing(np.abs(rounded))
    return np.where(same & ~finite, 0, np.where(finite, error, np.inf)).astype(np.float64)


@formats
@functions
def test_is_accurate_over_all_floats(name: str, format: str) -> None:
    x = inputs(name, format)
    run = compile_text(elementwise(f"%r = math.{name} %v : T", format, format, len(x)))
    y = np.empty_like(x)
    run(x, y)
    errors = errors_in_ulp(y, reference(name, x, format))
    worst = int(errors.argmax())
    assert errors[worst] <= MAX_ULP[name], f"{errors[worst]:.2f} ulp: {name}({x[worst]!r}) gave {y[worst]!r}"


@formats
@functions
@pytest.mark.parametrize("width", [None, 1, 3, 4, 8, 32])
def test_every_width_gives_the_same_bits(name: str, format: str, width: int | None) -> None:
    x = inputs(name, format)[: 96 * 10]
    y, z = np.empty_like(x), np.empty_like(x)
    op = f"%r = math.{name} %v : T"
    compile_text(elementwise(op, format, format, len(x)))(x, y)
    compile_text(elementwise(op, format, format, len(x), width))(x, z)
    np.testing.assert_array_equal(y, z)
    np.testing.assert_array_equal(np.signbit(y), np.signbit(z))


@formats
def test_special_values(format: str) -> None:
    inf, nan = np.inf, np.nan
    cases = {
        "exp": [(0.0, 1), (-0.0, 1), (inf, inf), (-inf, 0), (1e4, inf), (-1e4, 0)],
        "log": [(0.0, -inf), (-0.0, -inf), (1.0, 0), (inf, inf), (-1.0, nan), (-inf, nan)],
        "tanh": [(0.0, 0.0), (-0.0, -0.0), (inf, 1), (-inf, -1), (30.0, 1), (-30.0, -1)],
    }
    for name, table in cases.items():
        x = np.array([*(pair[0] for pair in table), nan], DTYPES[format])
        y = np.empty_like(x)
        compile_text(elementwise(f"%r = math.{name} %v : T", format, format, len(x), None))(x, y)
        expected = np.array([*(pair[1] for pair in table), nan], DTYPES[format])
        np.testing.assert_array_equal(y, expected, err_msg=name)
        np.testing.assert_array_equal(np.signbit(y[:-1]), np.signbit(expected[:-1]), err_msg=name)


@formats
def test_tanh_stays_within_1(format: str) -> None:
    x = np.linspace(0, 20, 1 << 14).astype(DTYPES[format])
    y = np.empty_like(x)
    compile_text(elementwise("%r = math.tanh %v : T", format, format, len(x)))(x, y)
    assert y.max() == 1


def test_other_float_types_are_refused() -> None:
    with pytest.raises(ValueError, match="no exp for f16, only for f32 and f64"):
        compile_text(elementwise("%r = math.exp %v : T", "f16", "f16"))
