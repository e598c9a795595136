"""Results do not depend on the number of threads, to the bit: kernels of every kind, and loops as they are written."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tests.backends.cpu.native import compile_text, print_text

COUNTS = 1, 2, 5


@pytest.fixture(autouse=True)
def as_before() -> Generator[None]:
    yield
    pb.set_num_threads(None)


def network(rng: np.random.Generator) -> tuple[Any, list[Any]]:
    """A program with kernels of every kind, most of them large enough for several threads."""
    with pb.Graph():
        x = pb.placeholder("f32", (257, 301), name="x")
        w = pb.placeholder("f32", (301, 129), name="w")
        image = pb.placeholder("f32", (3, 31, 29, 4), name="image")
        filters = pb.placeholder("f32", (3, 3, 4, 8), name="filters")
        rows = pb.placeholder("i32", (700,), name="rows")
        h = pb.tanh(pb.matmul(x, w))
        y = pb.softmax(h) + pb.cumsum(h, axis=1)
        z = pb.conv2d(image, filters)
        picked = pb.gather(x, rows)
        outputs = [
            y,
            pb.sum(x, axis=0),
            pb.max(x, axis=1),
            pb.transpose(x),
            pb.concat([x, x * 2.0], axis=0),
            z,
        ]
        loss = pb.sum(y * y) + pb.sum(pb.sin(picked)) + pb.sum(z * z)
        step = pb.compile(
            [x, w, image, filters, rows], [*outputs, loss, *pb.gradients(loss, [x, w, filters])]
        )
    arrays = [
        rng.standard_normal(shape, np.float32)
        for shape in ((257, 301), (301, 129), (3, 31, 29, 4), (3, 3, 4, 8))
    ]
    return step, [*arrays, rng.integers(0, 257, 700, dtype=np.int32)]


def test_kernels_of_every_kind(rng: np.random.Generator) -> None:
    step, arrays = network(rng)
    assert step.ir("llvm").count("call void @pb.parallel(") > 3
    results: list[list[bytes]] = []
    for count in COUNTS:
        pb.set_num_threads(count)
        results += [[np.asarray(array).tobytes() for array in step(*arrays)] for _ in range(3)]
    assert all(result == results[0] for result in results)


LOOPS = """
func.func @main(%x: memref<5x7x300xf32>, %y: memref<5x7x300xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c5 = arith.constant 5 : index
  %c7 = arith.constant 7 : index
  %c300 = arith.constant 300 : index
  %scale = memref.load %x[%c0, %c0, %c0] : memref<5x7x300xf32>
  %part = memref.subview %x[0, 0, 0] [5, 7, 300] [1, 1, 1]
    : memref<5x7x300xf32> to memref<5x7x300xf32, strided<[2100, 300, 1]>>
  scf.parallel (%i, %j) = (%c1, %c0) to (%c5, %c7) step (%c1, %c2) {
    %scratch = memref.alloc() : memref<300xf32>
    scf.for %k = %c0 to %c300 step %c1 {
      %v = memref.load %part[%i, %j, %k] : memref<5x7x300xf32, strided<[2100, 300, 1]>>
      %s = arith.mulf %v, %scale : f32
      memref.store %s, %scratch[%k] : memref<300xf32>
    }
    scf.for %k = %c0 to %c300 step %c1 {
      %v = memref.load %scratch[%k] : memref<300xf32>
      %e = math.exp %v : f32
      memref.store %e, %y[%i, %j, %k] : memref<5x7x300xf32>
    }
    memref.dealloc %scratch : memref<300xf32>
    scf.reduce
  }
  func.return
}
"""


def test_dimensions_are_shared_out_as_one(rng: np.random.Generator) -> None:
    text = print_text(LOOPS)
    assert "i64 16, i64" in text  # 4 of the first dimension, 4 of the second
    assert "noalias captures(none) readonly align 4 %x" in text.partition("@main.parallel.body(")[2]
    x = rng.standard_normal((5, 7, 300), np.float32)
    expected = np.zeros_like(x)
    expected[1:, ::2] = np.exp(x[1:, ::2] * x[0, 0, 0])
    run, results = compile_text(LOOPS), list[bytes]()
    for count in COUNTS:
        pb.set_num_threads(count)
        y = np.zeros_like(x)
        run(x, y)
        np.testing.assert_allclose(y, expected, rtol=1e-6)
        results.append(y.tobytes())
    assert results[0] == results[1] == results[2]


def test_bounds_that_are_known_late(rng: np.random.Generator) -> None:
    text = """
    func.func @main(%n: memref<2xi64>, %y: memref<5000xi64>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %first = memref.load %n[%c0] : memref<2xi64>
      %last = memref.load %n[%c1] : memref<2xi64>
      %lower = arith.index_cast %first : i64 to index
      %upper = arith.index_cast %last : i64 to index
      %c3 = arith.constant 3 : index
      %c500 = arith.constant 500 : index
      scf.parallel (%i) = (%lower) to (%upper) step (%c3) {
        scf.for %k = %c0 to %c500 step %c1 {
          %v = memref.load %y[%i] : memref<5000xi64>
          %w = arith.addi %v, %first : i64
          memref.store %w, %y[%i] : memref<5000xi64>
        }
        scf.reduce
      }
      func.return
    }
    """
    assert "@pb.parallel" in print_text(text)
    run = compile_text(text)
    for count in COUNTS:
        pb.set_num_threads(count)
        for lower, upper in ((1, 5000), (7, 8), (9, 9), (10, 3), (0, 4)):
            y, expected = np.zeros(5000, np.int64), np.zeros(5000, np.int64)
            expected[lower:upper:3] = 500 * lower
            run(np.array([lower, upper], np.int64), y)
            np.testing.assert_array_equal(y, expected)


def test_little_work_stays_as_it_is() -> None:
    assert "@pb.parallel" not in print_text(LOOPS.replace("arith.constant 300", "arith.constant 3"))
