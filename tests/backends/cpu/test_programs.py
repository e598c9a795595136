"""Whole programs of level `loops` against NumPy: masks, reductions, loops that carry memory, gathers, calls."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.tests.backends.cpu.native import compile_text, program


def test_softmax_with_a_masked_tail_in_an_arena() -> None:
    x = np.random.default_rng(0).normal(size=(8, 37)).astype(np.float32) * 5
    y, arena = np.empty_like(x), np.empty(8 * 37 * 4, np.int8)
    compile_text(program("softmax"))(x, y, arena)
    exact = np.exp((x - x.max(1, keepdims=True)).astype(np.float64))
    np.testing.assert_allclose(y, exact / exact.sum(1, keepdims=True), rtol=1e-6)


def test_softmax_keeps_nan_to_its_row() -> None:
    x = np.zeros((8, 37), np.float32)
    x[2, 36] = np.nan
    y, arena = np.empty_like(x), np.empty(8 * 37 * 4, np.int8)
    compile_text(program("softmax"))(x, y, arena)
    assert np.isnan(y[2]).all()
    assert not np.isnan(np.delete(y, 2, axis=0)).any()


def test_column_reduction() -> None:
    x = np.random.default_rng(1).normal(size=(31, 64)).astype(np.float64)
    y = np.empty(64)
    compile_text(program("column_sums"))(x, y)
    np.testing.assert_allclose(y, x.sum(0), rtol=1e-13)


@pytest.mark.parametrize("trips", [0, 1, 3, 100])
def test_a_while_loop_grows_a_stack_and_unwinds_it(trips: int) -> None:
    # y = x doubled `trips` times; the intermediate values are kept on a stack that doubles when it is full,
    # and are summed on the way back.
    x = np.arange(4, dtype=np.float64)
    total = np.empty(4)
    compile_text(program("stack"))(np.array([trips]), x, total)
    expected = sum((x / 2.0**k for k in range(trips)), np.zeros(4))
    np.testing.assert_allclose(total, expected, rtol=1e-15)


def test_gather_and_scatter_rows_by_index() -> None:
    table = np.random.default_rng(2).normal(size=(10, 5)).astype(np.float32)
    indices = np.array([3, 0, 9, 3, 7, 7, 1, 2], np.int32)
    column, sums = np.full(8, -1, np.float32), np.zeros(10, np.float32)
    compile_text(program("gather_rows"))(table, indices, column, sums)
    expected = table[indices, 2]
    expected[6:] = -1  # masked off
    np.testing.assert_array_equal(column, expected)
    scattered = np.zeros(10, np.float32)
    scattered[indices[:6]] = expected[:6]
    np.testing.assert_array_equal(sums, scattered)


@pytest.mark.parametrize(
    ("kind", "expected"), [("add", 136), ("mul", 0), ("minsi", 0), ("maxsi", 31), ("and", 0), ("xor", 16)]
)
def test_integer_reductions(kind: str, expected: int) -> None:
    x = np.arange(16, dtype=np.int64)
    x[1] = 31 - 15 + 1 if kind == "add" else 31
    numpy = {"add": np.sum, "mul": np.prod, "minsi": np.min, "maxsi": np.max}
    bits = {"and": np.bitwise_and, "xor": np.bitwise_xor}
    y = np.empty(1, np.int64)
    compile_text(f"""
func.func @main(%x: memref<16xi64>, %y: memref<1xi64>) {{
  %zero = arith.constant 0 : index
  %v = vector.load %x[%zero] : memref<16xi64>, vector<16xi64>
  %r = vector.reduction <{kind}>, %v : vector<16xi64> into i64
  memref.store %r, %y[%zero] : memref<1xi64>
  func.return
}}""")(x, y)
    assert y[0] == (numpy[kind](x) if kind in numpy else bits[kind].reduce(x))


@pytest.mark.parametrize("kind", ["add", "mul", "maximumf", "minimumf", "maxnumf"])
def test_float_reductions_with_an_accumulator(kind: str) -> None:
    x = np.random.default_rng(4).normal(size=16).astype(np.float32)
    x[3] = np.nan if kind in ("maximumf", "maxnumf") else x[3]
    y = np.empty(1, np.float32)
    compile_text(f"""
