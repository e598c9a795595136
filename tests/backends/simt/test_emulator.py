"""The SIMT emulator against NumPy: coordinates, masks, loops, shuffles, shared memory, several launches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse

HOST = """
  func.func @main({signature}) {{
    %grid = arith.constant {grid} : index
    %block = arith.constant {block} : index
    %one = arith.constant 1 : index
    gpu.launch_func @kernels::@k blocks in (%grid, %one, %one)
      threads in (%block, %one, %one) args({signature})
    func.return
  }}
"""


def module(body: str, signature: str, grid: int = 4, block: int = 64, globals_: str = "") -> ModuleOp:
    """A host function that launches one kernel with this body."""
    host = HOST.format(signature=signature, grid=grid, block=block)
    kernel = f"gpu.func @k({signature}) kernel {{\n{body}\ngpu.return }}"
    device = f"gpu.module @kernels {{ {globals_} {kernel} }}"
    text = f"builtin.module attributes {{gpu.container_module}} {{ {device}\n{host} }}"
    result = parse(context(), text).module
    result.verify()
    return result


INDEX = """
  %b = gpu.block_id x
  %t = gpu.thread_id x
  %d = gpu.block_dim x
  %g = gpu.grid_dim x
  %start = arith.muli %b, %d : index
  %i = arith.addi %start, %t : index
  %stride = arith.muli %d, %g : index
"""

POINTWISE = (
    INDEX
    + """
  %n = arith.constant 1000 : index
  scf.for %j = %i to %n step %stride {
    %v = memref.load %x[%j] : memref<1000xf32>
    %w = math.tanh %v : f32
    memref.store %w, %y[%j] : memref<1000xf32>
  }
"""
)
PAIR = "%x : memref<1000xf32>, %y : memref<1000xf32>"


@pytest.mark.parametrize("grid", [1, 3, 4, 16, 40])
def test_grid_stride_loop_covers_every_element(grid: int) -> None:
    x = np.random.default_rng(0).standard_normal(1000, dtype=np.float32)
    y = np.full(1000, np.nan, np.float32)
    run(module(POINTWISE, PAIR, grid), [x, y], undefined=[1])
    np.testing.assert_array_equal(y, np.tanh(x))


def test_if_with_results_and_else() -> None:
    body = (
        INDEX
        + """
  %two = arith.constant 2 : index
  %zero = arith.constant 0 : index
  %rest = arith.remui %i, %two : index
  %even = arith.cmpi eq, %rest, %zero : index
  %r = scf.if %even -> (i32) {
    %p = arith.index_cast %i : index to i32
    scf.yield %p : i32
  } else {
    %m = arith.constant -1 : i32
    scf.yield %m : i32
  }
  memref.store %r, %y[%i] : memref<256xi32>
"""
    )
    y = np.zeros(256, np.int32)
    run(module(body, "%y : memref<256xi32>"), [y])
    i = np.arange(256)
    np.testing.assert_array_equal(y, np.where(i % 2 == 0, i, -1))


def test_while_runs_a_different_number_of_trips_in_every_lane() -> None:
    body = (
        INDEX
        + """
  %two = arith.constant 2 : index
  %one = arith.constant 1 : index
  %zero = arith.constant 0 : index
  %first = arith.addi %i, %one : index
  %n, %steps = scf.while (%a = %first, %s = %zero) : (index, index) -> (index, index) {
    %more = arith.cmpi ugt, %a, %one : index
    scf.condition(%more) %a, %s : index, index
  } do {
  ^bb0(%a : index, %s : index):
    %h = arith.divui %a, %two : index
    %s1 = arith.addi %s, %one : index
    scf.yield %h, %s1 : index, index
  }
  %r = arith.index_cast %steps : index to i64
  memref.store %r, %y[%i] : memref<256xi64>
"""
    )
    y = np.zeros(256, np.int64)
    run(module(body, "%y : memref<256xi64>"), [y])
    np.testing.assert_array_equal(y, np.floor(np.log2(np.arange(1, 257))))


def test_for_carries_values_with_bounds_that_differ_by_lane() -> None:
    body = (
        INDEX
        + """
  %one = arith.constant 1 : index
  %zero = arith.constant 0 : index
  %sum = scf.for %k = %zero to %i step %one iter_args(%a = %zero) -> (index) {
    %b1 = arith.addi %a, %k : index
    scf.yield %b1 : index
  }
  %r = arith.index_cast %sum : index to i64
  memref.store %r, %y[%i] : memref<256xi64>
