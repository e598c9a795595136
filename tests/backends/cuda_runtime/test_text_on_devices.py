"""Text of level `gpu` on target `cuda`, as somebody wrote it: arguments without roles, any function, wrong programs."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import pullback as pb
from pullback.backends.cuda_runtime.device_queues import device_queue
from pullback.driver.targets.registry import target_named
from pullback.tests.backends.cuda_runtime.programs_on_devices import X, agree, layers
from pullback.tests.cuda_core.stand_in import StandIn
from pullback.tests.gpu import programs

pytestmark = pytest.mark.compiler

TEXT = """
builtin.module attributes {gpu.container_module} {
  gpu.module @kernels {
    gpu.func @k(%x : memref<64xf32>, %y : memref<64xf32>) kernel
        attributes {known_block_size = array<i32: 64, 1, 1>} {
      %i = gpu.thread_id x
      %v = memref.load %x[%i] : memref<64xf32>
      %w = arith.addf %v, %v : f32
      memref.store %w, %y[%i] : memref<64xf32>
      gpu.return
    }
  }
  func.func @twice(%x : memref<64xf32>, %y : memref<64xf32>, %host : memref<64xf32>) {
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    gpu.launch_func @kernels::@k blocks in (%c1, %c1, %c1) threads in (%c64, %c1, %c1)
        args(%x : memref<64xf32>, %y : memref<64xf32>)
    BODY
    func.return
  }
}
"""


def run_twice(body: str) -> list[np.ndarray]:
    """What the text leaves in its three arguments, with these lines after the launch."""
    arrays = [np.full(64, k, np.float32) for k in (1, 2, 3)]
    results = pb.parse(TEXT.replace("BODY", body)).run(arrays, "cuda", "twice")
    return [np.asarray(result) for result in results]


def test_arrays_of_the_host_are_copied_there_and_back(core: StandIn) -> None:
    program = programs.softmax(5, 10)
    run_on_memory = target_named("cuda").run_on_memory
    assert run_on_memory is not None
    run_on_memory(program.module, "main", program.buffers, program.undefined)
    np.testing.assert_allclose(program.outputs[0], program.expected[0], rtol=2e-6)
    gc.collect()
    device_queue().synchronize()
    assert len(core.recording.frees()) == len(core.recording.allocations()) == len(program.buffers)


def test_any_function_and_memory_of_the_host(core: StandIn) -> None:
    x, y, host = run_twice("gpu.memcpy %host, %y : memref<64xf32>, memref<64xf32>")
    assert (set(x), set(y), set(host)) == ({1}, {2}, {2})


def test_a_part_of_the_host_function_that_uses_devices(core: StandIn) -> None:
    inner = """
  func.func private @inner(%x : memref<64xf32>, %y : memref<64xf32>) {
    gpu.memcpy %x, %y : memref<64xf32>, memref<64xf32>
    func.return
  }
  func.func @twice"""
    call = "func.call @inner(%x, %y) : (memref<64xf32>, memref<64xf32>) -> ()"
    arrays = [np.full(64, k, np.float32) for k in (1, 2, 3)]
    text = TEXT.replace("  func.func @twice", inner).replace("BODY", call)
    x, y, _ = pb.parse(text).run(arrays, "cuda", "twice")
    assert (set(x), set(y)) == ({2}, {2})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("gpu.dealloc %y : memref<64xf32>", "frees what no gpu.alloc of this run made"),
        ("gpu.dealloc %host : memref<64xf32>", "this is memory of the host: free it with memref.dealloc"),
        (
            "%a = gpu.alloc() : memref<4xf32> gpu.dealloc %a : memref<4xf32> gpu.dealloc %a : memref<4xf32>",
            "what is free already",
        ),
        (
            "%n = arith.constant -1 : index\n%a = gpu.alloc(%n) : memref<?xf32>",
            "cannot allocate a negative extent",
        ),
        (
            "%f = arith.constant 0.0 : f32 gpu.memset %host, %f : memref<64xf32>, f32",
            "this is memory of the host: expected memory of a device",
        ),
    ],
)
def test_what_is_wrong_is_said_of_its_operation(core: StandIn, body: str, message: str) -> None:
    with pytest.raises(pb.ProgramError, match=message):
        run_twice(body)


def test_the_text_of_a_step_at_each_level(core: StandIn) -> None:
    trained, expected = layers(), layers("numpy")
    variables = dict(zip("wv", expected.contents(), strict=True))
    loss = expected.step(X)[0]
    for level in ("graph", "kernels", "gpu"):
        results = pb.parse(trained.step.ir(level)).run({"x": X}, target="cuda", variables=variables)
        agree(results, [loss])
        agree([results.variables[name] for name in "wv"], expected.contents())