func.func @main(%x: memref<16xf32>, %y: memref<1xf32>) {{
  %zero = arith.constant 0 : index
  %start = arith.constant 0.25 : f32
  %v = vector.load %x[%zero] : memref<16xf32>, vector<16xf32>
  %r = vector.reduction <{kind}>, %v, %start : vector<16xf32> into f32
  memref.store %r, %y[%zero] : memref<1xf32>
  func.return
}}""")(x, y)
    together = np.append(np.float32(0.25), x)
    in_order = {"add": np.add.accumulate, "mul": np.multiply.accumulate}
    if kind in in_order:
        expected = in_order[kind](together)[-1]
    else:
        expected = {"maximumf": np.max, "minimumf": np.min, "maxnumf": np.nanmax}[kind](together)
    np.testing.assert_array_equal(y[0], expected)


def test_lanes_move_as_upstream_says() -> None:
    x = np.arange(12, dtype=np.float32)
    y = np.empty((4, 3), np.float32)
    z = np.empty(24, np.float32)
    w = np.empty(4, np.float32)
    compile_text("""
func.func @main(%x: memref<12xf32>, %y: memref<12xf32>, %z: memref<24xf32>, %w: memref<4xf32>) {
  %zero = arith.constant 0 : index
  %two = arith.constant 2 : index
  %v = vector.load %x[%zero] : memref<12xf32>, vector<12xf32>
  %m = vector.shape_cast %v : vector<12xf32> to vector<3x4xf32>
  %t = vector.transpose %m, [1, 0] : vector<3x4xf32> to vector<4x3xf32>
  %f = vector.shape_cast %t : vector<4x3xf32> to vector<12xf32>
  vector.store %f, %y[%zero] : memref<12xf32>, vector<12xf32>
  %i = vector.interleave %v, %f : vector<12xf32> -> vector<24xf32>
  vector.store %i, %z[%zero] : memref<24xf32>, vector<24xf32>
  %row = vector.extract %m[1] : vector<4xf32> from vector<3x4xf32>
  %e = vector.extract %m[%two, 3] : f32 from vector<3x4xf32>
  %r = vector.insert %e, %row[%two] : f32 into vector<4xf32>
  vector.store %r, %w[%zero] : memref<4xf32>, vector<4xf32>
  func.return
}""")(x, y.reshape(12), z, w)
    transposed = x.reshape(3, 4).T
    np.testing.assert_array_equal(y, transposed)
    np.testing.assert_array_equal(z, np.stack([x, transposed.ravel()], -1).ravel())
    np.testing.assert_array_equal(w, [4, 5, 11, 7])


@pytest.mark.parametrize("bound", [-3, 0, 1, 5, 8, 9, 2**40])
def test_dynamic_masks_are_clamped(bound: int) -> None:
    y = np.zeros(8, np.int32)
    compile_text("""
func.func @main(%n: memref<1xindex>, %y: memref<8xi32>) {
  %zero = arith.constant 0 : index
  %bound = memref.load %n[%zero] : memref<1xindex>
  %mask = vector.create_mask %bound : vector<8xi1>
  %ones = arith.constant dense<1> : vector<8xi32>
  vector.maskedstore %y[%zero], %mask, %ones : memref<8xi32>, vector<8xi1>, vector<8xi32>
  func.return
}""")(np.array([bound]), y)
    np.testing.assert_array_equal(y, np.arange(8) < bound)


def test_strided_copies_and_subviews() -> None:
    x = np.arange(48, dtype=np.int32).reshape(6, 8)
    y = np.zeros((3, 4), np.int32)
    compile_text("""
func.func @main(%x: memref<6x8xi32>, %y: memref<3x4xi32>) {
  %two = arith.constant 2 : index
  %part = memref.subview %x[%two, 3] [3, 4] [1, 1]
    : memref<6x8xi32> to memref<3x4xi32, strided<[8, 1], offset: ?>>
  memref.copy %part, %y : memref<3x4xi32, strided<[8, 1], offset: ?>> to memref<3x4xi32>
  func.return
}""")(x, y)
    np.testing.assert_array_equal(y, x[2:5, 3:7])


def test_globals_and_calls_with_results() -> None:
    y = np.empty(3, np.float32)
    compile_text("""
memref.global "private" constant @weights : memref<3xf32> = dense<[0.5, -1.0, 0.1]>
func.func private @scaled(%x: f32, %w: f32) -> f32 {
  %r = arith.mulf %x, %w : f32
  func.return %r : f32
}
func.func @main(%y: memref<3xf32>) {
  %w = memref.get_global @weights : memref<3xf32>
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %three = arith.constant 3 : index
  %two = arith.constant 2.0 : f32
  scf.parallel (%i) = (%zero) to (%three) step (%one) {
    %a = memref.load %w[%i] : memref<3xf32>
    %b = func.call @scaled(%a, %two) : (f32, f32) -> f32
    memref.store %b, %y[%i] : memref<3xf32>
    scf.reduce
  }
  func.return
}""")(y)
    np.testing.assert_array_equal(y, np.array([1, -2, 0.2], np.float32))
