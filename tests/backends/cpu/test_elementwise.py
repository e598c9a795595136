"""Each scalar operation of level `loops`, on scalars and vectors, against NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pullback.tests.backends.cpu import native
from pullback.tests.backends.cpu.native import compile_text

COUNT = 48
Array = NDArray[Any]
widths = pytest.mark.parametrize("width", [None, 16])


binary = partial(native.binary, count=COUNT)


def integers(dtype: str, avoid_zero: bool = False) -> tuple[Array, Array]:
    """Small and extreme integers of both signs."""
    random = np.random.default_rng(3)
    info = np.iinfo(dtype)
    x = random.integers(-100, 100, COUNT).astype(dtype)
    y = random.integers(-9, 10, COUNT).astype(dtype)
    x[:4] = [info.max, info.min + 1, 0, -1]
    if avoid_zero:
        y[y == 0] = 3
    return x, y


FLOATS: dict[str, Callable[[Array, Array], Array]] = {
    "arith.addf": np.add,
    "arith.subf": np.subtract,
    "arith.mulf": np.multiply,
    "arith.divf": np.divide,
    "arith.remf": np.fmod,
    "arith.maximumf": np.maximum,
    "arith.minimumf": np.minimum,
    "arith.maxnumf": np.fmax,
    "arith.minnumf": np.fmin,
    "math.copysign": np.copysign,
}


@widths
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("op", FLOATS)
def test_floats(op: str, dtype: str, width: int | None) -> None:
    random = np.random.default_rng(5)
    x = random.normal(size=COUNT).astype(f"float{dtype[1:]}")
    y = random.normal(size=COUNT).astype(x.dtype)
    x[:6] = [np.nan, 1, np.inf, -np.inf, 0, 5]
    y[:6] = [1, np.nan, 2, 3, 1, np.inf]
    z = np.empty_like(x)
    compile_text(binary(f"%r = {op} %a, %b : T", dtype, dtype, width))(x, y, z)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(z, FLOATS[op](x, y))


INTEGERS: dict[str, Callable[[Array, Array], Array]] = {
    "arith.addi": np.add,
    "arith.subi": np.subtract,
    "arith.muli": np.multiply,
    "arith.andi": np.bitwise_and,
    "arith.ori": np.bitwise_or,
    "arith.xori": np.bitwise_xor,
    "arith.maxsi": np.maximum,
    "arith.minsi": np.minimum,
}
DIVISIONS: dict[str, Callable[[Array, Array], Array]] = {
    "arith.floordivsi": np.floor_divide,
    "arith.ceildivsi": lambda a, b: -np.floor_divide(-a, b),
    "arith.divsi": lambda a, b: np.trunc(a.astype(float) / b).astype(a.dtype),
    "arith.remsi": np.fmod,
}
UNSIGNED: dict[str, Callable[[Array, Array], Array]] = {
    "arith.divui": np.floor_divide,
    "arith.remui": np.remainder,
    "arith.maxui": np.maximum,
    "arith.minui": np.minimum,
    "arith.ceildivui": lambda a, b: a // b + (a % b != 0),
}


@widths
@pytest.mark.parametrize("dtype", ["i8", "i32", "i64"])
@pytest.mark.parametrize("op", INTEGERS)
def test_integers(op: str, dtype: str, width: int | None) -> None:
    x, y = integers(f"int{dtype[1:]}")
    z = np.empty_like(x)
    compile_text(binary(f"%r = {op} %a, %b : T", dtype, dtype, width))(x, y, z)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(z, INTEGERS[op](x, y))


@widths
@pytest.mark.parametrize("op", DIVISIONS)
def test_signed_division(op: str, width: int | None) -> None:
    x, y = integers("int32", avoid_zero=True)
    z = np.empty_like(x)
    compile_text(binary(f"%r = {op} %a, %b : T", "i32", "i32", width))(x, y, z)
    np.testing.assert_array_equal(z, DIVISIONS[op](x, y))


@widths
@pytest.mark.parametrize("op", UNSIGNED)
def test_unsigned(op: str, width: int | None) -> None:
    x, y = (array.view(np.uint32) for array in integers("int32", avoid_zero=True))
    z = np.empty_like(x)
    compile_text(binary(f"%r = {op} %a, %b : T", "i32", "i32", width))(x, y, z)
    np.testing.assert_array_equal(z, UNSIGNED[op](x, y))


@widths
def test_shifts(width: int | None) -> None:
    x, _ = integers("int32")
    y = np.arange(COUNT, dtype=np.int32) % 31
    for op, expected in (
        ("shli", np.left_shift(x, y)),
        ("shrsi", np.right_shift(x, y)),
        ("shrui", np.right_shift(x.view(np.uint32), y.view(np.uint32)).view(np.int32)),
    ):
        z = np.empty_like(x)
        compile_text(binary(f"%r = arith.{op} %a, %b : T", "i32", "i32", width))(x, y, z)
        np.testing.assert_array_equal(z, expected, err_msg=op)


COMPARE = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


@widths
@pytest.mark.parametrize("predicate", ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"])
def test_integer_comparisons_store_booleans_as_bytes(predicate: str, width: int | None) -> None:
    x, y = integers("int32")
    z = np.empty(COUNT, bool)
    op = f"%c = arith.cmpi {predicate}, %a, %b : T\n    %r = arith.extui %c : MASK to U"
    op = op.replace("MASK", f"vector<{width}xi1>" if width else "i1")
    compile_text(binary(op, "i32", "i8", width))(x, y, z)
    if predicate[0] == "u":
        x, y = x.view(np.uint32), y.view(np.uint32)
    np.testing.assert_array_equal(z, COMPARE[predicate[-2:]](x, y))


@widths
@pytest.mark.parametrize("order", "ou")
@pytest.mark.parametrize("predicate", ["eq", "gt", "ge", "lt", "le", "ne"])
def test_float_comparisons(predicate: str, order: str, width: int | None) -> None:
    x = np.array([1, 2, np.nan, 3, np.nan, np.inf] * (COUNT // 6), np.float32)
    y = np.array([2, 2, 1, 1, np.nan, np.inf] * (COUNT // 6), np.float32)
    z = np.empty(COUNT, bool)
    mask = f"vector<{width}xi1>" if width else "i1"
    op = f"%c = arith.cmpf {order}{'ne' if predicate == 'ne' else predicate}, %a, %b : T"
    compile_text(binary(f"{op}\n    %r = arith.extui %c : {mask} to U", "f32", "i8", width))(x, y, z)
    unordered = np.isnan(x) | np.isnan(y)
    expected = COMPARE[predicate](x, y) & ~unordered | (unordered if order == "u" else False)
    np.testing.assert_array_equal(z, expected)


@widths
def test_select_takes_one_condition_or_one_per_lane(width: int | None) -> None:
    x = np.arange(COUNT, dtype=np.float32) - 20
    y = np.zeros_like(x)
    z = np.empty_like(x)
    mask = f"vector<{width}xi1>" if width else "i1"
    cond = f"{mask}, " if width else ""
    op = f"%c = arith.cmpf ogt, %a, %b : T\n    %r = arith.select %c, %a, %b : {cond}T"
    compile_text(binary(op, "f32", "f32", width))(x, y, z)
    np.testing.assert_array_equal(z, np.maximum(x, 0))
    op = "%t = arith.constant true\n    %r = arith.select %t, %b, %a : T"
    compile_text(binary(op, "f32", "f32", width))(x, y, z)
    np.testing.assert_array_equal(z, y)


UNARY: dict[str, Callable[[Array], Array]] = {
    "arith.negf": np.negative,
    "math.absf": np.abs,
    "math.ceil": np.ceil,
    "math.floor": np.floor,
    "math.trunc": np.trunc,
    "math.roundeven": np.rint,
    "math.sqrt": np.sqrt,
    "math.sin": np.sin,
    "math.cos": np.cos,
    "math.tan": np.tan,
    "math.asin": np.arcsin,
    "math.acos": np.arccos,
    "math.atan": np.arctan,
    "math.sinh": np.sinh,
    "math.cosh": np.cosh,
    "math.asinh": np.arcsinh,
    "math.acosh": np.arccosh,
    "math.atanh": np.arctanh,
    "math.cbrt": np.cbrt,
    "math.exp2": np.exp2,
    "math.expm1": np.expm1,
    "math.log1p": np.log1p,
    "math.log2": np.log2,
    "math.log10": np.log10,
    "math.erf": np.vectorize(math.erf, otypes=[np.float32]),
    "math.erfc": np.vectorize(math.erfc, otypes=[np.float32]),
}
EXACT = ("arith.negf", "math.absf", "math.ceil", "math.floor", "math.trunc", "math.roundeven", "math.sqrt")


@widths
@pytest.mark.parametrize("op", UNARY)
def test_unary(op: str, width: int | None) -> None:
    x = np.linspace(0, 9, COUNT, dtype=np.float32)
    z = np.empty_like(x)
    compile_text(binary(f"%r = {op} %a : T", "f32", "f32", width))(x, x.copy(), z)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(z, UNARY[op](x), rtol=0 if op in EXACT else 1e-6, atol=0)


@widths
@pytest.mark.parametrize("dtype", ["i32", "i64"])
def test_integer_powers(dtype: str, width: int | None) -> None:
    x = np.resize(np.array([-3, -2, -1, 0, 1, 2, 3, 46341]), COUNT).astype(f"int{dtype[1:]}")
    y = np.repeat(np.array([-3, -2, 0, 1, 2, 63]), COUNT // 6).astype(x.dtype)
    z = np.empty_like(x)
    compile_text(binary("%r = math.ipowi %a, %b : T", dtype, dtype, width))(x, y, z)
    bits = 8 * x.itemsize
    for a, b, got in zip(x.tolist(), y.tolist(), z.tolist(), strict=True):
        exact = pow(a, b) if b >= 0 else (int(1 / a**-b) if a else 0)
        assert got == (exact + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1), (a, b)


@widths
@pytest.mark.parametrize(("op", "function"), [("math.atan2", np.arctan2), ("math.powf", np.power)])
def test_functions_of_two_floats(
    op: str, function: Callable[[Array, Array], Array], width: int | None
) -> None:
    x = np.linspace(-3, 3, COUNT, dtype=np.float32)
    y = np.resize(np.array([-2, -0.5, 0, 1, 3.5], np.float32), COUNT)
    z = np.empty_like(x)
    compile_text(binary(f"%r = {op} %a, %b : T", "f32", "f32", width))(x, y, z)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(z, function(x, y), rtol=1e-6)


@widths
@pytest.mark.parametrize("op", ["isnan", "isinf", "isfinite"])
def test_classification(op: str, width: int | None) -> None:
    x = np.array([0, -1, np.nan, np.inf, -np.inf, 1e-40] * (COUNT // 6), np.float32)
    z = np.empty(COUNT, bool)
    mask = f"vector<{width}xi1>" if width else "i1"
    line = f"%c = math.{op} %a : T\n    %r = arith.extui %c : {mask} to U"
    compile_text(binary(line, "f32", "i8", width))(x, x.copy(), z)
    np.testing.assert_array_equal(z, getattr(np, op)(x))


@widths
@pytest.mark.parametrize(
    ("op", "source", "result"),
    [
        ("sitofp", "i32", "f32"),
        ("sitofp", "i64", "f64"),
        ("fptosi", "f32", "i32"),
        ("extsi", "i8", "i64"),
        ("trunci", "i64", "i32"),
        ("extf", "f32", "f64"),
        ("truncf", "f64", "f32"),
        ("index_cast", "i32", "index"),
    ],
)
def test_casts(op: str, source: str, result: str, width: int | None) -> None:
    dtypes = {
        "i8": "int8",
        "i32": "int32",
        "i64": "int64",
        "f32": "float32",
        "f64": "float64",
        "index": "int64",
    }
    x = (np.arange(COUNT) * 1.7 - 20).astype(dtypes[source])
    z = np.empty(COUNT, dtypes[result])
    compile_text(binary(f"%r = arith.{op} %a : T to U", source, result, width))(x, x.copy(), z)
    np.testing.assert_array_equal(z, x.astype(dtypes[result]))


@widths
def test_unsigned_casts(width: int | None) -> None:
    x = np.array([0, 1, 255, 200] * (COUNT // 4), np.uint8)
    z = np.empty(COUNT, np.float32)
    compile_text(binary("%r = arith.uitofp %a : T to U", "i8", "f32", width))(x, x.copy(), z)
    np.testing.assert_array_equal(z, x.astype(np.float32))
    wide = np.empty(COUNT, np.int32)
    compile_text(binary("%r = arith.extui %a : T to U", "i8", "i32", width))(x, x.copy(), wide)
    np.testing.assert_array_equal(wide, x)
