"""The functions of our own math library against NumPy in a wider format, in ulps of the right result."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pullback.backends.cpu import machine
from pullback.backends.cpu.machine import has_feature
from pullback.tests.backends.cpu.math_functions import (
    DTYPES,
    MAX_ULP,
    errors_in_ulp,
    formats,
    functions,
    inputs,
    reference,
)
from pullback.tests.backends.cpu.native import compile_text, elementwise, print_text


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


compiled_once = cache(compile_text)
"""What each width is compared with is compiled for the first of them."""


@formats
@functions
@pytest.mark.parametrize("width", [None, 1, 3, 4, 8, 16, 32])
def test_every_width_gives_the_same_bits(name: str, format: str, width: int | None) -> None:
    x = inputs(name, format)[: 96 * 10]
    y, z = np.empty_like(x), np.empty_like(x)
    op = f"%r = math.{name} %v : T"
    compiled_once(elementwise(op, format, format, len(x)))(x, y)
    compiled_once(elementwise(op, format, format, len(x), width))(x, z)
    np.testing.assert_array_equal(y, z)
    np.testing.assert_array_equal(np.signbit(y), np.signbit(z))


@formats
@pytest.mark.parametrize("width", [None, 16])
@pytest.mark.parametrize("pair", [("sin", "cos"), ("sinh", "cosh")])
def test_functions_of_a_pair_have_the_bits_that_they_have_alone(
    pair: tuple[str, str], format: str, width: int | None
) -> None:
    x = inputs(pair[0], format)[: 64 * 200]
    one = "%one = arith.constant " + ("dense<1.0> : T" if width else "1.0 : T")
    lines = [f"%{a} = math.{name} %v : T" for a, name in zip("ab", pair, strict=True)]
    if width:
        lines.reverse()  # the other one comes first
    results: dict[str, NDArray[Any]] = {}
    for wanted in ("%a", "%b", "%a, %b"):
        last = f"%r = arith.mulf {wanted if ',' in wanted else wanted + ', %one'} : T"
        here = [line for line in lines if line[:2] in wanted]
        text = elementwise("\n".join([one, *here, last]), format, format, len(x), width)
        assert (f"@pb.{'_'.join(pair)}." in print_text(text)) == (wanted == "%a, %b")
        results[wanted] = np.empty_like(x)
        compile_text(text)(x, results[wanted])
    with np.errstate(all="ignore"):
        expected = results["%a"] * results["%b"]
    np.testing.assert_array_equal(results["%a, %b"], expected)


@formats
def test_tanh_is_at_most_one(format: str) -> None:
    x = inputs("tanh", format)
    y = np.empty_like(x)
    compile_text(elementwise("%r = math.tanh %v : T", format, format, len(x)))(x, y)
    assert np.nanmax(np.abs(y)) == 1
    assert np.nanmin(np.abs(y[np.abs(x) >= 20])) == 1


def test_what_is_no_pair_is_called_alone() -> None:
    """A function of another value, or in another block, or twice the same one."""
    for lines in (
        "%a = math.sin %v : T\n%m = arith.negf %v : T\n%b = math.cos %m : T",
        "%a = math.sin %v : T\n%b = math.exp %v : T",
        "%a = math.sin %v : T\n%b = math.sin %v : T",
    ):
        text = print_text(elementwise(f"{lines}\n%r = arith.mulf %a, %b : T", "f32", "f32"))
        assert "extractvalue" not in text.partition("define internal")[0]


@formats
def test_special_values(format: str) -> None:
    inf, nan = np.inf, np.nan
    cases = {
        "exp": [(0.0, 1), (-0.0, 1), (inf, inf), (-inf, 0), (1e4, inf), (-1e4, 0)],
        "log": [(0.0, -inf), (-0.0, -inf), (1.0, 0), (inf, inf), (-1.0, nan), (-inf, nan)],
        "tanh": [(0.0, 0.0), (-0.0, -0.0), (inf, 1), (-inf, -1), (30.0, 1), (-30.0, -1)],
        "expm1": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -1), (1e4, inf), (-1e4, -1)],
        "log1p": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-1.0, -inf), (-2.0, nan), (-inf, nan)],
        "erf": [(0.0, 0.0), (-0.0, -0.0), (inf, 1), (-inf, -1), (30.0, 1), (-30.0, -1)],
        "erfc": [(0.0, 1), (-0.0, 1), (inf, 0), (-inf, 2), (40.0, 0), (-40.0, 2)],
        "sin": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan)],
        "cos": [(0.0, 1), (-0.0, 1), (inf, nan), (-inf, nan)],
        "acos": [(1.0, 0.0), (1.5, nan), (-1.5, nan), (inf, nan), (-inf, nan)],
        "acosh": [(1.0, 0.0), (0.5, nan), (0.0, nan), (-2.0, nan), (-1e30, nan), (inf, inf), (-inf, nan)],
        "asin": [(0.0, 0.0), (-0.0, -0.0), (1.5, nan), (-1.5, nan), (inf, nan), (-inf, nan)],
        "asinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf)],
        "atan": [(0.0, 0.0), (-0.0, -0.0)],
        "atanh": [(0.0, 0.0), (-0.0, -0.0), (1.0, inf), (-1.0, -inf), (1.5, nan), (inf, nan), (-inf, nan)],
        "cosh": [(0.0, 1), (-0.0, 1), (inf, inf), (-inf, inf), (1e4, inf), (-1e4, inf)],
        "exp2": [(0.0, 1), (-0.0, 1), (inf, inf), (-inf, 0), (1e4, inf), (-1e4, 0)],
        "log10": [(0.0, -inf), (-0.0, -inf), (1.0, 0), (inf, inf), (-1.0, nan), (-inf, nan)],
        "log2": [(0.0, -inf), (-0.0, -inf), (1.0, 0), (inf, inf), (-1.0, nan), (-inf, nan)],
        "sinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (1e4, inf), (-1e4, -inf)],
        "tan": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan)],
    }
    for name, table in cases.items():
        x = np.array([*(pair[0] for pair in table), nan], DTYPES[format])
        y = np.empty_like(x)
        compile_text(elementwise(f"%r = math.{name} %v : T", format, format, len(x), None))(x, y)
        expected = np.array([*(pair[1] for pair in table), nan], DTYPES[format])
        np.testing.assert_array_equal(y, expected, err_msg=name)
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(y[numbers]), np.signbit(expected[numbers]), err_msg=name)


@formats
def test_powers_of_two_and_ten_are_exact(format: str) -> None:
    dtype = DTYPES[format]
    info = np.finfo(dtype)
    # Of ten as far as they are floats.
    cases = {
        2: (info.minexp - info.nmant, info.maxexp, "exp2", "log2"),
        10: (0, 11 if format == "f32" else 23, None, "log10"),
    }
    for base, (first, end, power, logarithm) in cases.items():
        n = np.arange(first, end).astype(dtype)
        powers = np.array([float(base) ** int(e) for e in n], dtype)
        for name, x, y in [(power, n, powers), (logarithm, powers, n)]:
            if name is not None:
                got = np.empty_like(x)
                compile_text(elementwise(f"%r = math.{name} %v : T", format, format, len(x), None))(x, got)
                np.testing.assert_array_equal(got, y, err_msg=name)


@formats
@pytest.mark.parametrize("name", ["asin", "asinh", "atan", "atanh", "sinh", "tan", "tanh"])
def test_odd_functions_are_odd_to_the_bit(name: str, format: str) -> None:
    x = inputs(name, format)
    run = compile_text(elementwise(f"%r = math.{name} %v : T", format, format, len(x)))
    y, z = np.empty_like(x), np.empty_like(x)
    run(x, y)
    run(-x, z)
    np.testing.assert_array_equal(z, -y)


@formats
def test_tanh_stays_within_1(format: str) -> None:
    x = np.linspace(0, 20, 1 << 14).astype(DTYPES[format])
    y = np.empty_like(x)
    compile_text(elementwise("%r = math.tanh %v : T", format, format, len(x)))(x, y)
    assert y.max() == 1


def test_other_float_types_are_refused() -> None:
    with pytest.raises(ValueError, match="no exp for f16, only for f32 and f64"):
        compile_text(elementwise("%r = math.exp %v : T", "f16", "f16"))


@pytest.mark.skipif(
    not (has_feature("avx512f") and has_feature("avx512dq")), reason="AVX-512 alone has these instructions"
)
@formats
@pytest.mark.parametrize(
    ("name", "instruction"),
    [
        ("exp", "scalef"),
        ("exp2", "scalef"),
        ("sinh", "scalef"),
        ("log", "fixupimm"),
        ("log10", "fixupimm"),
        ("log1p", "getmant"),
    ],
)
def test_instructions_of_avx512_give_the_same_bits(
    name: str, instruction: str, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = inputs(name, format)
    y, z = np.empty_like(x), np.empty_like(x)
    text = elementwise(f"%r = math.{name} %v : T", format, format, len(x), 16 if format == "f32" else 8)
    assert instruction in print_text(text)
    compile_text(text)(x, y)
    monkeypatch.setattr(machine, "has_feature", lambda _: False)
    assert instruction not in print_text(text)
    compile_text(text)(x, z)
    np.testing.assert_array_equal(y, z)
    np.testing.assert_array_equal(np.signbit(y), np.signbit(z))


@pytest.mark.skipif(
    not has_feature("avx2"), reason="AVX2 has the instruction that permutes halves of a table"
)
@pytest.mark.parametrize("width", [3, 8, 16, 32])
def test_a_table_in_two_registers_gives_the_same_bits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = inputs("exp", "f32")[: 96 * 300]
    y, z = np.empty_like(x), np.empty_like(x)
    monkeypatch.setattr(machine, "has_feature", lambda name: name == "avx2")
    text = elementwise("%r = math.exp %v : T", "f32", "f32", len(x), width)
    assert "avx2.permps" in print_text(text)
    compile_text(text)(x, y)
    monkeypatch.setattr(machine, "has_feature", lambda _: False)
    assert "internal constant" in print_text(text)
    compile_text(text)(x, z)
    np.testing.assert_array_equal(y, z)
