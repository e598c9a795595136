"""Matrices in registers, in native code and in the interpreter: transfers, outer products, rows, shuffles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.tests.backends.cpu.native import compile_text, print_text
from pullback.tests.backends.interpreter.test_loops import run

SCALARS = {"f32": np.float32, "f64": np.float64, "i32": np.int32}


def native(text: str, *buffers: np.ndarray) -> None:
    compile_text(text)(*buffers)


@pytest.fixture(params=[native, run], ids=["native", "interpreter"])
def runs(request: pytest.FixtureRequest) -> Callable[..., None]:
    return request.param


@pytest.mark.parametrize("dtype", SCALARS)
@pytest.mark.parametrize("terms", [0, 1, 5])
def test_sums_of_outer_products(runs: Callable[..., None], dtype: str, terms: int) -> None:
    """A column of one matrix by a row of another, summed up by a loop that carries the matrix, from 1 on."""
    text = f"""
func.func @main(%a: memref<3x5x1xD>, %b: memref<5x4xD>, %y: memref<6x4xD>, %first: memref<4xD>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %terms = arith.constant {terms} : index
  %pad = arith.constant {0 if dtype[0] == "i" else 0.0} : D
  %ones = arith.constant dense<{1 if dtype[0] == "i" else 1.0}> : vector<3x4xD>
  %sums = scf.for %k = %c0 to %terms step %c1 iter_args(%s = %ones) -> (vector<3x4xD>) {{
    %column = vector.transfer_read %a[%c0, %k, %c0], %pad
      {{in_bounds = [true], permutation_map = affine_map<(d0, d1, d2) -> (d0)>}} : memref<3x5x1xD>, vector<3xD>
    %row = vector.load %b[%k, %c0] : memref<5x4xD>, vector<4xD>
    %next = vector.outerproduct %column, %row, %s : vector<3xD>, vector<4xD>
    scf.yield %next : vector<3x4xD>
  }}
  vector.transfer_write %sums, %y[%c2, %c0] {{in_bounds = [true, true]}} : vector<3x4xD>, memref<6x4xD>
  %second = vector.extract %sums[1] : vector<4xD> from vector<3x4xD>
  vector.store %second, %first[%c0] : memref<4xD>, vector<4xD>
  func.return
}}""".replace("xD", f"x{dtype}").replace(": D", f": {dtype}")
    a, b = (np.arange(n, dtype=SCALARS[dtype]) - 7 for n in (15, 20))
    y, second = np.zeros((6, 4), SCALARS[dtype]), np.zeros(4, SCALARS[dtype])
    runs(text, a.reshape(3, 5, 1), b.reshape(5, 4), y, second)
    expected = 1 + a.reshape(3, 5)[:, :terms] @ b.reshape(5, 4)[:terms]
    np.testing.assert_array_equal(y, np.vstack([np.zeros((2, 4)), expected, np.zeros((1, 4))]))
    np.testing.assert_array_equal(second, expected[1])


def test_matrices_are_shuffled_and_computed_with(runs: Callable[..., None]) -> None:
    """What has no rows of its own takes the matrix as one vector."""
    text = """
