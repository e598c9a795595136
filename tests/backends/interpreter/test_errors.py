"""Errors of the loop interpreter, and their positions."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.interpreter.interpreter import interpret
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse

TEMPLATE = """
memref.global "private" constant @table : memref<4xf32> = dense<0.0>
func.func @main(%x : memref<4x8xf32>, %arena : memref<64xi8>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %m1 = arith.constant -1 : index
  %f = arith.constant 1.0 : f32
  %v = vector.broadcast %f : f32 to vector<8xf32>
  %mask = vector.create_mask %c4 : vector<8xi1>
  %table = memref.get_global @table : memref<4xf32>
  {line}
  func.return
}}
"""


def run(line: str, undefined: tuple[int, ...] = ()) -> None:
    module = parse(context(), TEMPLATE.format(line=line)).module
    module.verify()
    interpret(module, [np.zeros((4, 8), np.float32), np.zeros(64, np.int8)], undefined=undefined)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "%a = memref.load %x[%c4, %c0] : memref<4x8xf32>",
            "index 4 is out of bounds for dimension 0 of size 4",
        ),
        ("%a = memref.load %x[%c0, %m1] : memref<4x8xf32>", "index -1 is out of bounds for dimension 1"),
        ("memref.store %f, %x[%c0, %c8] : memref<4x8xf32>", "index 8 is out of bounds for dimension 1"),
        ("vector.store %v, %x[%c0, %c1] : memref<4x8xf32>, vector<8xf32>", "lanes 1 to 9 are not within"),
        ("%a = vector.load %x[%c4, %c0] : memref<4x8xf32>, vector<8xf32>", "index 4 is out of bounds"),
        (
            "vector.maskedstore %x[%c0, %c8], %mask, %v : memref<4x8xf32>, vector<8xi1>, vector<8xf32>",
            "an active lane touches element 8, out of bounds of 8",
        ),
        ("%a = memref.view %arena[%c1][] : memref<64xi8> to memref<2xf32>", "byte 1 is not aligned"),
        ("%a = memref.view %arena[%c8][] : memref<64xi8> to memref<16xf32>", "bytes 8 to 72 of 64"),
        (
            "%a = memref.subview %x[%c3, 0] [2, 8] [1, 1] : memref<4x8xf32>"
            " to memref<2x8xf32, strided<[8, 1], offset: ?>>",
            "elements 3 to 5 .* are not within 4",
        ),
        (
            "%a = memref.reinterpret_cast %x to offset: [0], sizes: [33], strides: [1]"
            " : memref<4x8xf32> to memref<33xf32>",
            "elements 0 to 32 are not within 32",
        ),
        ("memref.store %f, %table[%c0] : memref<4xf32>", "writes to constant memory"),
        ("%a = arith.divsi %c1, %c0 : index", "division by zero"),
        ("scf.for %i = %c0 to %c4 step %c0 {\n}", "the step must be positive"),
    ],
)
def test_errors(line: str, message: str) -> None:
    with pytest.raises(ExecutionError, match=message) as error:
        run(line)
    assert " in @main" in str(error.value)


def test_masked_off_lanes_may_point_out_of_bounds() -> None:
    run("vector.maskedstore %x[%c0, %c4], %mask, %v : memref<4x8xf32>, vector<8xi1>, vector<8xf32>")


ARENA = "%a = memref.view %arena[%c0][] : memref<64xi8> to memref<8xf32>\n"


def test_reading_what_was_never_written() -> None:
    load = "%w = vector.load %a[%c0] : memref<8xf32>, vector<8xf32>"
    run(ARENA + load)
    with pytest.raises(ExecutionError, match=r"vector.load in @main: reads memory that was never written"):
        run(ARENA + load, undefined=(1,))
    store = "vector.store %v, %a[%c0] : memref<8xf32>, vector<8xf32>\n"
    run(ARENA + store + load, undefined=(1,))
    partly = "memref.store %f, %a[%c3] : memref<8xf32>\n"
    with pytest.raises(ExecutionError, match="never written"):
        run(ARENA + partly + load, undefined=(1,))


def test_reading_freed_memory() -> None:
    text = """
      %m = memref.alloc() : memref<2xf32>
      memref.store %f, %m[%c0] : memref<2xf32>
      %ok = memref.load %m[%c0] : memref<2xf32>
      memref.dealloc %m : memref<2xf32>
      %late = memref.load %m[%c0] : memref<2xf32>"""
    with pytest.raises(ExecutionError, match="never written"):
        run(text)


def test_location_is_named() -> None:
    with pytest.raises(ExecutionError, match=r'memref.load in @main "layer/tanh": index 4'):
        run('%a = memref.load %x[%c4, %c0] : memref<4x8xf32> loc("layer/tanh")')


def test_wrong_buffers() -> None:
    module = parse(context(), TEMPLATE.format(line="")).module
    x, arena = np.zeros((4, 8), np.float32), np.zeros(64, np.int8)
    with pytest.raises(ValueError, match="@main takes 2 buffers, got 1"):
        interpret(module, [x])
    with pytest.raises(
        TypeError, match=r"argument 0 \(memref<4x8xf32>\) needs an array of float32, got float64"
    ):
        interpret(module, [x.astype(np.float64), arena])
    with pytest.raises(ValueError, match=r"argument 0 .* cannot be an array of shape \(8, 4\)"):
        interpret(module, [np.zeros((8, 4), np.float32), arena])
    with pytest.raises(ValueError, match="side by side"):
        interpret(module, [np.zeros((8, 4), np.float32).T, arena])
    with pytest.raises(LookupError, match="no function @other"):
        interpret(module, [x, arena], entry="other")


def test_unknown_op() -> None:
    module = parse(context(), TEMPLATE.format(line='%t = "gpu.subgroup_id"() : () -> index')).module
    with pytest.raises(NotImplementedError, match=r"gpu.subgroup_id in @main"):
        interpret(module, [np.zeros((4, 8), np.float32), np.zeros(64, np.int8)])
