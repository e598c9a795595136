"""Whole graphs as GPU kernels: the emulator agrees with the evaluator, and NVRTC compiles them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.cuda.program_source import cuda_source
from pullback.backends.cuda_runtime.compile_kernels import compile_to_cubin
from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.driver.run_pipeline import lowered, main_function
from pullback.tests.compiled_kernels import needs_nvrtc
from pullback.tests.gpu.graphs import Drawn, pointwise_graphs, reducing_graphs

TO_GPU = "kernels,gpu"
SOFTMAX = """
func.func @main(%x: tensor<6x200xf32>) -> tensor<6x200xf32> {
  %max = graph.max %x {axes = array<i64: 1>, keepdims} : (tensor<6x200xf32>) -> tensor<6x1xf32>
  %d = graph.subtract %x, %max : (tensor<6x200xf32>, tensor<6x1xf32>) -> tensor<6x200xf32>
  %e = graph.exp %d : tensor<6x200xf32>
  %sum = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<6x200xf32>) -> tensor<6x1xf32>
  %p = graph.divide %e, %sum : (tensor<6x200xf32>, tensor<6x1xf32>) -> tensor<6x200xf32>
  func.return %p : tensor<6x200xf32>
}
"""


COLUMNS = SOFTMAX.replace("6x1x", "1x200x").replace("6x200", "60x200").replace("i64: 1", "i64: 0")


def on_gpu(text: str) -> ModuleOp:
    return lowered(parse(context(), text).module, TO_GPU)


def check(drawn: Drawn) -> None:
    expected_weights, weights = drawn.weights.copy(), drawn.weights.copy()
    expected = evaluate(main_function(drawn.module), drawn.inputs, {"w": expected_weights})
    found = compile_function(drawn.module, "simt")(drawn.inputs, {"w": weights})
    for got, value in zip([*found, weights], [*expected, expected_weights], strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-10, atol=1e-12)


@given(pointwise_graphs())
def test_pointwise_graphs(drawn: Drawn) -> None:
    check(drawn)


@given(reducing_graphs())
def test_graphs_that_reduce(drawn: Drawn) -> None:
    check(drawn)


@pytest.mark.parametrize(("text", "rows"), [(SOFTMAX, 6), (COLUMNS, 60)], ids=["rows", "columns"])
def test_each_barrier_is_needed(text: str, rows: int) -> None:
    x = np.random.default_rng(0).standard_normal((rows, 200), np.float32)
    run(on_gpu(text), [x, np.empty_like(x)], undefined=[1])
    for number in range(2):
        module = on_gpu(text)
        barriers = [op for op in module.walk() if op.name == "gpu.barrier"]
        assert len(barriers) == 2
        barriers[number].detach()
        with pytest.raises(
            ExecutionError, match=r"memref.load in @main_kernel_0: data race on element \d+ of shared memory"
        ):
            run(module, [x, np.empty_like(x)], undefined=[1])


@needs_nvrtc
@pytest.mark.parametrize("text", [SOFTMAX, COLUMNS], ids=["rows", "columns"])
def test_nvrtc_compiles_generated_kernels(text: str) -> None:
    assert compile_to_cubin(cuda_source(on_gpu(text))).startswith(b"\x7fELF")


@pytest.mark.slow
@needs_nvrtc
@given(reducing_graphs())
def test_nvrtc_compiles_any_graph(drawn: Drawn) -> None:
    source = cuda_source(lowered(drawn.module, f"finish,{TO_GPU}"))
    assert compile_to_cubin(source).startswith(b"\x7fELF")