func.func @main(%x: memref<4x8xf32>, %y: memref<8x4xf32>, %z: memref<4x2xf32>) {
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0.0 : f32
  %two = arith.constant dense<2.0> : vector<8x4xf32>
  %m = vector.transfer_read %x[%c0, %c0], %pad {in_bounds = [true, true]} : memref<4x8xf32>, vector<4x8xf32>
  %t = vector.transpose %m, [1, 0] : vector<4x8xf32> to vector<8x4xf32>
  %d = arith.mulf %t, %two : vector<8x4xf32>
  vector.transfer_write %d, %y[%c0, %c0] {in_bounds = [true, true]} : vector<8x4xf32>, memref<8x4xf32>
  %ends = vector.transfer_read %x[%c0, %c0], %pad
    {in_bounds = [true], permutation_map = affine_map<(d0, d1) -> (d0)>} : memref<4x8xf32>, vector<4xf32>
  %pair = vector.transfer_read %x[%c0, %c0], %pad {in_bounds = [true]} : memref<4x8xf32>, vector<2xf32>
  %zeros = arith.constant dense<0.0> : vector<4x2xf32>
  %p = vector.outerproduct %ends, %pair, %zeros : vector<4xf32>, vector<2xf32>
  vector.transfer_write %p, %z[%c0, %c0] {in_bounds = [true, true]} : vector<4x2xf32>, memref<4x2xf32>
  func.return
}"""
    x, y, z = (
        np.arange(32, dtype=np.float32).reshape(4, 8) + 1,
        np.zeros((8, 4), "f4"),
        np.zeros((4, 2), "f4"),
    )
    runs(text, x, y, z)
    np.testing.assert_array_equal(y, 2 * x.T)
    np.testing.assert_array_equal(z, np.outer(x[:, 0], x[0, :2]))


TRANSFER = """
func.func @main(%x: memref<4x8xf32>, %y: memref<8xf32>) {{
  %c0 = arith.constant 0 : index
  %pad = arith.constant 0.0 : f32
  %v = vector.transfer_read %x[%c0, %c0], %pad {{{properties}}} : memref<4x8xf32>, vector<{shape}xf32>
  vector.transfer_write %v, %x[%c0, %c0] {{{properties}}} : vector<{shape}xf32>, memref<4x8xf32>
  func.return
}}"""


@pytest.mark.parametrize(
    "properties", ["in_bounds = [false]", "permutation_map = affine_map<(d0, d1) -> (d1)>"]
)
def test_transfers_out_of_bounds_are_refused(properties: str) -> None:
    text = TRANSFER.format(properties=properties, shape=8)
    with pytest.raises(ValueError, match=r"'vector.transfer_read' .*in bounds along all dimensions"):
        print_text(text)
    with pytest.raises(ExecutionError, match="in bounds along all dimensions"):
        run(text, np.zeros((4, 8), np.float32), np.zeros(8, np.float32))


def test_columns_that_are_no_factor_are_refused() -> None:
    """LLVM has no load of a vector whose elements lie apart."""
    along = "in_bounds = [true], permutation_map = affine_map<(d0, d1) -> (d0)>"
    with pytest.raises(ValueError, match=r"'vector.transfer_read' .*dimension of stride 1, got dimension 0"):
        print_text(TRANSFER.format(properties=along, shape=4))


def test_the_interpreter_checks_the_ends_of_transfers() -> None:
    text = TRANSFER.format(properties="in_bounds = [true]", shape=9)
    with pytest.raises(ExecutionError, match="lanes 0 to 9 are not within an extent of 8"):
        run(text, np.zeros((4, 8), np.float32), np.zeros(8, np.float32))


def test_matrices_are_rounded_and_added_row_by_row(runs: Callable[..., None]) -> None:
    """Totals in f64, as those of long sums: each row is an instruction, from memory whose rows are far apart."""
    text = """
func.func @main(%x: memref<3x4xf32>, %totals: memref<40xf64>, %y: memref<3x4xf32>, %at: memref<1xindex>) {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : f32
  %wide = arith.constant 0.0 : f64
  %first = memref.load %at[%c0] : memref<1xindex>
  %view = memref.reinterpret_cast %totals to offset: [%first], sizes: [3, 4], strides: [10, 1]
    : memref<40xf64> to memref<3x4xf64, strided<[10, 1], offset: ?>>
  %m = vector.transfer_read %x[%c0, %c0], %none {in_bounds = [true, true]} : memref<3x4xf32>, vector<3x4xf32>
  %t = vector.transfer_read %view[%c0, %c0], %wide {in_bounds = [true, true]}
    : memref<3x4xf64, strided<[10, 1], offset: ?>>, vector<3x4xf64>
  %m64 = arith.extf %m : vector<3x4xf32> to vector<3x4xf64>
  %sum = arith.addf %t, %m64 : vector<3x4xf64>
  vector.transfer_write %sum, %view[%c0, %c0] {in_bounds = [true, true]}
    : vector<3x4xf64>, memref<3x4xf64, strided<[10, 1], offset: ?>>
  %rounded = arith.truncf %sum : vector<3x4xf64> to vector<3x4xf32>
  vector.transfer_write %rounded, %y[%c0, %c0] {in_bounds = [true, true]} : vector<3x4xf32>, memref<3x4xf32>
  func.return
}"""
    x, totals = np.arange(12, dtype=np.float32).reshape(3, 4) / 3, np.arange(40) / 7
    y, expected = np.zeros((3, 4), np.float32), totals.copy()
    for row in range(3):
        expected[5 + 10 * row :][:4] += x[row]
    runs(text, x, totals, y, np.array([5], np.int64))
    np.testing.assert_array_equal(totals, expected)
    rows = [expected[5 + 10 * row :][:4] for row in range(3)]
    np.testing.assert_array_equal(y, np.array(rows).astype(np.float32))


def test_elementwise_operations_on_matrices_make_no_long_vectors() -> None:
    text = print_text("""
func.func @main(%x: memref<3x4xf64>, %y: memref<3x4xf32>) {
  %c0 = arith.constant 0 : index
  %none = arith.constant 0.0 : f64
  %m = vector.transfer_read %x[%c0, %c0], %none {in_bounds = [true, true]} : memref<3x4xf64>, vector<3x4xf64>
  %s = arith.addf %m, %m : vector<3x4xf64>
  %r = arith.truncf %s : vector<3x4xf64> to vector<3x4xf32>
  vector.transfer_write %r, %y[%c0, %c0] {in_bounds = [true, true]} : vector<3x4xf32>, memref<3x4xf32>
  func.return
}""")
    assert text.count("fadd <4 x double>") == text.count("fptrunc <4 x double>") == 3
    assert "<12 x" not in text
