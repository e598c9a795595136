"""Host and device memory are different things: the check of level `gpu` says so of a text, a run of what it does."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.passes.pipeline.verify_level import verify_level

TEXT = """
builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @double(%x: memref<4xf32>) kernel {
      %i = gpu.thread_id x
      %v = memref.load %x[%i] : memref<4xf32>
      %w = arith.addf %v, %v : f32
      memref.store %w, %x[%i] : memref<4xf32>
      gpu.return
    }
  }
  memref.global "private" constant @fixed : memref<4xf32> = dense<[1.0, 2.0, 3.0, 4.0]>
  func.func private @host(memref<4xf32>, memref<4xf32>) attributes {graph.op = "graph.cumsum",
    graph.properties = {axis = 0 : i64}, graph.operands = [tensor<4xf32>], graph.results = [tensor<4xf32>]}
  func.func @main(%x: memref<4xf32>, %y: memref<4xf32>, %c: memref<4xf32>, %host: memref<32xi8>) attributes {
      graph.arguments = ["input", "output", "constant:fixed", "host_arena"],
      graph.devices = ["cuda:0", "cuda:0", "cuda:0", "cpu:0"]} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %c16 = arith.constant 16 : index
    %one = arith.constant 1.0 : f32
    %true = arith.constant true
    %a = memref.view %host[%c0][] : memref<32xi8> to memref<4xf32>
    %b = memref.view %host[%c16][] : memref<32xi8> to memref<4xf32>
    %fixed = memref.get_global @fixed : memref<4xf32>
    %new = gpu.alloc() : memref<4xf32>
    gpu.memset %new, %one : memref<4xf32>, f32
    gpu.memcpy %new, %c : memref<4xf32>, memref<4xf32>
    gpu.launch_func @kernels::@double blocks in (%c1, %c1, %c1) threads in (%c4, %c1, %c1) args(%new : memref<4xf32>)
    gpu.memcpy %a, %new : memref<4xf32>, memref<4xf32>
    func.call @host(%a, %b) : (memref<4xf32>, memref<4xf32>) -> ()
    gpu.memcpy %y, %b : memref<4xf32>, memref<4xf32>
    gpu.launch_func @kernels::@double blocks in (%c1, %c1, %c1) threads in (%c4, %c1, %c1) args(%y : memref<4xf32>)
    memref.store %one, %a[%c0] : memref<4xf32>
    %kept = scf.if %true -> (memref<4xf32>) {
      scf.yield %new : memref<4xf32>
    } else {
      scf.yield %y : memref<4xf32>
    }
    gpu.dealloc %new : memref<4xf32>
    func.return
  }
}
"""
LAUNCH = next(line.strip() for line in TEXT.splitlines() if "args(%y" in line)
FAULTS = {
    "a kernel is given memory of the host": (
        LAUNCH,
        LAUNCH.replace("%y", "%b"),
        "'gpu.launch_func' takes %b, which is memory of cpu:0, where kernel @kernels::@double cannot reach it: copy it",
        "argument 0 is memory of the host: copy it to a device with gpu.memcpy first",
    ),
    "a kernel is given a constant of the host": (
        LAUNCH,
        LAUNCH.replace("%y", "%fixed"),
        "'gpu.launch_func' takes %fixed, which is memory of cpu:0",
        "argument 0 is memory of the host",
    ),
    "the host is to run on memory of a device": (
        "func.call @host(%a, %b)",
        "func.call @host(%new, %b)",
        "'func.call' takes %new, which is memory of cuda:0, where the host cannot reach it: copy it with gpu.memcpy",
        "the host reads memory of a device: copy it with gpu.memcpy first",
    ),
    "the host is to write results there": (
        "func.call @host(%a, %b)",
        "func.call @host(%a, %y)",
        "'func.call' takes %y, which is memory of cuda:0",
        "the host writes to memory of a device: copy to it with gpu.memcpy",
    ),
    "a store of the host": (
        "memref.store %one, %a[%c0]",
        "memref.store %one, %y[%c0]",
        "'memref.store' takes %y, which is memory of cuda:0",
        "the host writes to memory of a device",
    ),
    "a load of the host": (
        "memref.store %one, %a[%c0]",
        "%loaded = memref.load %new[%c0]",
        "'memref.load' takes %new, which is memory of cuda:0",
        "the host reads memory of a device",
    ),
    "a copy by the host": (
        "memref.store %one, %a[%c0] : memref<4xf32>",
        "memref.copy %y, %a : memref<4xf32> to memref<4xf32>",
        "'memref.copy' takes %y, which is memory of cuda:0",
        "the host reads memory of a device: copy it with gpu.memcpy",
    ),
    "a copy by the host to a device": (
        "memref.store %one, %a[%c0] : memref<4xf32>",
        "memref.copy %a, %y : memref<4xf32> to memref<4xf32>",
        "'memref.copy' takes %y, which is memory of cuda:0",
        "the host writes to memory of a device",
    ),
    "the host frees memory of a device": (
        "gpu.dealloc %new",
        "memref.dealloc %new",
        "'memref.dealloc' takes %new, which is memory of cuda:0: free it with gpu.dealloc",
        "this is memory of a device: free it with gpu.dealloc",
    ),
    "memory of the host is freed on a device": (
        "gpu.dealloc %new",
        "gpu.dealloc %a",
        "'gpu.dealloc' takes %a, which is memory of cpu:0: free it with memref.dealloc",
        "this is memory of the host: free it with memref.dealloc",
    ),
    "memory of the host is filled": (
        "gpu.memset %new",
        "gpu.memset %a",
        "'gpu.memset' takes %a, which is memory of cpu:0: expected memory of a GPU, such as cuda:0",
        "this is memory of the host: expected memory of a device",
    ),
    "memory that is now here and now there": (
        "scf.yield %y",
        "scf.yield %a",
        "'scf.if' passes on memory of cpu:0 and of cuda:0 as one value: expected one device",
        None,
    ),
    "one device too few": (
        '"cuda:0", "cuda:0", "cuda:0", "cpu:0"',
        '"cuda:0", "cuda:0", "cpu:0"',
        "graph.devices names 3 devices for 4 arguments: expected one for each",
        "graph.devices names 3 devices",
    ),
    "an unknown device": (
        '"cpu:0"]',
        '"tpu:0"]',
        "graph.devices says that argument 3 is on 'tpu:0': expected cpu:0, or cuda:0, cuda:1 and so on",
        "argument 3 is on 'tpu:0'",
    ),
    "a constant that is not there": (
        "constant:fixed",
        "constant:missing",
        "argument 2 is 'constant:missing': expected a memref.global @missing of type memref<4xf32> in the module",
        None,
    ),
    "memory out of nowhere": (
        "%new = gpu.alloc() : memref<4xf32>",
        "%new = builtin.unrealized_conversion_cast %x : memref<4xf32> to memref<4xf32>",
        "'builtin.unrealized_conversion_cast' has no place at level 'gpu'",
        None,
    ),
}


def outcome(text: str) -> np.ndarray:
    module = parse(context(), text).module
    y, constant = np.empty(4, np.float32), np.array([1, 2, 3, 4], np.float32)
    constant.flags.writeable = False
    run(module, [np.zeros(4, np.float32), y, constant, np.empty(32, np.int8)], undefined=[1, 3])
    return y


def test_the_text_is_right() -> None:
    verify_level(parse(context(), TEXT).module, "gpu")
    np.testing.assert_array_equal(outcome(TEXT), [4, 12, 24, 40])


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_one_message_in_the_text_and_one_in_a_run(fault: str) -> None:
    old, new, in_text, in_run = FAULTS[fault]
    assert TEXT.count(old) == 1
    text = TEXT.replace(old, new)
    module = parse(context(), text).module
    with pytest.raises(DiagnosticError, match=re.escape(in_text)) as raised:
        verify_level(module, "gpu")
    assert raised.value.op is not None
    if in_run is not None:
        with pytest.raises(DiagnosticError, match=re.escape(in_run)):
            outcome(text)


def test_a_kernel_does_not_write_to_a_constant() -> None:
    with pytest.raises(ExecutionError, match="writes to argument 0, which is constant memory"):
        outcome(TEXT.replace("args(%new", "args(%c"))


def test_loops_carry_memory_of_one_device() -> None:
    loop = """
    %kept = scf.while (%m = %new) : (memref<4xf32>) -> (memref<4xf32>) {
      scf.condition(%true) %m : memref<4xf32>
    } do {
    ^bb0(%n: memref<4xf32>):
      NEXT
    }"""
    start = TEXT.index("    %kept = scf.if")
    end = TEXT.index("    gpu.dealloc")
    text = TEXT[:start] + loop.replace("NEXT", "scf.yield %n : memref<4xf32>") + TEXT[end:]
    verify_level(parse(context(), text).module, "gpu")
    module = parse(context(), text.replace("scf.yield %n", "scf.yield %a")).module
    with pytest.raises(DiagnosticError, match=r"'scf.while' passes on memory of cpu:0 and of cuda:0"):
        verify_level(module, "gpu")


def test_arguments_of_which_nothing_is_said_are_where_they_are_used() -> None:
    start = TEXT.index(" attributes {\n      graph.arguments")
    text = TEXT[:start] + TEXT[TEXT.index(" {\n    %c0 = ") :]
    text = text.replace("gpu.memcpy %new, %c :", "gpu.memcpy %new, %x :").replace("args(%y", "args(%x")
    text = text.replace("scf.yield %y", "scf.yield %x")
    module = parse(context(), text).module
    verify_level(module, "gpu")
    x = np.ones(4, np.float32)
    run(module, [x, np.empty(4, np.float32), x.copy(), np.empty(32, np.int8)])
    np.testing.assert_array_equal(x, [2, 2, 2, 2])
