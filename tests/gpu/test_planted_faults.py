"""Faults planted in what each emitter makes: the emulator or the CUDA text on fibers finds every one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from pullback.tests.gpu import faults
from pullback.tests.gpu.planted import Array, ChangeOfText, Subject, finds, in_text, subject_of_graph

pytestmark = pytest.mark.compiler


def far_below_zero(*shape: int) -> Array:
    """Numbers that show whether a maximum began at 0, and a sum at anything else."""
    return -5 - np.abs(np.random.default_rng(sum(shape)).standard_normal(shape, np.float32))


SOFTMAX = """
func.func @main(%x: tensor<ROWSxCOLSxf32>) -> (tensor<ROWSxCOLSxf32>, tensor<LINExf32>) {
  %max = graph.max %x {axes = array<i64: AXIS>, keepdims} : (tensor<ROWSxCOLSxf32>) -> tensor<LINExf32>
  %d = graph.subtract %x, %max : (tensor<ROWSxCOLSxf32>, tensor<LINExf32>) -> tensor<ROWSxCOLSxf32>
  %e = graph.exp %d : tensor<ROWSxCOLSxf32>
  %sum = graph.sum %e {axes = array<i64: AXIS>, keepdims} : (tensor<ROWSxCOLSxf32>) -> tensor<LINExf32>
  %p = graph.divide %e, %sum : (tensor<ROWSxCOLSxf32>, tensor<LINExf32>) -> tensor<ROWSxCOLSxf32>
  func.return %p, %max : tensor<ROWSxCOLSxf32>, tensor<LINExf32>
}
"""


def softmax(rows: int, columns: int, axis: int) -> Subject:
    """Softmax, and the maxima, which softmax itself does not depend on."""
    line = f"{rows}x1" if axis else f"1x{columns}"
    text = SOFTMAX.replace("ROWS", str(rows)).replace("COLS", str(columns))
    return subject_of_graph(
        text.replace("LINE", line).replace("AXIS", str(axis)), far_below_zero(rows, columns)
    )


@cache
def pointwise() -> Subject:
    text = """
    func.func @main(%x: tensor<7x301xf32>, %b: tensor<301xf32>) -> tensor<7x301xf32> {
      %t = graph.tanh %x : tensor<7x301xf32>
      %y = graph.add %t, %b : (tensor<7x301xf32>, tensor<301xf32>) -> tensor<7x301xf32>
      func.return %y : tensor<7x301xf32>
    }"""
    return subject_of_graph(text, far_below_zero(7, 301), far_below_zero(301))


@cache
def vectors() -> Subject:
    """A vector for each thread, and a thread for each of the last elements."""
    text = """
    func.func @main(%x: tensor<303xf32>, %z: tensor<303xf32>) -> tensor<303xf32> {
      %k = graph.kernel %x, %z schedule<kind = pointwise, parallel = [303], gpu = {threads = 64, vector = 4}>
          : (tensor<303xf32>, tensor<303xf32>) -> tensor<303xf32> {
      ^bb0(%0: tensor<303xf32>, %1: tensor<303xf32>):
        %t = graph.tanh %0 : tensor<303xf32>
        %y = graph.add %t, %1 : tensor<303xf32>
        graph.yield %y : tensor<303xf32>
      }
      func.return %k : tensor<303xf32>
    }"""
    return subject_of_graph(text, far_below_zero(303), far_below_zero(303))


@cache
def staged() -> Subject:
    """A transposed input, which goes through shared memory."""
    text = """
    func.func @main(%x: tensor<75x70xf32>, %z: tensor<70x75xf32>) -> tensor<70x75xf32> {
      %t = graph.transpose %x {permutation = array<i64: 1, 0>} : (tensor<75x70xf32>) -> tensor<70x75xf32>
      %y = graph.multiply %t, %z : tensor<70x75xf32>
      func.return %y : tensor<70x75xf32>
    }"""
    return subject_of_graph(text, far_below_zero(75, 70), far_below_zero(70, 75))


@cache
def concat() -> Subject:
    text = """
    func.func @main(%x: tensor<9x40xf32>, %z: tensor<9x33xf32>) -> tensor<9x73xf32> {
      %e = graph.exp %x : tensor<9x40xf32>
      %y = graph.concat %e, %z {axis = 1 : i64} : (tensor<9x40xf32>, tensor<9x33xf32>) -> tensor<9x73xf32>
      func.return %y : tensor<9x73xf32>
    }"""
    return subject_of_graph(text, far_below_zero(9, 40), far_below_zero(9, 33))


@cache
def rows() -> Subject:
    return softmax(6, 200, 1)


@cache
def columns() -> Subject:
    return softmax(60, 200, 0)


@cache
def total() -> Subject:
    text = """
    func.func @main(%x: tensor<300x70xf32>) -> tensor<f32> {
      %y = graph.sum %x {axes = array<i64: 0, 1>} : (tensor<300x70xf32>) -> tensor<f32>
      func.return %y : tensor<f32>
    }"""
    return subject_of_graph(text, far_below_zero(300, 70))


@cache
def across() -> Subject:
    text = """
    func.func @main(%x: tensor<50x70xf32>) -> (tensor<50x70xf32>, tensor<70xf32>) {
      %s = graph.sum %x {axes = array<i64: 1>, keepdims} : (tensor<50x70xf32>) -> tensor<50x1xf32>
      %p = graph.multiply %x, %s : (tensor<50x70xf32>, tensor<50x1xf32>) -> tensor<50x70xf32>
      %t = graph.sum %p {axes = array<i64: 0>} : (tensor<50x70xf32>) -> tensor<70xf32>
      func.return %p, %t : tensor<50x70xf32>, tensor<70xf32>
    }"""
    return subject_of_graph(text, far_below_zero(50, 70))


EMITTERS = [pointwise, vectors, staged, concat, rows, columns, total, across]
every_emitter = pytest.mark.parametrize("subject", EMITTERS, ids=lambda build: build.__name__)


def each(subject: Callable[[], Subject], op: str, fault: Callable[[int], faults.Fault]) -> None:
    """Plants a fault at each op of a name."""
    for number in range(subject().count(op)):
        finds(subject(), fault(number))


@every_emitter
def test_each_barrier_is_needed(subject: Callable[[], Subject]) -> None:
    each(subject, "gpu.barrier", lambda n: faults.remove("gpu.barrier", n))
    for number in range(subject().text.count("__syncthreads")):
        finds(subject(), in_text(r"__syncthreads\(\);", "", number))


@every_emitter
def test_a_barrier_is_where_it_must_be(subject: Callable[[], Subject]) -> None:
    each(subject, "gpu.barrier", lambda n: faults.swapped("gpu.barrier", n))
    each(subject, "gpu.barrier", lambda n: faults.in_a_branch("gpu.barrier", n))


@every_emitter
def test_each_shuffle_has_its_distance(subject: Callable[[], Subject]) -> None:
    each(subject, "gpu.shuffle", faults.shuffle_distance)


@every_emitter
def test_each_shuffle_is_for_the_whole_warp(subject: Callable[[], Subject]) -> None:
    each(subject, "gpu.shuffle", lambda n: faults.in_a_branch("gpu.shuffle", n, 5))


@every_emitter
def test_each_mask_is_needed(subject: Callable[[], Subject]) -> None:
    each(subject, "arith.cmpi", faults.unmasked)
    each(subject, "scf.if", faults.always)


@every_emitter
def test_each_index_is_needed(subject: Callable[[], Subject]) -> None:
    for access in ("memref.load", "memref.store", "vector.load", "vector.store"):
        each(subject, access, lambda n, access=access: faults.index_off(access, n))


@every_emitter
def test_each_store_is_needed(subject: Callable[[], Subject]) -> None:
    for store in ("memref.store", "vector.store"):
        each(subject, store, lambda n, store=store: faults.remove(store, n))


@every_emitter
def test_each_sum_begins_at_its_neutral_element(subject: Callable[[], Subject]) -> None:
    loops = sum(op.name == "scf.for" and len(op.operands) > 3 for op in subject().module.walk())
    for number in range(loops):
        finds(subject(), faults.neutral_element(number, 1000.0))
    for number in range(len(faults.stand_ins(subject().module))):
        finds(subject(), faults.stand_in(number, 1000.0))


def shuffled(change: str) -> ChangeOfText:
    """A shuffle by 16 that is something else."""
    return in_text(r"const float (\w+) = __shfl_xor_sync\(0xffffffff, (\w+), 16\);", change)


TEXT_FAULTS: dict[str, tuple[Callable[[], Subject], ChangeOfText]] = {
    "shuffle_distance": (rows, shuffled(r"const float \1 = __shfl_xor_sync(0xffffffff, \2, 8);")),
    "shuffle_direction": (rows, shuffled(r"const float \1 = __shfl_up_sync(0xffffffff, \2, 16);")),
    "shuffle_width": (rows, shuffled(r"const float \1 = __shfl_xor_sync(0xffffffff, \2, 16, 16);")),
    "shuffle_in_a_branch": (
        rows,
        shuffled(r"float \1 = \2; if (threadIdx.x < 40) \1 = __shfl_xor_sync(0xffffffff, \2, 16);"),
    ),
    "barrier_in_a_branch": (rows, in_text(r"__syncthreads\(\);", "if (threadIdx.x < 40) __syncthreads();")),
    "early_return": (rows, in_text(r"__syncthreads\(\);", "if (threadIdx.x > 40) return; __syncthreads();")),
    "maximum_of_two": (rows, in_text(r"return a > b", "return a < b")),
    "index_of_shared_memory": (total, in_text(r"(= \w+_shared_\w+\[\w+)\]", r"\1 + 1]")),
    "index_of_a_store": (pointwise, in_text(r"\b(y\[\w+)\] =", r"\1 + 1] =")),
    "mask_of_a_tail": (pointwise, in_text(r"if \(inside\)", "if (true)")),
    "vector_that_is_misaligned": (vectors, in_text(r"(&x\w*\[\w+)\]", r"\1 + 1]")),
    "stride_of_a_tile": (staged, in_text(r"\* 17\b", "* 16")),
}
"""Faults of the text alone, which the IR does not have."""


@pytest.mark.parametrize("name", TEXT_FAULTS)
def test_faults_of_the_text(name: str) -> None:
    subject, fault = TEXT_FAULTS[name]
    assert finds(subject(), fault).by.startswith("fibers")


@every_emitter
def test_written_memory_is_not_read_under_another_name(subject: Callable[[], Subject]) -> None:
    finds(subject(), faults.same_argument())
