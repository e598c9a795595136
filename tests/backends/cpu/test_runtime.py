"""Calls of native code: checks of arguments, messages, bound arrays, and threads."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from pullback.backends.cpu.runtime import Executable
from pullback.tests.backends.cpu.native import compile_text

ADD = """
func.func @main(%x: memref<4x8xf32>, %w: memref<4x8xf32>, %out: memref<4x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c4 step %c1 {
    %a = vector.load %x[%i, %c0] : memref<4x8xf32>, vector<8xf32>
    %b = vector.load %w[%i, %c0] : memref<4x8xf32>, vector<8xf32>
    %s = arith.addf %a, %b : vector<8xf32>
    vector.store %s, %out[%i, %c0] : memref<4x8xf32>, vector<8xf32>
  }
  func.return
}
"""


@pytest.fixture(scope="module")
def add() -> Executable:
    return compile_text(ADD)


def arrays() -> list[Any]:
    x = np.arange(32, dtype=np.float32).reshape(4, 8)
    return [x, x[::-1].copy(), np.zeros_like(x)]


def replaced(position: int, array: Any) -> list[Any]:
    result = arrays()
    result[position] = array
    return result


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def misaligned() -> Any:
    return np.zeros(4 * 8 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(4, 8)


def test_runs_on_arrays_in_place(add: Executable) -> None:
    x, w, out = arrays()
    add(x, w, out)
    np.testing.assert_array_equal(out, x + w)


WRONG: list[tuple[list[Any], type[Exception], str]] = [
    (arrays()[:2], TypeError, r"expected 3 arrays \(argument 0 \(%x\), .*\), got 2"),
    (replaced(0, [1, 2]), TypeError, r"argument 0 \(%x\): expected a NumPy array, got list"),
    (replaced(1, np.zeros((4, 8))), TypeError, r"argument 1 \(%w\): expected dtype float32, got float64"),
    (replaced(1, np.zeros((8, 4), np.float32)), ValueError, r"expected shape \(4, 8\), got \(8, 4\)"),
    (replaced(0, np.zeros((8, 4), np.float32).T), ValueError, "C-contiguous.*ascontiguousarray"),
    (replaced(0, misaligned()), ValueError, "aligned to 4 bytes"),
    (replaced(2, read_only(arrays()[2])), ValueError, r"argument 2 \(%out\).*writes.*read-only"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_arguments_are_named(
    add: Executable, call: list[Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        add(*call)


def test_read_only_inputs_are_welcome(add: Executable) -> None:
    x, w, out = arrays()
    add(read_only(x), read_only(w), out)
    np.testing.assert_array_equal(out, x + w)


def test_arrays_that_are_only_read_may_be_one(add: Executable) -> None:
    x, _, out = arrays()
    add(x, x, out)
    np.testing.assert_array_equal(out, 2 * x)


def test_an_output_may_not_be_an_input(add: Executable) -> None:
    x, w, _ = arrays()
    with pytest.raises(ValueError, match=r"argument 0 \(%x\) and argument 2 \(%out\) share memory"):
        add(x, w, x)


def test_bound_arrays_are_checked_once_and_kept_alive(add: Executable) -> None:
    x, w, out = arrays()
    with pytest.raises(ValueError, match=r"argument 1 \(%w\): expected shape"):
        add.bind({1: w[:2]})
    call = add.bind({1: w.copy()})
    call(x, out)
    np.testing.assert_array_equal(out, x + w)
    with pytest.raises(TypeError, match="expected 2 arrays"):
        call(x, w, out)
    every = call.bind({0: x, 2: out})
    out[:] = 0
    every()
    np.testing.assert_array_equal(out, x + w)


def test_a_bound_call_outlives_its_executable() -> None:
    x, w, out = arrays()
    call = compile_text(ADD).bind({1: w})
    gc.collect()
    call(x, out)
    np.testing.assert_array_equal(out, x + w)


def test_booleans_and_bytes_are_i8() -> None:
    run = compile_text("""
func.func @main(%x: memref<16xi8>, %y: memref<16xi8>) {
  %c0 = arith.constant 0 : index
  %zeros = arith.constant dense<0> : vector<16xi8>
  %v = vector.load %x[%c0] : memref<16xi8>, vector<16xi8>
  %m = arith.cmpi eq, %v, %zeros : vector<16xi8>
  %r = arith.extui %m : vector<16xi1> to vector<16xi8>
  vector.store %r, %y[%c0] : memref<16xi8>, vector<16xi8>
  func.return
}""")
    x = np.arange(16) % 3 == 0
    for dtype in (bool, np.int8, np.uint8):
        y = np.empty(16, dtype)
        run(x, y)
        np.testing.assert_array_equal(y, ~x)


def test_runs_in_several_threads_at_once(add: Executable) -> None:
    def work(seed: int) -> bool:
        random = np.random.default_rng(seed)
        x, w = (random.normal(size=(4, 8)).astype(np.float32) for _ in range(2))
        out = np.empty_like(x)
        for _ in range(200):
            add(x, w, out)
        return bool((out == x + w).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


def test_a_module_without_the_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="no function @other with a body"):
        compile_text(ADD, "other")


def test_an_entry_takes_memrefs_of_static_shape() -> None:
    with pytest.raises(ValueError, match=r"@main: expected argument 0 to be a memref of static shape"):
        compile_text("func.func @main(%x: memref<?xf32>) {\n  func.return\n}")


COPY = """
func.func @main(%x: memref<3xELEMENT>, %y: memref<3xELEMENT>) {
  memref.copy %x, %y : memref<3xELEMENT> to memref<3xELEMENT>
  func.return
}
"""


@pytest.mark.parametrize("element", ["f16", "bf16", "f32", "f64", "i8", "i16", "i32", "i64", "complex<f32>"])
def test_each_dtype_is_passed(element: str) -> None:
    """Also bf16, of which the buffer protocol knows nothing: that is checked in Python."""
    call = compile_text(COPY.replace("ELEMENT", element))
    for dtype in call.parameters[0].dtypes:
        x, y = np.arange(3).astype(dtype), np.zeros(3, dtype)
        call(x, y)
        assert x.tobytes() == y.tobytes()
    dtype = call.parameters[0].dtypes[0]
    with pytest.raises(TypeError, match="expected dtype"):
        call(np.zeros(3, dtype), np.zeros(3, "M8[s]"))
    if dtype.itemsize > 1 and element != "bf16":
        with pytest.raises(TypeError, match="expected dtype"):
            call(np.zeros(3, dtype), np.zeros(3, dtype.newbyteorder()))


def test_classes_derived_from_arrays_are_taken() -> None:
    class Derived(np.ndarray):
        pass

    call = compile_text(COPY.replace("ELEMENT", "f32"))
    y = np.zeros(3, np.float32)
    wrong: Any = bytearray(12)
    call(np.arange(3, dtype=np.float32).view(Derived), y)
    assert y.tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match=r"argument 0 \(%x\): expected a NumPy array, got bytearray"):
        call(wrong, y)


def test_arrays_are_let_go() -> None:
    """A buffer that is not released would keep an array from being resized."""
    call = compile_text(COPY.replace("ELEMENT", "f32"))
    x, y = np.zeros(3, np.float32), np.zeros(3, np.float32)
    call(x, y)
    with pytest.raises(ValueError, match="expected shape"):
        call(x, np.zeros(4, np.float32))
    x.resize(5, refcheck=False)
