"""Programs on several devices, emulated: memory of each is its own, kernels run where theirs is, copies go between."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pullback.backends.fibers.fiber_program import FiberProgram
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import Emulator
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.run_function import memory_executor
from pullback.driver.targets.native_callees import native_callees
from pullback.process.interrupts import Progress

LAUNCHES = """
builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @add(%x: memref<4xf32>, %y: memref<4xf32>) kernel {
      %i = gpu.thread_id x
      %a = memref.load %x[%i] : memref<4xf32>
      %b = memref.load %y[%i] : memref<4xf32>
      %c = arith.addf %a, %b : f32
      memref.store %c, %y[%i] : memref<4xf32>
      gpu.return
    }
  }
  func.func private @double(%x: memref<4xf32>, %y: memref<4xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    scf.for %i = %c0 to %c4 step %c1 {
      %a = memref.load %x[%i] : memref<4xf32>
      %b = arith.addf %a, %a : f32
      memref.store %b, %y[%i] : memref<4xf32>
    }
    func.return
  }
  func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %z: memref<4xf32>, %h: memref<4xf32>, %g: memref<4xf32>)
      attributes {graph.arguments = ["input", "input", "output", "arena", "arena"],
        graph.devices = ["cuda:0", "cuda:1", "cuda:1", "cpu:0", "cpu:0"]} {
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %new = gpu.alloc() {graph.device = "cuda:1"} : memref<4xf32>
    gpu.memcpy %new, %x : memref<4xf32>, memref<4xf32>
    gpu.launch_func @kernels::@add blocks in (%c1, %c1, %c1) threads in (%c4, %c1, %c1)
      args(%y : memref<4xf32>, %new : memref<4xf32>)
    gpu.memcpy %h, %new : memref<4xf32>, memref<4xf32>
    func.call @double(%h, %g) : (memref<4xf32>, memref<4xf32>) -> ()
    gpu.memcpy %z, %g : memref<4xf32>, memref<4xf32>
    gpu.dealloc %new : memref<4xf32>
    func.return
  }
}
"""
TARGETS = ("simt", "fibers")


def result(text: str, target: str) -> np.ndarray:
    x, y = np.arange(4, dtype=np.float32), np.full(4, 10, np.float32)
    (z,) = memory_executor(parse(context(), text).module, "main", target)([x, y], {})
    return z


@pytest.mark.parametrize("target", TARGETS)
def test_a_launch_on_the_second_device_and_a_call_on_the_host(target: str) -> None:
    np.testing.assert_array_equal(result(LAUNCHES, target), [20, 22, 24, 26])


FAULTS = {
    "a launch on two devices": (
        "args(%y : memref<4xf32>, %new",
        "args(%x : memref<4xf32>, %new",
        "argument 0 is memory of cuda:0, and argument 1 of cuda:1: a kernel runs on one device",
    ),
    "what was allocated without a device": (
        'gpu.alloc() {graph.device = "cuda:1"}',
        "gpu.alloc()",
        "argument 0 is memory of cuda:1, and argument 1 of cuda:0: a kernel runs on one device",
    ),
    "a launch on memory of the host": (
        "args(%y : memref<4xf32>, %new",
        "args(%y : memref<4xf32>, %h",
        "argument 1 is memory of the host: copy it to a device",
    ),
    "a call on memory of a device": (
        "func.call @double(%h, %g)",
        "func.call @double(%new, %g)",
        {
            "simt": "the host reads memory of a device: copy it with gpu.memcpy first",
            "fibers": "argument 0 is memory of cuda:1, which the host cannot reach: copy it with gpu.memcpy",
        },
    ),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_in_a_run(fault: str, target: str) -> None:
    old, new, message = FAULTS[fault]
    assert LAUNCHES.count(old) == 1
    expected = message if isinstance(message, str) else message[target]
    with pytest.raises(ExecutionError, match=re.escape(expected)):
        result(LAUNCHES.replace(old, new), target)


@pytest.mark.parametrize("target", TARGETS)
def test_a_variable_that_a_function_of_the_host_changes_is_noted(target: str) -> None:
    """A run that ends later says so: the program's own functions are watched as its kernels are."""
    module = parse(context(), LAUNCHES.replace('"arena", "arena"]', '"arena", "variable:v"]')).module
    native = native_callees(module)
    program = Emulator(module) if target == "simt" else FiberProgram(module, native=native)
    progress, (x, y, z, h, g) = Progress(), (np.ones(4, np.float32) for _ in range(5))
    program.run_watched("main", [x, y, z, h, g], [], {"v": g}, progress)
    assert list(progress.changed) == ["v"]
    np.testing.assert_array_equal(g, [4, 4, 4, 4])
