"""Kernels of many reductions on GPUs: fewer at a time where shared memory is short."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects import func

from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.types import shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.driver.program import compile_function
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.gpu_kernels import gpu_kernels
from pullback.passes.kernels.check.check_schedule import check_means, check_schedule
from pullback.passes.lowering.buffer_assignment import BufferKey
from pullback.passes.lowering.lowered_kernels import Signature
from pullback.tests.gpu.test_lower import kernel_of, on_device

MANY = 13


def many_sums(kind: str, tuning: str, count: int = MANY) -> str:
    """A kernel of so many sums of f64 along lines."""
    rows = kind == "rows"
    extents, axis, line = ("70x500", 1, "70") if rows else ("500x70", 0, "70")
    shape = f"tensor<{extents}xf64>"
    made = "".join(
        f"%p{i + 1} = graph.tanh %p{i} : {shape}\n"
        f"%y{i} = graph.sum %p{i + 1} {{axes = array<i64: {axis}>}} : ({shape}) -> tensor<{line}xf64>\n"
        for i in range(count)
    )
    names, types = ", ".join(f"%y{i}" for i in range(count)), ", ".join([f"tensor<{line}xf64>"] * count)
    schedule = f"schedule<kind = {kind}, parallel = [70], reduce = [500], gpu = {{{tuning}}}>"
    return f"""func.func @main(%x: {shape}) -> ({types}) {{
      %r:{count} = graph.kernel %x {schedule} : ({shape}) -> ({types}) {{
      ^bb0(%p0: {shape}):
        {made}
        graph.yield {names} : {types}
      }}
      func.return {", ".join(f"%r#{i}" for i in range(count))} : {types}
    }}"""


def check_sums(kernel: Kernel, shared_bytes: int) -> None:
    """Lowers and runs a kernel of `many_sums` on blocks with so much shared memory."""
    check_schedule(kernel)
    check_means(kernel, "gpu", shared_bytes=shared_bytes)
    outputs: list[BufferKey] = [("output", i) for i in range(MANY)]
    lowered = gpu_kernels(Signature(kernel, "k", [("input", 0)], outputs), shared_bytes)
    assert all(isinstance(code, GpuKernel) and code.shared_bytes <= shared_bytes for code in lowered.code)
    function = kernel.parent_op()
    assert isinstance(function, func.FuncOp)
    x = np.random.default_rng(0).standard_normal(shape_of_type(kernel.operands[0].type))
    buffers = [np.empty(t.get_shape(), dtype_of(t)) for _, t in lowered.arguments]
    places = [place for place, _ in lowered.arguments]
    buffers[places.index(("input", 0))] = x.reshape(-1)
    run(on_device(lowered), buffers, undefined=[i for i, p in enumerate(places) if p[0] != "input"])
    for place, expected in zip(outputs, evaluate(function, [x]), strict=True):
        np.testing.assert_allclose(buffers[places.index(place)], expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "tuning"),
    [
        ("rows", "threads = 512, lanes = 512"),
        ("rows", "lanes = 512, chunk = 3"),
        ("columns", "threads = 512"),
    ],
)
def test_fewer_reductions_at_a_time_where_shared_memory_is_short(kind: str, tuning: str) -> None:
    least = {"rows": 16, "columns": 512}[kind] * 8
    for room in (least, 3 * least, 48 << 10):
        check_sums(kernel_of(many_sums(kind, tuning)), room)
    with pytest.raises(DiagnosticError, match=f"need {least} bytes of shared memory, and a block has"):
        check_means(kernel_of(many_sums(kind, tuning)), "gpu", shared_bytes=least - 1)


def test_totals_over_all_lines_and_across_them_together() -> None:
    text = """func.func @main(%x: tensor<4x6xf32>) -> (tensor<6xf32>, tensor<f32>) {
      %r:2 = graph.kernel %x schedule<kind = rows, parallel = [4], reduce = [6]>
          : (tensor<4x6xf32>) -> (tensor<6xf32>, tensor<f32>) {
      ^bb0(%0: tensor<4x6xf32>):
        %across = graph.sum %0 {axes = array<i64: 0>} : (tensor<4x6xf32>) -> tensor<6xf32>
        %all = graph.sum %0 {axes = array<i64: 0, 1>} : (tensor<4x6xf32>) -> tensor<f32>
        %max = graph.max %0 {axes = array<i64: 0, 1>} : (tensor<4x6xf32>) -> tensor<f32>
        %y = graph.multiply %across, %all : (tensor<6xf32>, tensor<f32>) -> tensor<6xf32>
        graph.yield %y, %max : tensor<6xf32>, tensor<f32>
      }
      func.return %r#0, %r#1 : tensor<6xf32>, tensor<f32>
    }"""
    kernel = kernel_of(text)
    check_schedule(kernel)
    check_means(kernel, "cpu")
    check_means(kernel, "gpu")
    x = np.random.default_rng(0).standard_normal((4, 6), np.float32)
    got = compile_function(parse(context(), text).module, "simt")([x], {})
    np.testing.assert_allclose(got[0], x.sum(axis=0) * x.sum(), rtol=1e-5)
    np.testing.assert_allclose(got[1], x.max(), rtol=1e-6)
