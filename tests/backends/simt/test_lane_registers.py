"""Local arrays in lanes: values that differ between lanes, under masks, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import run
from pullback.tests.backends.simt.test_emulator import module

NUMBERS = """
  %t = gpu.thread_id x
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c16 = arith.constant 16 : index
  %one = arith.constant 1.0 : f32
  %own = memref.alloca() : memref<2xf32>
  %x0 = memref.load %x[%t] : memref<32xf32>
  %is_low = arith.cmpi ult, %t, %c16 : index
"""


def launch(body: str) -> np.ndarray:
    """One block of 32 threads, each of which has an element of x and one of y."""
    x, y = np.arange(32, dtype=np.float32), np.zeros(32, np.float32)
    run(module(NUMBERS + body, "%x : memref<32xf32>, %y : memref<32xf32>", 1, 32), [x, y])
    return y


def test_each_lane_has_its_own() -> None:
    found = launch("""
      memref.store %x0, %own[%c0] : memref<2xf32>
      memref.store %one, %own[%c1] : memref<2xf32>
      scf.if %is_low {
        memref.store %x0, %own[%c1] : memref<2xf32>
        scf.yield
      }
      %a = memref.load %own[%c0] : memref<2xf32>
      %b = memref.load %own[%c1] : memref<2xf32>
      %s = arith.addf %a, %b : f32
      memref.store %s, %y[%t] : memref<32xf32>
    """)
    x = np.arange(32)
    np.testing.assert_array_equal(found, np.where(x < 16, x + x, x + 1))


WRONG = {
    "reads element 1 of a local array, which was never written": """
      %a = memref.load %own[%c1] : memref<2xf32>""",
    "reads element 0 of a local array, which was never written": """
      scf.if %is_low {
        memref.store %x0, %own[%c0] : memref<2xf32>
        scf.yield
      }
      %a = memref.load %own[%c0] : memref<2xf32>""",
    "uses index 2, out of bounds for a local array of 2 elements": """
      memref.store %x0, %own[%c2] : memref<2xf32>""",
    "the index of a local array differs between lanes: it has no place in registers": """
      %n = arith.remui %t, %c2 : index
      memref.store %x0, %own[%n] : memref<2xf32>""",
    "accesses elements of a local array as a vector": """
      %v = vector.broadcast %one : f32 to vector<2xf32>
      vector.store %v, %own[%c0] : memref<2xf32>, vector<2xf32>""",
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_refused(message: str) -> None:
    with pytest.raises(ExecutionError, match=message):
        launch(WRONG[message])