"""
    )
    y = np.zeros(256, np.int64)
    run(module(body, "%y : memref<256xi64>"), [y])
    i = np.arange(256)
    np.testing.assert_array_equal(y, i * (i - 1) // 2)


@pytest.mark.parametrize(
    ("mode", "offset", "width", "source"),
    [
        ("xor", 1, 32, lambda t: t ^ 1),
        ("xor", 16, 32, lambda t: t ^ 16),
        ("up", 1, 32, lambda t: np.where(t % 32 < 1, t, t - 1)),
        ("down", 4, 32, lambda t: np.where(t % 32 > 27, t, t + 4)),
        ("down", 2, 8, lambda t: np.where(t % 8 > 5, t, t + 2)),
        ("idx", 3, 32, lambda t: t // 32 * 32 + 3),
        ("idx", 5, 4, lambda t: t // 4 * 4 + 1),
    ],
)
def test_shuffle(mode: str, offset: int, width: int, source: Callable[[np.ndarray], np.ndarray]) -> None:
    body = (
        INDEX
        + f"""
  %v = memref.load %x[%i] : memref<256xf32>
  %o = arith.constant {offset} : i32
  %w = arith.constant {width} : i32
  %s, %valid = gpu.shuffle {mode} %v, %o, %w : f32
  memref.store %s, %y[%i] : memref<256xf32>
"""
    )
    x, y = np.arange(256, dtype=np.float32), np.zeros(256, np.float32)
    run(module(body, "%x : memref<256xf32>, %y : memref<256xf32>"), [x, y])
    np.testing.assert_array_equal(y, source(np.arange(256)))


REVERSE = (
    INDEX
    + """
  %s = memref.get_global @scratch : memref<64xf32, 3>
  %v = memref.load %x[%i] : memref<256xf32>
  memref.store %v, %s[%t] : memref<64xf32, 3>
  gpu.barrier
  %c = arith.constant 63 : index
  %u = arith.subi %c, %t : index
  %w = memref.load %s[%u] : memref<64xf32, 3>
  memref.store %w, %y[%i] : memref<256xf32>
"""
)
SCRATCH = 'memref.global "private" @scratch : memref<64xf32, 3> = uninitialized'
PAIR_256 = "%x : memref<256xf32>, %y : memref<256xf32>"


def test_shared_memory_belongs_to_a_block() -> None:
    x, y = np.arange(256, dtype=np.float32), np.zeros(256, np.float32)
    run(module(REVERSE, PAIR_256, globals_=SCRATCH), [x, y])
    np.testing.assert_array_equal(y, x.reshape(4, 64)[:, ::-1].reshape(-1))


def test_second_launch_sees_the_first() -> None:
    text = """
builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @double(%x : memref<8xf32>) kernel attributes {known_block_size = array<i32: 8, 1, 1>} {
      %t = gpu.thread_id x
      %v = memref.load %x[%t] : memref<8xf32>
      %w = arith.addf %v, %v : f32
      memref.store %w, %x[%t] : memref<8xf32>
      gpu.return
    }
  }
  func.func @main(%arena : memref<64xi8>) {
    %eight = arith.constant 8 : index
    %one = arith.constant 1 : index
    %offset = arith.constant 32 : index
    %x = memref.view %arena[%offset][] : memref<64xi8> to memref<8xf32>
    gpu.launch_func @kernels::@double blocks in (%one, %one, %one)
      threads in (%eight, %one, %one) args(%x : memref<8xf32>)
    gpu.launch_func @kernels::@double blocks in (%one, %one, %one)
      threads in (%eight, %one, %one) args(%x : memref<8xf32>)
    func.return
  }
}"""
    arena = np.zeros(64, np.int8)
    arena[32:].view(np.float32)[:] = np.arange(8)
    run(parse(context(), text).module, [arena])
    np.testing.assert_array_equal(arena[32:].view(np.float32), 4 * np.arange(8))
    wrong = parse(context(), text.replace("%eight = arith.constant 8", "%eight = arith.constant 4")).module
    with pytest.raises(
        ExecutionError, match=r"@double promises blocks of \(8, 1, 1\) threads, got \(4, 1, 1\)"
    ):
        run(wrong, [arena])


def test_three_dimensions() -> None:
    text = """
builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @k(%y : memref<2x6x20xi64>) kernel {
      %bx = gpu.block_id x
      %by = gpu.block_id y
      %bz = gpu.block_id z
      %tx = gpu.thread_id x
      %ty = gpu.thread_id y
      %dx = gpu.block_dim x
      %dy = gpu.block_dim y
      %x0 = arith.muli %bx, %dx : index
      %x1 = arith.addi %x0, %tx : index
      %y0 = arith.muli %by, %dy : index
      %y1 = arith.addi %y0, %ty : index
      %c = arith.constant 100 : index
      %a = arith.muli %y1, %c : index
      %v = arith.addi %a, %x1 : index
      %w = arith.index_cast %v : index to i64
      memref.store %w, %y[%bz, %y1, %x1] : memref<2x6x20xi64>
      gpu.return
    }
  }
  func.func @main(%y : memref<2x6x20xi64>) {
    %1 = arith.constant 1 : index
    %2 = arith.constant 2 : index
    %3 = arith.constant 3 : index
    %10 = arith.constant 10 : index
    gpu.launch_func @kernels::@k blocks in (%2, %3, %2) threads in (%10, %2, %1) args(%y : memref<2x6x20xi64>)
    func.return
  }
}"""
    y = np.zeros((2, 6, 20), np.int64)
    run(parse(context(), text).module, [y], undefined=[0])
    np.testing.assert_array_equal(y, np.broadcast_to(np.arange(6)[:, None] * 100 + np.arange(20), y.shape))
