"""The loop interpreter on whole functions, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse


def run(text: str, *buffers: np.ndarray, undefined: tuple[int, ...] = ()) -> None:
    module = parse(context(), text).module
    module.verify()
    interpret(module, buffers, undefined=undefined)


SOFTMAX = """
func.func private @main_kernel_0(%x: memref<5x21xf32>, %y: memref<5x21xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %rows = arith.constant 5 : index
  %main = arith.constant 16 : index
  %rest = arith.constant 5 : index
  %low = arith.constant 0xFF800000 : f32
  %lows = vector.broadcast %low : f32 to vector<8xf32>
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %tail = vector.create_mask %rest : vector<8xi1>
  scf.parallel (%r) = (%c0) to (%rows) step (%c1) {
    %m0 = scf.for %j = %c0 to %main step %c8 iter_args(%m = %lows) -> (vector<8xf32>) {
      %v = vector.load %x[%r, %j] : memref<5x21xf32>, vector<8xf32>
      %n = arith.maximumf %m, %v : vector<8xf32>
      scf.yield %n : vector<8xf32>
    }
    %vt = vector.maskedload %x[%r, %main], %tail, %lows
      : memref<5x21xf32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
    %m1 = arith.maximumf %m0, %vt : vector<8xf32>
    %max = vector.reduction <maximumf>, %m1 : vector<8xf32> into f32
    %maxes = vector.broadcast %max : f32 to vector<8xf32>
    %s0 = scf.for %j = %c0 to %main step %c8 iter_args(%s = %zeros) -> (vector<8xf32>) {
      %v = vector.load %x[%r, %j] : memref<5x21xf32>, vector<8xf32>
      %d = arith.subf %v, %maxes : vector<8xf32>
      %e = math.exp %d : vector<8xf32>
      vector.store %e, %y[%r, %j] : memref<5x21xf32>, vector<8xf32>
      %n = arith.addf %s, %e : vector<8xf32>
      scf.yield %n : vector<8xf32>
    }
    %d = arith.subf %vt, %maxes : vector<8xf32>
    %e = math.exp %d : vector<8xf32>
    vector.maskedstore %y[%r, %main], %tail, %e : memref<5x21xf32>, vector<8xi1>, vector<8xf32>
    %chosen = arith.select %tail, %e, %zeros : vector<8xi1>, vector<8xf32>
    %s1 = arith.addf %s0, %chosen : vector<8xf32>
    %sum = vector.reduction <add>, %s1 : vector<8xf32> into f32
    %last = arith.constant 21 : index
    scf.for %j = %c0 to %last step %c1 {
      %v = memref.load %y[%r, %j] : memref<5x21xf32>
      %q = arith.divf %v, %sum : f32
      memref.store %q, %y[%r, %j] : memref<5x21xf32>
    }
    scf.reduce
  }
  func.return
}
func.func @main(%x: memref<5x21xf32>, %out: memref<5x21xf32>, %arena: memref<512xi8>) {
  %offset = arith.constant 64 : index
  %y = memref.view %arena[%offset][] : memref<512xi8> to memref<5x21xf32>
  func.call @main_kernel_0(%x, %y) : (memref<5x21xf32>, memref<5x21xf32>) -> ()
  memref.copy %y, %out : memref<5x21xf32> to memref<5x21xf32>
  func.return
}
"""


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_softmax_through_the_arena() -> None:
    x = np.random.default_rng(1).standard_normal((5, 21), dtype=np.float32)
    out, arena = np.zeros_like(x), np.zeros(512, np.int8)
    run(SOFTMAX, x, out, arena, undefined=(1, 2))
    np.testing.assert_allclose(out, softmax(x), rtol=1e-6)
    np.testing.assert_array_equal(arena[64:484].view(np.float32).reshape(5, 21), out)


def test_while_with_a_stack_of_dynamic_length() -> None:
    """Halves n until 1, keeping every value on a stack that grows by doubling."""
    text = """
    func.func @main(%n : memref<i64>, %out : memref<16xi64>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %one = arith.constant 1 : i64
      %two = arith.constant 2 : i64
      %first = memref.load %n[] : memref<i64>
      %empty = memref.alloc(%c1) : memref<?x1xi64>
      %last, %count, %stack = scf.while (%v = %first, %k = %c0, %s = %empty)
          : (i64, index, memref<?x1xi64>) -> (i64, index, memref<?x1xi64>) {
        %more = arith.cmpi sgt, %v, %one : i64
        scf.condition(%more) %v, %k, %s : i64, index, memref<?x1xi64>
      } do {
      ^bb0(%v : i64, %k : index, %s : memref<?x1xi64>):
        %size = memref.dim %s, %c0 : memref<?x1xi64>
        %full = arith.cmpi eq, %k, %size : index
        %t = scf.if %full -> (memref<?x1xi64>) {
          %larger = arith.muli %size, %c2 : index
          %new = memref.alloc(%larger) : memref<?x1xi64>
          %old = memref.subview %new[0, 0] [%size, 1] [1, 1]
            : memref<?x1xi64> to memref<?x1xi64, strided<[1, 1]>>
          memref.copy %s, %old : memref<?x1xi64> to memref<?x1xi64, strided<[1, 1]>>
          memref.dealloc %s : memref<?x1xi64>
          scf.yield %new : memref<?x1xi64>
        } else {
          scf.yield %s : memref<?x1xi64>
        }
        memref.store %v, %t[%k, %c0] : memref<?x1xi64>
        %half = arith.divsi %v, %two : i64
        %next = arith.addi %k, %c1 : index
        scf.yield %half, %next, %t : i64, index, memref<?x1xi64>
      }
      scf.for %i = %c0 to %count step %c1 {
        %v = memref.load %stack[%i, %c0] : memref<?x1xi64>
        memref.store %v, %out[%i] : memref<16xi64>
      }
      memref.dealloc %stack : memref<?x1xi64>
      func.return
    }"""
    out = np.full(16, -1, np.int64)
    run(text, np.array(1000), out)
    np.testing.assert_array_equal(out[:9], [1000, 500, 250, 125, 62, 31, 15, 7, 3])
    assert (out[9:] == -1).all()


def test_gather_and_scatter() -> None:
    text = """
    func.func @main(%x : memref<6x4xf32>, %rows : memref<4xi64>, %y : memref<6x4xf32>) {
      %c0 = arith.constant 0 : index
      %c3 = arith.constant 3 : index
      %four = arith.constant dense<4> : vector<4xi64>
      %nothing = arith.constant dense<-1.0> : vector<4xf32>
      %mask = vector.create_mask %c3 : vector<4xi1>
      %r = vector.load %rows[%c0] : memref<4xi64>, vector<4xi64>
      %i = arith.muli %r, %four : vector<4xi64>
      %v = vector.gather %x[%c0, %c0] [%i], %mask, %nothing
        : memref<6x4xf32>, vector<4xi64>, vector<4xi1>, vector<4xf32> into vector<4xf32>
      %step = vector.step : vector<4xindex>
      %all = arith.constant dense<true> : vector<4xi1>
      vector.scatter %y[%c0, %c0] [%step], %all, %v
        : memref<6x4xf32>, vector<4xindex>, vector<4xi1>, vector<4xf32>
      func.return
    }"""
    x, y = np.arange(24, dtype=np.float32).reshape(6, 4), np.zeros((6, 4), np.float32)
    run(text, x, np.array([5, 0, 2, 99]), y)
    np.testing.assert_array_equal(y[0], [20, 0, 8, -1])


def test_registers() -> None:
    text = """
    func.func @main(%x : memref<8xf32>, %y : memref<8x8xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c3 = arith.constant 3 : index
      %c4 = arith.constant 4 : index
      %c5 = arith.constant 5 : index
      %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
      %q = vector.shape_cast %v : vector<8xf32> to vector<2x4xf32>
      %t = vector.transpose %q, [1, 0] : vector<2x4xf32> to vector<4x2xf32>
      %u = vector.shape_cast %t : vector<4x2xf32> to vector<8xf32>
      vector.store %u, %y[%c0, %c0] : memref<8x8xf32>, vector<8xf32>
      %s = vector.shuffle %v, %u [7, 6, 5, 4, 3, 2, 1, 9] : vector<8xf32>, vector<8xf32>
      vector.store %s, %y[%c1, %c0] : memref<8x8xf32>, vector<8xf32>
      %e = vector.extract %v[2] : f32 from vector<8xf32>
      %w = vector.insert %e, %v [%c5] : f32 into vector<8xf32>
      vector.store %w, %y[%c2, %c0] : memref<8x8xf32>, vector<8xf32>
      %f = vector.fma %v, %v, %u : vector<8xf32>
      vector.store %f, %y[%c3, %c0] : memref<8x8xf32>, vector<8xf32>
      %sum = vector.reduction <add>, %v, %e : vector<8xf32> into f32
      memref.store %sum, %y[%c4, %c0] : memref<8x8xf32>
      func.return
    }"""
    x, y = np.arange(1, 9, dtype=np.float32), np.zeros((8, 8), np.float32)
    run(text, x, y)
    turned = x.reshape(2, 4).T.reshape(-1)
    np.testing.assert_array_equal(y[0], turned)
    np.testing.assert_array_equal(y[1], [*x[:0:-1], turned[1]])
    np.testing.assert_array_equal(y[2], [1, 2, 3, 4, 5, 3, 7, 8])
    np.testing.assert_array_equal(y[3], x * x + turned)
    assert y[4, 0] == x.sum() + 3


def test_globals_reinterpret_cast_and_booleans_in_memory() -> None:
    text = """
    memref.global "private" constant @table : memref<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
    func.func @main(%choose : memref<4xi8>, %y : memref<4xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %zero = arith.constant 0.0 : f32
      %square = memref.get_global @table : memref<2x2xf32>
      %table = memref.reinterpret_cast %square to offset: [0], sizes: [4], strides: [1]
        : memref<2x2xf32> to memref<4xf32>
      scf.for %i = %c0 to %c4 step %c1 {
        %b = memref.load %choose[%i] : memref<4xi8>
        %p = arith.trunci %b : i8 to i1
        %v = memref.load %table[%i] : memref<4xf32>
        %w = arith.select %p, %v, %zero : f32
        memref.store %w, %y[%i] : memref<4xf32>
      }
      func.return
    }"""
    y = np.zeros(4, np.float32)
    run(text, np.array([True, False, True, True]), y)
    np.testing.assert_array_equal(y, [1, 0, 3, 4])


@pytest.mark.parametrize("n", [0, 1, 7])
def test_loops_may_have_no_trips(n: int) -> None:
    text = f"""
    func.func @main(%y : memref<f64>) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %n = arith.constant {n} : index
      %zero = arith.constant 0.0 : f64
      %one = arith.constant 1.0 : f64
      %s = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> (f64) {{
        %b = arith.addf %a, %one : f64
        scf.yield %b : f64
      }}
      memref.store %s, %y[] : memref<f64>
      func.return
    }}"""
    y = np.array(-1.0)
    run(text, y)
    assert y == n


def test_an_element_of_a_vector_is_memory_too() -> None:
    """A subview that drops the only extent: NumPy gave a number, from which nothing could be loaded."""
    text = """
    func.func @main(%x : memref<4xf32>, %out : memref<f32>) {
      %c2 = arith.constant 2 : index
      %one = memref.subview %x[%c2] [1] [1] : memref<4xf32> to memref<f32, strided<[], offset: ?>>
      memref.copy %one, %out : memref<f32, strided<[], offset: ?>> to memref<f32>
      %v = memref.load %out[] : memref<f32>
      memref.store %v, %one[] : memref<f32, strided<[], offset: ?>>
      func.return
    }"""
    out = np.zeros((), np.float32)
    run(text, np.arange(4, dtype=np.float32), out)
    assert out == 2
