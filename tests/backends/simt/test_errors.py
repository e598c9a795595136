"""Errors of the SIMT emulator: each program goes wrong in one way, and the message says where."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt import threads
from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse

TEMPLATE = """
builtin.module attributes {{gpu.container_module}} {{
  gpu.module @kernels {{
    memref.global "private" @scratch : memref<64xf32, 3> = uninitialized
    gpu.func @k(%x : memref<256xf32>, %y : memref<256xf32>) kernel {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c32 = arith.constant 32 : index
      %c63 = arith.constant 63 : index
      %f0 = arith.constant 0.0 : f32
      %b = gpu.block_id x
      %t = gpu.thread_id x
      %d = gpu.block_dim x
      %first = arith.muli %b, %d : index
      %i = arith.addi %first, %t : index
      %s = memref.get_global @scratch : memref<64xf32, 3>
{body}
      gpu.return
    }}
  }}
  func.func @main(%x : memref<256xf32>, %y : memref<256xf32>) {{
    %four = arith.constant 4 : index
    %threads = arith.constant 64 : index
    %one = arith.constant 1 : index
    gpu.launch_func @kernels::@k blocks in (%four, %one, %one) threads in (%threads, %one, %one)
      args(%x : memref<256xf32>, %{second} : memref<256xf32>)
    func.return
  }}
}}
"""

REVERSE = """
  %v = memref.load %x[%i] : memref<256xf32>
  memref.store %v, %s[%t] : memref<64xf32, 3>
  gpu.barrier
  %u = arith.subi %c63, %t : index
  %w = memref.load %s[%u] : memref<64xf32, 3>
  memref.store %w, %y[%i] : memref<256xf32>
"""


def launch(body: str, check_races: bool = True, second: str = "y") -> None:
    module = parse(context(), TEMPLATE.format(body=body, second=second)).module
    module.verify()
    x = np.arange(256, dtype=np.float32)
    run(module, [x, np.zeros(256, np.float32)], check_races=check_races)


def test_the_correct_program_runs() -> None:
    launch(REVERSE)


def test_removed_barrier() -> None:
    with pytest.raises(ExecutionError) as error:
        launch(REVERSE.replace("gpu.barrier", ""))
    assert str(error.value) == (
        "memref.load in @k: data race on element 63 of shared memory @scratch: "
        "read by lane 0 of block 0 and written by lane 63 of block 0 with no barrier between"
    )
    assert error.value.op is not None
    assert error.value.op.name == "memref.load"
    launch(REVERSE.replace("gpu.barrier", ""), check_races=False)


def test_missing_barrier_before_shared_memory_is_reused() -> None:
    again = "memref.store %w, %s[%t] : memref<64xf32, 3>"
    with pytest.raises(
        ExecutionError, match=r"written by lane \d+ of block 0 and read by lane \d+ of block 0"
    ):
        launch(REVERSE + again)
    launch(REVERSE + "gpu.barrier\n" + again)


def test_read_by_many_then_written_by_one_of_them() -> None:
    body = """
      %lead = arith.cmpi eq, %t, %c0 : index
      scf.if %lead {
        memref.store %f0, %s[%c0] : memref<64xf32, 3>
      }
      gpu.barrier
      %v = memref.load %s[%c0] : memref<64xf32, 3>
      scf.if %lead {
        memref.store %v, %s[%c0] : memref<64xf32, 3>
      }
"""
    with pytest.raises(
        ExecutionError, match="written by lane 0 of block 0 and read by several lanes of block 0"
    ):
        launch(body)


def test_two_lanes_write_one_element() -> None:
    with pytest.raises(
        ExecutionError, match=r"race on element 0 of shared memory @scratch: written by .* and written by"
    ):
        launch("memref.store %f0, %s[%c0] : memref<64xf32, 3>")


def test_blocks_race_in_global_memory_whatever_the_barriers() -> None:
    body = """
      %v = memref.load %y[%t] : memref<256xf32>
      gpu.barrier
      memref.store %v, %y[%i] : memref<256xf32>
