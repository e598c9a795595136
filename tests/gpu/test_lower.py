"""`graph.kernel` on the emulator against its own meaning on NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import evaluate
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.backends.simt.emulator import run
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.types import element_type_of, numpy_dtype, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.gpu_kernels import gpu_kernels
from pullback.passes.gpu.gpu_limits import shared_memory
from pullback.passes.kernels.check.check_schedule import check_means, check_schedule
from pullback.passes.lowering.buffer_assignment import BufferKey
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.tests.gpu.programs import launching

SOFTMAX = """
func.func @main(%x: tensor<6x200xf32>) -> (tensor<6x200xf32>, tensor<6xf32>) {
  %y, %log = graph.kernel %x schedule<kind = rows, parallel = [6], reduce = [200]>
      : (tensor<6x200xf32>) -> (tensor<6x200xf32>, tensor<6xf32>) {
  ^bb0(%a: tensor<6x200xf32>):
    %max = graph.max %a {axes = array<i64: 1>, keepdims} : (tensor<6x200xf32>) -> tensor<6x1xf32>
    %d = graph.subtract %a, %max : (tensor<6x200xf32>, tensor<6x1xf32>) -> tensor<6x200xf32>
    %e = graph.exp %d : tensor<6x200xf32>
    %sum = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<6x200xf32>) -> tensor<6x1xf32>
    %p = graph.divide %e, %sum : (tensor<6x200xf32>, tensor<6x1xf32>) -> tensor<6x200xf32>
    %l = graph.log %sum : tensor<6x1xf32>
    %flat = graph.reshape %l : (tensor<6x1xf32>) -> tensor<6xf32>
    graph.yield %p, %flat : tensor<6x200xf32>, tensor<6xf32>
  }
  func.return %y, %log : tensor<6x200xf32>, tensor<6xf32>
}
"""
CHAIN = """
func.func @main(%x: tensor<5x7xf64>, %b: tensor<7xf64>, %c: tensor<5x7xi1>) -> (tensor<5x7xf64>, tensor<5x7xi1>) {
  %y, %m = graph.kernel %x, %b, %c schedule<kind = pointwise, parallel = [5, 7]>
      : (tensor<5x7xf64>, tensor<7xf64>, tensor<5x7xi1>) -> (tensor<5x7xf64>, tensor<5x7xi1>) {
  ^bb0(%0: tensor<5x7xf64>, %1: tensor<7xf64>, %2: tensor<5x7xi1>):
    %t = graph.tanh %0 : tensor<5x7xf64>
    %s = graph.add %t, %1 : (tensor<5x7xf64>, tensor<7xf64>) -> tensor<5x7xf64>
    %g = graph.greater %s, %0 : (tensor<5x7xf64>, tensor<5x7xf64>) -> tensor<5x7xi1>
    %w = graph.where %2, %s, %0 : (tensor<5x7xi1>, tensor<5x7xf64>, tensor<5x7xf64>) -> tensor<5x7xf64>
    graph.yield %w, %g : tensor<5x7xf64>, tensor<5x7xi1>
  }
  func.return %y, %m : tensor<5x7xf64>, tensor<5x7xi1>
}
"""
TOTAL = """
func.func @main(%x: tensor<40x9xf32>) -> tensor<f32> {
  %y = graph.kernel %x schedule<kind = rows, parallel = [], reduce = [40, 9]>
      : (tensor<40x9xf32>) -> tensor<f32> {
  ^bb0(%0: tensor<40x9xf32>):
    %q = graph.multiply %0, %0 : tensor<40x9xf32>
    %s = graph.sum %q {axes = array<i64: 0, 1>} : (tensor<40x9xf32>) -> tensor<f32>
    graph.yield %s : tensor<f32>
  }
  func.return %y : tensor<f32>
}
"""
LOSS = """
func.func @main(%x: tensor<64x10xf32>, %t: tensor<64x10xf32>) -> (tensor<f32>, tensor<64x10xf32>) {
  %loss, %g = graph.kernel %x, %t schedule<kind = rows, parallel = [64], reduce = [10]>
      : (tensor<64x10xf32>, tensor<64x10xf32>) -> (tensor<f32>, tensor<64x10xf32>) {
  ^bb0(%0: tensor<64x10xf32>, %1: tensor<64x10xf32>):
    %max = graph.max %0 {axes = array<i64: 1>, keepdims} : (tensor<64x10xf32>) -> tensor<64x1xf32>
    %d = graph.subtract %0, %max : (tensor<64x10xf32>, tensor<64x1xf32>) -> tensor<64x10xf32>
    %e = graph.exp %d : tensor<64x10xf32>
    %sum = graph.sum %e {axes = array<i64: 1>, keepdims} : (tensor<64x10xf32>) -> tensor<64x1xf32>
    %p = graph.divide %e, %sum : (tensor<64x10xf32>, tensor<64x1xf32>) -> tensor<64x10xf32>
    %l = graph.log %sum : tensor<64x1xf32>
    %lp = graph.subtract %d, %l : (tensor<64x10xf32>, tensor<64x1xf32>) -> tensor<64x10xf32>
    %tl = graph.multiply %1, %lp : tensor<64x10xf32>
    %total = graph.sum %tl {axes = array<i64: 0, 1>} : (tensor<64x10xf32>) -> tensor<f32>
    %n = graph.negative %total : tensor<f32>
    %h = graph.subtract %p, %1 : tensor<64x10xf32>
    graph.yield %n, %h : tensor<f32>, tensor<64x10xf32>
  }
  func.return %loss, %g : tensor<f32>, tensor<64x10xf32>
}
"""
COLUMNS = """
func.func @main(%x: tensor<200x70xf32>) -> (tensor<200x70xf32>, tensor<70xf32>, tensor<f32>, tensor<200xf32>) {
  %y, %log, %total, %rows = graph.kernel %x
      schedule<kind = columns, parallel = [70], reduce = [200]>
      : (tensor<200x70xf32>) -> (tensor<200x70xf32>, tensor<70xf32>, tensor<f32>, tensor<200xf32>) {
  ^bb0(%a: tensor<200x70xf32>):
    %max = graph.max %a {axes = array<i64: 0>} : (tensor<200x70xf32>) -> tensor<70xf32>
    %d = graph.subtract %a, %max : (tensor<200x70xf32>, tensor<70xf32>) -> tensor<200x70xf32>
    %e = graph.exp %d : tensor<200x70xf32>
    %sum = graph.sum %e {axes = array<i64: 0>} : (tensor<200x70xf32>) -> tensor<70xf32>
    %p = graph.divide %e, %sum : (tensor<200x70xf32>, tensor<70xf32>) -> tensor<200x70xf32>
    %l = graph.log %sum : tensor<70xf32>
    %t = graph.sum %l {axes = array<i64: 0>} : (tensor<70xf32>) -> tensor<f32>
    %r = graph.sum %p {axes = array<i64: 1>} : (tensor<200x70xf32>) -> tensor<200xf32>
    graph.yield %p, %l, %t, %r : tensor<200x70xf32>, tensor<70xf32>, tensor<f32>, tensor<200xf32>
  }
  func.return %y, %log, %total, %rows : tensor<200x70xf32>, tensor<70xf32>, tensor<f32>, tensor<200xf32>
}
"""
BIAS = """
func.func @main(%x: tensor<90x40xf32>, %b: tensor<40xf32>) -> (tensor<90xf32>, tensor<40xf32>) {
  %m, %db = graph.kernel %x, %b schedule<kind = rows, parallel = [90], reduce = [40]>
      : (tensor<90x40xf32>, tensor<40xf32>) -> (tensor<90xf32>, tensor<40xf32>) {
  ^bb0(%0: tensor<90x40xf32>, %1: tensor<40xf32>):
    %y = graph.add %0, %1 : (tensor<90x40xf32>, tensor<40xf32>) -> tensor<90x40xf32>
    %max = graph.max %y {axes = array<i64: 1>, keepdims} : (tensor<90x40xf32>) -> tensor<90x1xf32>
    %d = graph.subtract %y, %max : (tensor<90x40xf32>, tensor<90x1xf32>) -> tensor<90x40xf32>
    %down = graph.sum %d {axes = array<i64: 0>} : (tensor<90x40xf32>) -> tensor<40xf32>
    %flat = graph.reshape %max : (tensor<90x1xf32>) -> tensor<90xf32>
    graph.yield %flat, %down : tensor<90xf32>, tensor<40xf32>
  }
  func.return %m, %db : tensor<90xf32>, tensor<40xf32>
}
"""
KERNELS = {"softmax": SOFTMAX, "chain": CHAIN, "total": TOTAL, "loss": LOSS, "columns": COLUMNS, "bias": BIAS}


def kernel_of(text: str) -> Kernel:
    return next(op for op in parse(context(), text).module.walk() if isinstance(op, Kernel))


def on_device(lowered: LoweredKernel) -> ModuleOp:
    """A host function that takes the buffers of the kernels and launches them in turn."""
    return launching(lowered.code, [type_ for _, type_ in lowered.arguments])


@pytest.mark.parametrize("threads", [None, 32, 64, 1024])
@pytest.mark.parametrize("text", KERNELS.values(), ids=KERNELS)
def test_against_the_evaluator(text: str, threads: int | None) -> None:
    if threads is not None:
        text = text.replace("schedule<", f"schedule<gpu = {{threads = {threads}}}, ")
    kernel = kernel_of(text)
    check_schedule(kernel)
    check_means(kernel, "gpu")
    inputs: list[BufferKey] = [("input", i) for i in range(len(kernel.operands))]
    outputs: list[BufferKey] = [("output", i) for i in range(len(kernel.results))]
    lowered = gpu_kernels(Signature(kernel, "k", inputs, outputs))
    made = [code for code in lowered.code if isinstance(code, GpuKernel)]
    assert len(made) == len(lowered.code)
    assert threads is None or all(code.threads == threads for code in made)
    if kernel.schedule is not None and kernel.schedule.data.kind != "pointwise":
        assert [
            code.shared_bytes for code in made if "_once" not in str(code.function.sym_name)
        ] == shared_memory(kernel)
    generator = np.random.default_rng(0)
    arrays: list[np.ndarray] = []
    for value in kernel.operands:
        random = generator.standard_normal(shape_of_type(value.type))
        dtype = numpy_dtype(element_type_of(value.type))
        arrays.append(random > 0 if dtype == np.bool_ else random.astype(dtype))
    function = kernel.parent_op()
    assert isinstance(function, func.FuncOp)
    expected = evaluate(function, arrays)
    given = {place: array.reshape(-1) for place, array in zip(inputs, arrays, strict=True)}
    undefined = [i for i, (place, _) in enumerate(lowered.arguments) if place not in given]
    flat = [given[p] if p in given else np.empty(t.get_shape(), dtype_of(t)) for p, t in lowered.arguments]
    run(on_device(lowered), flat, undefined=undefined)
    places = [place for place, _ in lowered.arguments]
    for place, value in zip(outputs, expected, strict=True):
        got = flat[places.index(place)].reshape(value.shape)
        np.testing.assert_allclose(got, value, rtol=1e-5)


def test_an_output_may_take_the_place_of_an_input() -> None:
    kernel = kernel_of(SOFTMAX)
    lowered = gpu_kernels(Signature(kernel, "k", [("input", 0)], [("input", 0), ("output", 1)]))
    assert [place for place, _ in lowered.arguments] == [("input", 0), ("output", 1)]
    x = np.random.default_rng(0).standard_normal((6, 200), np.float32)
    buffers = [x.reshape(-1).copy(), np.zeros(6, np.float32)]
    run(on_device(lowered), buffers)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(buffers[0].reshape(x.shape), e / e.sum(axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(buffers[1], np.log(e.sum(axis=1)), rtol=1e-5)


def test_more_shared_memory_than_a_block_has() -> None:
    count, shape = 13, "tensor<500x70xf64>"
    sums = [
        f"%y{i} = graph.sum %0 {{axes = array<i64: 0>}} : ({shape}) -> tensor<70xf64>" for i in range(count)
    ]
    names, types = ", ".join(f"%y{i}" for i in range(count)), ", ".join(["tensor<70xf64>"] * count)
    schedule = "schedule<kind = columns, parallel = [70], reduce = [500]>"
    kernel = kernel_of(f"""func.func @main(%x: {shape}) -> ({types}) {{
      %r:{count} = graph.kernel %x {schedule} : ({shape}) -> ({types}) {{
      ^bb0(%0: {shape}):
        {"".join(sums)}
        graph.yield {names} : {types}
      }}
      func.return {", ".join(f"%r#{i}" for i in range(count))} : {types}
    }}""")
    with pytest.raises(DiagnosticError, match="need more than 49152 bytes of shared memory"):
        check_means(kernel, "gpu")


def test_totals_over_all_lines_and_across_them_together() -> None:
    kernel = kernel_of("""func.func @main(%x: tensor<4x6xf32>) -> tensor<6xf32> {
      %r = graph.kernel %x schedule<kind = rows, parallel = [4], reduce = [6]> : (tensor<4x6xf32>) -> tensor<6xf32> {
      ^bb0(%0: tensor<4x6xf32>):
        %across = graph.sum %0 {axes = array<i64: 0>} : (tensor<4x6xf32>) -> tensor<6xf32>
        %all = graph.sum %0 {axes = array<i64: 0, 1>} : (tensor<4x6xf32>) -> tensor<f32>
        %y = graph.multiply %across, %all : (tensor<6xf32>, tensor<f32>) -> tensor<6xf32>
        graph.yield %y : tensor<6xf32>
      }
      func.return %r : tensor<6xf32>
    }""")
    check_schedule(kernel)
    check_means(kernel, "cpu")
    with pytest.raises(DiagnosticError, match="totals over all lines and across them are used together"):
        check_means(kernel, "gpu")
