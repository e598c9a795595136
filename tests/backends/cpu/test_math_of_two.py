"""The functions of two numbers of our own math library: powers, angles and remainders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pullback.tests.backends.cpu.math_functions import COUNT, DTYPES, WIDER, errors_in_ulp, formats, specials
from pullback.tests.backends.cpu.native import binary, compile_text

POWERS = [0.0, 1.0, 2.0, 3.0, 0.5, 1.5, 2.0**24 + 1, 2.0**30, 1e-30, 0.99, 1.01, 127.0, 88.0, np.inf, np.nan]
POW_MAX_ULP = {"f32": 0.501, "f64": 0.9}


@pytest.mark.parametrize("format", ["f32", "f64"])
@pytest.mark.parametrize("width", [None, 16])
def test_powers_of_special_values(format: str, width: int | None) -> None:
    """The C library's of long doubles, rounded, are those of IEEE 754; NumPy's own of f64 vary with the machine."""
    signed = np.array([*POWERS, *(-p for p in POWERS), *np.linspace(-3, 3, 18)], DTYPES[format])
    x, y = (np.ascontiguousarray(g.reshape(-1)) for g in np.meshgrid(signed, signed))
    z = np.empty_like(x)
    compile_text(binary("%r = math.powf %a, %b : T", format, format, width, len(x)))(x, y, z)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y)
    errors = errors_in_ulp(z, exact)
    worst = int(errors.argmax())
    assert errors[worst] <= POW_MAX_ULP[format], f"{x[worst]!r} to {y[worst]!r} gave {z[worst]!r}"


@formats
def test_powers_are_accurate(format: str) -> None:
    """Of any size, and of bases next to 1 to large exponents."""
    random = np.random.default_rng(11)
    reach = 80 if format == "f32" else 700
    x = np.exp(
        np.where(
            random.random(COUNT) < 0.5, random.uniform(-reach, reach, COUNT), random.normal(size=COUNT) * 0.1
        )
    )
    x = x.astype(DTYPES[format])
    x[x == 1] = 2
    y = (random.uniform(-1.04, 1.01, COUNT) * np.log(np.finfo(x.dtype).max) / np.log(x)).astype(x.dtype)
    z = np.empty_like(x)
    compile_text(binary("%r = math.powf %a, %b : T", format, format, 16, COUNT))(x, y, z)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(WIDER[format]), y.astype(WIDER[format]))
    errors = errors_in_ulp(z, exact)
    worst = int(errors.argmax())
    assert errors[worst] <= POW_MAX_ULP[format], f"{x[worst]!r} to {y[worst]!r} gave {z[worst]!r}"


@pytest.mark.parametrize("format", ["f32", "f64"])
def test_powers_that_are_floats_are_exact(format: str) -> None:
    x, y = (np.ravel(g).astype(DTYPES[format]) for g in np.meshgrid(np.arange(1, 257), np.arange(64)))
    z = np.empty_like(x)
    compile_text(binary("%r = math.powf %a, %b : T", format, format, 16, len(x)))(x, y, z)
    count = 0
    for base, exponent, got in zip(x, y, z, strict=True):
        power = int(base) ** int(exponent)
        if power < int(np.finfo(x.dtype).max) and int(x.dtype.type(power)) == power:
            assert int(got) == power
            count += 1
    assert count > 1000


widths = pytest.mark.parametrize("width", [None, 16])


def applied(op: str, x: NDArray[Any], y: NDArray[Any], format: str, width: int | None) -> NDArray[Any]:
    """The results of a function of two arrays, computed `width` elements at a time."""
    z = np.empty_like(x)
    compile_text(binary(f"%r = {op} %a, %b : T", format, format, width, len(x)))(x, y, z)
    return z


def pairs_of_specials(format: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Each special value with each, of which there are a multiple of 16."""
    values = specials(DTYPES[format])
    x, y = (g.reshape(-1) for g in np.meshgrid(values, values))
    count = len(x) // 16 * 16
    return np.ascontiguousarray(x[:count]), np.ascontiguousarray(y[:count])


ATAN2_MAX_ULP = 1.8


@formats
@widths
def test_angles(format: str, width: int | None) -> None:
    random = np.random.default_rng(5)
    a, b = random.normal(size=(2, COUNT)) * 10.0 ** random.uniform(-4, 4, (2, COUNT))
    for y, x in [pairs_of_specials(format), (a.astype(DTYPES[format]), b.astype(DTYPES[format]))]:
        z = applied("math.atan2", y, x, format, width)
        errors = errors_in_ulp(z, np.arctan2(y.astype(WIDER[format]), x))
        worst = int(errors.argmax())
        assert errors[worst] <= ATAN2_MAX_ULP, f"atan2({y[worst]!r}, {x[worst]!r}) gave {z[worst]!r}"


@formats
@widths
def test_remainders_are_exact(format: str, width: int | None) -> None:
    random = np.random.default_rng(6)
    dtype = DTYPES[format]
    a, b = random.normal(size=(2, COUNT)) * 10.0 ** random.uniform(-5, 5, (2, COUNT))
    near = np.round(a).astype(dtype) * b.astype(dtype)
    cases = [pairs_of_specials(format), (a.astype(dtype), b.astype(dtype)), (near, b.astype(dtype))]
    bits = random.integers(0, 2 ** (8 * np.dtype(dtype).itemsize), (2, COUNT), dtype=np.uint64)
    cases.append(tuple(bits.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)))
    for x, y in cases:
        z = applied("arith.remf", x, y, format, width)
        with np.errstate(all="ignore"):
            expected = np.fmod(x, y)
        np.testing.assert_array_equal(z, expected)
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(z[numbers]), np.signbit(expected[numbers]))