"""
    with pytest.raises(
        ExecutionError,
        match="race on element 0 of %y: written by lane 0 of block 0 and read by several blocks",
    ):
        launch(body)


def test_barrier_orders_global_memory_within_a_block() -> None:
    body = """
      memref.store %f0, %y[%i] : memref<256xf32>
      gpu.barrier
      %u = arith.subi %c63, %t : index
      %j = arith.addi %first, %u : index
      %v = memref.load %y[%j] : memref<256xf32>
"""
    launch(body)
    with pytest.raises(ExecutionError, match="race on element 63 of %y"):
        launch(body.replace("gpu.barrier", ""))


def test_divergent_barrier() -> None:
    body = """
      %low = arith.cmpi ult, %t, %c32 : index
      scf.if %low {
        gpu.barrier
      }
"""
    with pytest.raises(
        ExecutionError, match=r"gpu.barrier in @k: divergent barrier: only 32 of 64 lanes reach it"
    ):
        launch(body)


def test_more_barriers_than_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond them, accesses before and after a barrier would look like a race."""
    body = """
      scf.for %n = %c0 to %c32 step %c1 {
        gpu.barrier
      }
"""
    monkeypatch.setattr(threads, "MOST_BARRIERS", 32)
    launch(body)
    monkeypatch.setattr(threads, "MOST_BARRIERS", 31)
    with pytest.raises(ExecutionError, match=r"gpu.barrier in @k: a block passes more than 31 barriers"):
        launch(body)


def test_barrier_in_a_loop_that_lanes_leave_at_different_times() -> None:
    with pytest.raises(ExecutionError, match="divergent barrier: only 63 of 64 lanes"):
        launch("scf.for %k = %c0 to %t step %c1 {\n gpu.barrier\n }")
    launch("scf.for %k = %c0 to %c32 step %c1 {\n gpu.barrier\n }")


def test_barrier_under_a_condition_that_a_whole_block_shares() -> None:
    launch("%first_block = arith.cmpi eq, %b, %c0 : index\n scf.if %first_block {\n gpu.barrier\n }")


def test_divergent_shuffle() -> None:
    body = """
      %lead = arith.cmpi eq, %t, %c0 : index
      %off = arith.constant 1 : i32
      %width = arith.constant 32 : i32
      scf.if %lead {
        %r, %ok = gpu.shuffle xor %f0, %off, %width : f32
      }
"""
    with pytest.raises(ExecutionError, match=r"gpu.shuffle in @k: divergent shuffle"):
        launch(body)


@pytest.mark.parametrize("access", ["%v = memref.load %x[%j]", "memref.store %f0, %y[%j]"])
def test_out_of_bounds(access: str) -> None:
    body = f"%j = arith.addi %i, %c1 : index\n {access} : memref<256xf32>"
    with pytest.raises(
        ExecutionError, match="lane 63 of block 3 uses index 256, out of bounds for dimension 0 of size 256"
    ):
        launch(body)


def test_idle_lanes_may_point_anywhere() -> None:
    launch("""
      %j = arith.addi %i, %c1 : index
      %n = arith.constant 256 : index
      %inside = arith.cmpi ult, %j, %n : index
      scf.if %inside {
        %v = memref.load %x[%j] : memref<256xf32>
        memref.store %v, %y[%j] : memref<256xf32>
      }
""")


def test_shared_memory_starts_undefined() -> None:
    with pytest.raises(
        ExecutionError, match="lane 0 of block 0 reads element 0 of shared memory @scratch, which was never"
    ):
        launch("%v = memref.load %s[%t] : memref<64xf32, 3>")


def test_division_by_zero_counts_in_running_lanes_only() -> None:
    with pytest.raises(ExecutionError, match=r"arith.divui in @k: lane 0 of block 0 divides by zero"):
        launch("%q = arith.divui %c1, %t : index")
    launch("%p = arith.cmpi ugt, %t, %c0 : index\n scf.if %p {\n %q = arith.divui %c1, %t : index\n }")


def test_written_argument_may_not_overlap_another() -> None:
    body = "memref.store %f0, %y[%i] : memref<256xf32>"
    with pytest.raises(ExecutionError, match=r"arguments %y \(written\) and %x of @k overlap"):
        launch(body, second="x")
