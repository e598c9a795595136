"""The larger and the smaller of floats, and of all lanes: NaN if any is, of either sign, and -0 before 0."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests.backends.cpu.native import compile_text

SPECIAL = [np.nan, -np.nan, 0.0, -0.0, np.inf, -np.inf, 1e-42, -1e-42, 3.5, -3.5, 1e30, -1e30]


@pytest.mark.parametrize("kind", ["maximumf", "minimumf"])
@pytest.mark.parametrize("lanes", [2, 8, 16])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_all_kinds_of_numbers(dtype: str, lanes: int, kind: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.choice(np.array(SPECIAL, f"f{int(dtype[1:]) // 8}"), (200, lanes))
    x[100:] = np.where(np.isnan(x[100:]), -0.0, x[100:])
    y = np.empty(200, x.dtype)
    compile_text(f"""
func.func @main(%x: memref<200x{lanes}x{dtype}>, %y: memref<200x{dtype}>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c200 = arith.constant 200 : index
  scf.for %i = %c0 to %c200 step %c1 {{
    %v = vector.load %x[%i, %c0] : memref<200x{lanes}x{dtype}>, vector<{lanes}x{dtype}>
    %r = vector.reduction <{kind}>, %v fastmath<reassoc> : vector<{lanes}x{dtype}> into {dtype}
    memref.store %r, %y[%i] : memref<200x{dtype}>
  }}
  func.return
}}""")(x, y)
    expected = x.max(1) if kind == "maximumf" else x.min(1)
    np.testing.assert_array_equal(y, expected)
    zeros = expected == 0
    is_negative = (
        (np.signbit(x) | (x != 0)).all(1) if kind == "maximumf" else (np.signbit(x) & (x == 0)).any(1)
    )
    np.testing.assert_array_equal(np.signbit(y[zeros]), is_negative[zeros])


@pytest.mark.parametrize("kind", ["maximumf", "minimumf"])
@pytest.mark.parametrize("lanes", [1, 4, 8, 16])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_pairs_of_all_kinds_of_numbers(dtype: str, lanes: int, kind: str) -> None:
    special = np.array(SPECIAL, f"f{int(dtype[1:]) // 8}")
    x, y = (np.ascontiguousarray(a).reshape(-1, lanes) for a in np.meshgrid(special, special[:-4].repeat(2)))
    z = np.empty_like(x)
    rows = len(x)
    memory = f"memref<{rows}x{lanes}x{dtype}>"
    compile_text(f"""
func.func @main(%x: {memory}, %y: {memory}, %z: {memory}) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = arith.constant {rows} : index
  scf.for %i = %c0 to %rows step %c1 {{
    %a = vector.load %x[%i, %c0] : {memory}, vector<{lanes}x{dtype}>
    %b = vector.load %y[%i, %c0] : {memory}, vector<{lanes}x{dtype}>
    %r = arith.{kind} %a, %b : vector<{lanes}x{dtype}>
    vector.store %r, %z[%i, %c0] : {memory}, vector<{lanes}x{dtype}>
  }}
  func.return
}}""")(x, y, z)
    expected = np.maximum(x, y) if kind == "maximumf" else np.minimum(x, y)
    np.testing.assert_array_equal(z, expected)
    zeros = (x == 0) & (y == 0)
    sign = np.signbit(x) & np.signbit(y) if kind == "maximumf" else np.signbit(x) | np.signbit(y)
    np.testing.assert_array_equal(np.signbit(z[zeros]), sign[zeros])
