"""The functions of our own math library against NumPy in a wider format, in ulps of the right result."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pullback.backends.cpu import machine
from pullback.backends.cpu.machine import has_feature
from pullback.tests.backends.cpu.native import compile_text, elementwise, print_text

WIDER = {"f32": np.float64, "f64": np.longdouble}
DTYPES: dict[str, Any] = {"f32": np.float32, "f64": np.float64}
MAX_ULP = {
    "cos": 1.5,
    "erf": 2.75,
    "erfc": 4.0,
    "exp": 0.93,
    "expm1": 1.75,
    "log": 0.83,
    "log1p": 0.83,
    "sin": 1.5,
    "tanh": 2.5,
}
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
    working = {
        "exp": random.uniform(-reach, reach, COUNT),
        "log": np.concatenate(
            [random.uniform(0, 3, COUNT // 2), np.exp(random.uniform(-80, 80, COUNT // 2))]
        ),
        "tanh": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 1.3, COUNT),
        "expm1": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 2, COUNT),
        "log1p": random.normal(size=COUNT) * 10.0 ** random.uniform(-9, 2, COUNT),
        "erf": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 0.5, COUNT),
        "erfc": random.uniform(-6, 28 if format == "f64" else 11, COUNT),
        "sin": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 7, COUNT),
        "cos": random.normal(size=COUNT) * 10.0 ** random.uniform(-6, 7, COUNT),
    }[name].astype(dtype)
    values = np.concatenate([specials(dtype), anything, working])
    return np.ascontiguousarray(values[: len(values) // 16 * 16])


def reference(name: str, x: NDArray[Any], format: str) -> NDArray[Any]:
    """The function in a wider format."""
    with np.errstate(all="ignore"):
        wide = x.astype(WIDER[format])
        exact = error_function(wide, name) if name in ("erf", "erfc") else getattr(np, name)(wide)
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
def test_functions_of_a_pair_have_the_bits_that_they_have_alone(format: str, width: int | None) -> None:
    x = inputs("sin", format)[: 64 * 200]
    one = "%one = arith.constant " + ("dense<1.0> : T" if width else "1.0 : T")
    lines = ["%a = math.sin %v : T", "%b = math.cos %v : T"]
    if width:
        lines.reverse()  # the other one comes first
    results: dict[str, NDArray[Any]] = {}
    for wanted in ("%a", "%b", "%a, %b"):
        last = f"%r = arith.mulf {wanted if ',' in wanted else wanted + ', %one'} : T"
        here = [line for line in lines if line[:2] in wanted]
        text = elementwise("\n".join([one, *here, last]), format, format, len(x), width)
        assert ("@pb.sin_cos." in print_text(text)) == (wanted == "%a, %b")
        results[wanted] = np.empty_like(x)
        compile_text(text)(x, results[wanted])
    with np.errstate(all="ignore"):
        expected = results["%a"] * results["%b"]
    np.testing.assert_array_equal(results["%a, %b"], expected)


@formats
def test_tanh_is_odd_and_at_most_one(format: str) -> None:
    x = inputs("tanh", format)
    run = compile_text(elementwise("%r = math.tanh %v : T", format, format, len(x)))
    y, z = np.empty_like(x), np.empty_like(x)
    run(x, y)
    run(-x, z)
    np.testing.assert_array_equal(z, -y)
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
def test_tanh_stays_within_1(format: str) -> None:
    x = np.linspace(0, 20, 1 << 14).astype(DTYPES[format])
    y = np.empty_like(x)
    compile_text(elementwise("%r = math.tanh %v : T", format, format, len(x)))(x, y)
    assert y.max() == 1


def test_other_float_types_are_refused() -> None:
    with pytest.raises(ValueError, match="no exp for f16, only for f32 and f64"):
        compile_text(elementwise("%r = math.exp %v : T", "f16", "f16"))


POWERS = [0.0, 1.0, 2.0, 3.0, 0.5, 1.5, 2.0**24 + 1, 2.0**30, 1e-30, 0.99, 1.01, 127.0, 88.0, np.inf, np.nan]
POW_MAX_ULP = 0.501


@pytest.mark.parametrize("format", ["f32", "f64"])
@pytest.mark.parametrize("width", [None, 16])
def test_powers_of_special_values(format: str, width: int | None) -> None:
    """The C library's of long doubles, rounded, are those of IEEE 754; NumPy's own of f64 vary with the machine."""
    signed = np.array([*POWERS, *(-p for p in POWERS), *np.linspace(-3, 3, 18)], DTYPES[format])
    x, y = (np.ascontiguousarray(g.reshape(-1)) for g in np.meshgrid(signed, signed))
    z = np.empty_like(x)
    compile_text(binary("%r = math.powf %a, %b : T", format, width, len(x)))(x, y, z)
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.longdouble), y).astype(x.dtype)
    np.testing.assert_allclose(z, expected, rtol=1.5e-7 if format == "f32" else 0, atol=0)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(z[numbers]), np.signbit(expected[numbers]))


def test_powers_of_f32_are_accurate() -> None:
    random = np.random.default_rng(11)
    x = np.exp(random.uniform(-80, 80, COUNT)).astype(np.float32)
    y = (random.uniform(-100, 100, COUNT) / np.log(x)).astype(np.float32)
    z = np.empty_like(x)
    compile_text(binary("%r = math.powf %a, %b : T", "f32", 16, COUNT))(x, y, z)
    errors = errors_in_ulp(z, np.power(x.astype(np.float64), y))
    assert errors.max() <= POW_MAX_ULP


def binary(op: str, format: str, width: int | None, count: int) -> str:
    """A module that applies `op`, on `%a` and `%b` of type T, to two arrays."""
    access, vector = ("vector", f"vector<{width}x{format}>") if width else ("memref", format)
    suffix = f", {vector}" if width else ""
    array = f"memref<{count}x{format}>"
    return f"""
func.func @main(%x: {array}, %y: {array}, %z: {array}) {{
  %zero = arith.constant 0 : index
  %count = arith.constant {count} : index
  %step = arith.constant {width or 1} : index
  scf.for %i = %zero to %count step %step {{
    %a = {access}.load %x[%i] : {array}{suffix}
    %b = {access}.load %y[%i] : {array}{suffix}
    {op.replace("T", vector)}
    {access}.store %r, %z[%i] : {array}{suffix}
  }}
  func.return
}}
"""


@pytest.mark.skipif(
    not (has_feature("avx512f") and has_feature("avx512dq")), reason="AVX-512 alone has these instructions"
)
@formats
@pytest.mark.parametrize(
    ("name", "instruction"), [("exp", "scalef"), ("log", "fixupimm"), ("log1p", "getmant")]
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
