"""Faults planted in what each emitter makes: the emulator or the CUDA text on fibers finds every one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from pullback.tests.gpu import faults
from pullback.tests.gpu.planted import Array, Subject, finds, in_text, subject_of_graph

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


EMITTERS = [pointwise, rows, columns, total, across]
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
    each(subject, "memref.load", lambda n: faults.index_off("memref.load", n))
    each(subject, "memref.store", lambda n: faults.index_off("memref.store", n))


@every_emitter
def test_each_store_is_needed(subject: Callable[[], Subject]) -> None:
    each(subject, "memref.store", lambda n: faults.remove("memref.store", n))


@every_emitter
def test_each_sum_begins_at_its_neutral_element(subject: Callable[[], Subject]) -> None:
    loops = sum(op.name == "scf.for" and len(op.operands) > 3 for op in subject().module.walk())
    for number in range(loops):
        finds(subject(), faults.neutral_element(number, 1000.0))


@every_emitter
def test_written_memory_is_not_read_under_another_name(subject: Callable[[], Subject]) -> None:
    finds(subject(), faults.same_argument(written=1, read=0))
