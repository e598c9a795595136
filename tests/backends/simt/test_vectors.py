"""Vectors in lanes: loads and stores of several elements, uniform and varying, under masks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.dialects.ir.source import parse
from pullback.tests.backends.simt.test_emulator import module

NUMBERS = """
  %b = gpu.block_id x
  %t = gpu.thread_id x
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %before = arith.muli %b, %c32 : index
  %number = arith.addi %before, %t : index
  %i = arith.muli %number, %c4 : index
"""
BUFFERS = "%x : memref<256xf32>, %y : memref<256xf32>, %s : memref<64xf32>"
V = "vector<4xf32>"


def launch(body: str, x: np.ndarray, y: np.ndarray, s: np.ndarray, globals_: str = "") -> None:
    """Two blocks of 32 threads, each of which may take four elements."""
    run(module(NUMBERS + body, BUFFERS, 2, 32, globals_), [x, y, s])


@pytest.fixture
def buffers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).standard_normal(256).astype(np.float32)
    x[:3] = np.nan, np.inf, -np.inf
    return x, np.zeros(256, np.float32), np.zeros(64, np.float32)


Buffers = tuple[np.ndarray, np.ndarray, np.ndarray]


def test_elementwise_of_uniform_and_varying(buffers: Buffers) -> None:
    """x[i] * x[0..3] + the number of the block: the second is the same in all lanes, the third in a block."""
    x, y, s = buffers
    body = f"""
      %v = vector.load %x[%i] : memref<256xf32>, {V}
      %u = vector.load %x[%c4] : memref<256xf32>, {V}
      %n = arith.index_cast %b : index to i32
      %f = arith.sitofp %n : i32 to f32
      %w = vector.broadcast %f : f32 to {V}
      %k = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : {V}
      %one = arith.constant 0.5 : f32
      %h = vector.broadcast %one : f32 to {V}
      %a = arith.mulf %v, %u : {V}
      %c = arith.addf %a, %w : {V}
      %d = arith.mulf %k, %h : {V}
      %e = arith.addf %c, %d : {V}
      vector.store %e, %y[%i] : memref<256xf32>, {V}
    """
    launch(body, x, y, s)
    block = np.repeat(np.array([0, 1], np.float32), 128)
    expected = x * np.tile(x[4:8], 64) + block + np.tile(np.array([0.5, 1, 1.5, 2], np.float32), 64)
    np.testing.assert_array_equal(y, expected)


def test_masks_choices_and_loops(buffers: Buffers) -> None:
    """Even threads carry a sum of vectors; a scalar condition chooses between whole vectors."""
    x, y, s = buffers
    body = f"""
      %rest = arith.remui %t, %c2 : index
      %even = arith.cmpi eq, %rest, %c0 : index
      %z = arith.constant dense<0.0> : {V}
      %r = scf.if %even -> ({V}) {{
        %sum = scf.for %k = %c0 to %c4 step %c1 iter_args(%a = %z) -> ({V}) {{
          %v = vector.load %x[%i] : memref<256xf32>, {V}
          %n = arith.addf %a, %v : {V}
          scf.yield %n : {V}
        }}
        scf.yield %sum : {V}
      }} else {{
        %v = vector.load %x[%i] : memref<256xf32>, {V}
        scf.yield %v : {V}
      }}
      %late = arith.cmpi eq, %b, %c1 : index
      %q = arith.select %late, %z, %r : {V}
      vector.store %q, %y[%i] : memref<256xf32>, {V}
    """
    launch(body, x, y, s)
    factor = np.tile(np.repeat(np.array([4, 1], np.float32), 4), 32)
    expected = np.where(np.arange(256) < 128, x * factor, np.float32(0))
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_elements_apart(buffers: Buffers) -> None:
    """Elements taken out, put in, shuffled and added up."""
    x, y, s = buffers
    body = f"""
      %v = vector.load %x[%i] : memref<256xf32>, {V}
      %a = vector.extract %v[3] : f32 from {V}
      %w = vector.insert %a, %v [0] : f32 into {V}
      %b1 = vector.extract %v[1] : f32 from {V}
      %c = arith.constant 7.0 : f32
      %u = vector.from_elements %a, %b1, %c, %c : {V}
      %m = vector.shuffle %w, %u [0, 5, 2, 6] : {V}, {V}
      vector.store %m, %y[%i] : memref<256xf32>, {V}
      %total = vector.reduction <add>, %m : {V} into f32
      memref.store %total, %s[%number] : memref<64xf32>
    """
    launch(body, x, y, s)
    v = x.reshape(-1, 4)
    expected = np.stack([v[:, 3], v[:, 1], v[:, 2], np.full(64, 7, np.float32)], 1)
    np.testing.assert_array_equal(y.reshape(-1, 4), expected)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(s, expected.sum(1), rtol=1e-6)


def test_shared_memory_holds_a_copy_per_block(buffers: Buffers) -> None:
    x, y, s = buffers
    shared = 'memref.global "private" @m : memref<128xf32, 3> = uninitialized'
    body = f"""
      %m = memref.get_global @m : memref<128xf32, 3>
      %at = arith.muli %t, %c4 : index
      %v = vector.load %x[%i] : memref<256xf32>, {V}
      vector.store %v, %m[%at] : memref<128xf32, 3>, {V}
      gpu.barrier
      %last = arith.constant 31 : index
      %other = arith.subi %last, %t : index
      %from = arith.muli %other, %c4 : index
      %w = vector.load %m[%from] : memref<128xf32, 3>, {V}
      vector.store %w, %y[%i] : memref<256xf32>, {V}
    """
    launch(body, x, y, s, shared)
    np.testing.assert_array_equal(y, x.reshape(2, 32, 4)[:, ::-1].reshape(-1))
    with pytest.raises(ExecutionError, match="of shared memory @m"):
        launch(body.replace("gpu.barrier", ""), x, y, s, shared)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "%j = arith.addi %i, %c2 : index\n%v = vector.load %x[%j] : memref<256xf32>, vector<4xf32>",
            "lane 0 of block 0 accesses 4 elements from element 2 on, which is no multiple of 4",
        ),
        (
            "%j = arith.muli %i, %c2 : index\n%v = vector.load %x[%j] : memref<256xf32>, vector<4xf32>",
            "lane 0 of block 1 uses index 256, out of bounds",
        ),
        (
            "%v = vector.load %s[%c0] : memref<64xf32>, vector<128xf32>",
            "lane 0 of block 0 uses index 127, out of bounds",
        ),
        (
            "%v = vector.load %x[%i] : memref<256xf32>, vector<4xf32>\n"
            "vector.store %v, %y[%c0] : memref<256xf32>, vector<4xf32>",
            "data race on element 0 of %y",
        ),
        (
            "%v = vector.load %x[%c0] : memref<256xf32>, vector<4xf32>\n"
            "%a = memref.load %y[%c2] : memref<256xf32>\n"
            "vector.store %v, %y[%c0] : memref<256xf32>, vector<4xf32>",
            "data race on element",
        ),
    ],
)
def test_what_is_refused(body: str, message: str, buffers: Buffers) -> None:
    with pytest.raises(ExecutionError, match=message):
        launch(body, *buffers)


def test_vectors_of_rank_2_are_for_cpus(buffers: Buffers) -> None:
    with pytest.raises(UnsupportedError, match="rank 1"):
        launch("%k = arith.constant dense<0.0> : vector<2x2xf32>", *buffers)


def test_memory_that_is_not_aligned() -> None:
    """A view that begins within a buffer: the device aligns the buffer alone."""
    text = """builtin.module attributes {gpu.container_module} {
      gpu.module @kernels {
        gpu.func @k(%y: memref<8xf32>) kernel {
          %c0 = arith.constant 0 : index
          %v = arith.constant dense<1.0> : vector<4xf32>
          vector.store %v, %y[%c0] : memref<8xf32>, vector<4xf32>
          gpu.return
        }
      }
      func.func @main(%arena: memref<64xi8>) {
        %one = arith.constant 1 : index
        %at = arith.constant OFFSET : index
        %y = memref.view %arena[%at][] : memref<64xi8> to memref<8xf32>
        gpu.launch_func @kernels::@k blocks in (%one, %one, %one) threads in (%one, %one, %one) args(%y : memref<8xf32>)
        func.return
      }
    }"""
    arena = np.zeros(100, np.uint8)[36:]
    run(parse(context(), text.replace("OFFSET", "16")).module, [arena.view(np.int8)])
    np.testing.assert_array_equal(arena[16:32].view(np.float32), np.ones(4, np.float32))
    with pytest.raises(
        ExecutionError, match="0 on, 8 bytes from an aligned address, which is no multiple of 4"
    ):
        run(parse(context(), text.replace("OFFSET", "8")).module, [arena.view(np.int8)])
