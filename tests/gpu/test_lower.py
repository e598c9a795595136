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
from pullback.driver.program import compile_function
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.gpu_kernels import gpu_kernels
from pullback.passes.kernels.check.check_schedule import check_means, check_schedule
from pullback.passes.lowering.buffer_assignment import BufferKey
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.passes.lowering.tuning import tuned
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


ROW_TUNINGS = [
    "lanes = 1, rows = 32",
    "lanes = 4, rows = 8, keep = none",
    "lanes = 8, rows = 4, keep = registers, chunk = 1",
    "lanes = 8, rows = 8, keep = registers, chunk = 3",
    "lanes = 16, rows = 2, keep = none, chunk = 4",
    "lanes = 32, rows = 4, keep = registers, chunk = 60",
    "lanes = 64, rows = 2, keep = none, chunk = 2",
    "lanes = 64, rows = 1, keep = none, chunk = 60",
    "lanes = 128, rows = 4, keep = registers, chunk = 5",
    "lanes = 32, rows = 3",
    "rows = 8",
    "threads = 64, rows = 2",
    "keep = registers",
    "split = 2",
    "split = 5, threads = 32",
    "split = 9, lanes = 128",
    "vector = 2",
    "vector = 2, lanes = 4, rows = 8, keep = none",
    "vector = 2, lanes = 8, rows = 4, keep = registers",
    "vector = 2, lanes = 64, rows = 2, keep = registers, chunk = 5",
    "vector = 2, lanes = 8, rows = 4, keep = registers, chunk = 50",
    "vector = 2, lanes = 8, rows = 4, keep = none, chunk = 50",
    "vector = 2, split = 3",
]
COLUMN_TUNINGS = [
    "split = 2",
    "split = 7, threads = 64",
    "split = 150",
    "threads = 1024, split = 3",
    "vector = 2",
    "vector = 2, split = 3, threads = 64",
]
TUNED = [
    *((name, f"threads = {threads}") for name in KERNELS for threads in (32, 64, 1024)),
    *((name, "") for name in KERNELS),
    *((name, tuning) for name in ("softmax", "total", "loss", "bias") for tuning in ROW_TUNINGS),
    *((name, "vector = 4") for name in ("softmax", "total", "bias")),
    *(("columns", tuning) for tuning in COLUMN_TUNINGS),
]
"""What threads do is the schedule's to say, and changes no result."""


@pytest.mark.matrix(90)
@pytest.mark.parametrize(("name", "tuning"), TUNED)
def test_against_the_evaluator(name: str, tuning: str) -> None:
    text = KERNELS[name]
    if tuning:
        text = text.replace("schedule<", f"schedule<gpu = {{{tuning}}}, ")
    kernel = kernel_of(text)
    check_schedule(kernel)
    check_means(kernel, "gpu")
    inputs: list[BufferKey] = [("input", i) for i in range(len(kernel.operands))]
    outputs: list[BufferKey] = [("output", i) for i in range(len(kernel.results))]
    lowered = gpu_kernels(Signature(kernel, "k", inputs, outputs))
    made = [code for code in lowered.code if isinstance(code, GpuKernel)]
    assert len(made) == len(lowered.code)
    stated = tuned(kernel, "gpu").gpu
    assert stated.threads is None or made[0].threads == stated.threads
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


@pytest.mark.parametrize("rows", [1, 4])
def test_a_chunk_of_more_rows_than_there_are(rows: int) -> None:
    """A block goes through no step behind the last row: there would be two thousand million of them."""
    chunk = (1 << 31) - 1
    test_against_the_evaluator("softmax", f"lanes = 64, rows = {rows}, keep = none, chunk = {chunk}")
    test_against_the_evaluator("loss", f"lanes = 64, rows = {rows}, chunk = {chunk}")


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


CROSSED = """
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %y = graph.kernel %x schedule<kind = rows, parallel = [4], reduce = [4]> : tensor<4x4xf32> {
  ^bb0(%a: tensor<4x4xf32>):
    %s = graph.sum %a {axes = array<i64: 1>} : (tensor<4x4xf32>) -> tensor<4xf32>
    %b = graph.add %a, %s : (tensor<4x4xf32>, tensor<4xf32>) -> tensor<4x4xf32>
    graph.yield %b : tensor<4x4xf32>
  }
  func.return %y : tensor<4x4xf32>
}
"""


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_a_reduction_that_is_asked_for_along_its_loop_is_refused_by_all_targets(target: str) -> None:
    with pytest.raises(DiagnosticError, match="is reduced along the loop that its result runs along"):
        compile_function(parse(context(), CROSSED).module, target)([np.ones((4, 4), np.float32)], {})


@pytest.mark.parametrize(
    ("name", "tuning", "message"),
    [
        ("softmax", "lanes = 8, rows = 2", "lanes 8 times rows 2 are 16 threads"),
        ("softmax", "lanes = 512, rows = 4", "lanes 512 times rows 4 are 2048 threads"),
        ("softmax", "lanes = 8, rows = 8, threads = 128", "are 64 threads and threads is 128"),
        (
            "softmax",
            "split = 2, rows = 2",
            "expected rows = 1, chunk = 1 and keep = none where rows are split",
        ),
        (
            "softmax",
            "split = 2, chunk = 2",
            "expected rows = 1, chunk = 1 and keep = none where rows are split",
        ),
        ("softmax", "split = 2, keep = registers", "expected rows = 1, chunk = 1 and keep = none"),
        ("softmax", "split = 201", "split is 201, of lines of 200 elements"),
        (
            "softmax",
            "lanes = 2, keep = registers",
            "each of 2 lanes has 100 of 200 elements; expected at most 64",
        ),
        ("columns", "split = 201", "split is 201, of lines of 200 elements"),
        (
            "softmax",
            "vector = 16",
            "200 elements are side by side, which is no multiple of it; expected 1 or 2 or 4",
        ),
        (
            "softmax",
            "vector = 8",
            "would be accessed by 32 bytes at once, of 16; expected 1 or 2 or 4",
        ),
        (
            "columns",
            "vector = 4",
            "70 elements are side by side, which is no multiple of it; expected 1 or 2",
        ),
        (
            "bias",
            "vector = 4, lanes = 8, rows = 4, keep = none, chunk = 50",
            "totals across 50 rows are in memory in f64; expected at most 2",
        ),
    ],
)
def test_parameters_that_do_not_fit(name: str, tuning: str, message: str) -> None:
    kernel = kernel_of(KERNELS[name].replace("schedule<", f"schedule<gpu = {{{tuning}}}, "))
    check_schedule(kernel)
    with pytest.raises(DiagnosticError, match=message):
        check_means(kernel, "gpu")
