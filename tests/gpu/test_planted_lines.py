"""Faults planted in kernels of lines whose schedules say how threads share them: each barrier and mask is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from pullback.tests.gpu import faults
from pullback.tests.gpu.planted import Array, Subject, finds, subject_of_graph

pytestmark = pytest.mark.compiler

SOFTMAX = """
func.func @main(%x: tensor<ROWSxCOLSxf32>) -> (tensor<ROWSxCOLSxf32>, tensor<LINExf32>) {
  %y, %m = graph.kernel %x schedule<kind = KIND, EXTENTS, gpu = {TUNING}>
      : (tensor<ROWSxCOLSxf32>) -> (tensor<ROWSxCOLSxf32>, tensor<LINExf32>) {
  ^bb0(%0: tensor<ROWSxCOLSxf32>):
    %max = graph.max %0 {axes = array<i64: AXIS>, keepdims} : (tensor<ROWSxCOLSxf32>) -> tensor<LINExf32>
    %d = graph.subtract %0, %max : (tensor<ROWSxCOLSxf32>, tensor<LINExf32>) -> tensor<ROWSxCOLSxf32>
    %e = graph.exp %d : tensor<ROWSxCOLSxf32>
    %sum = graph.sum %e {axes = array<i64: AXIS>, keepdims} : (tensor<ROWSxCOLSxf32>) -> tensor<LINExf32>
    %p = graph.divide %e, %sum : (tensor<ROWSxCOLSxf32>, tensor<LINExf32>) -> tensor<ROWSxCOLSxf32>
    graph.yield %p, %max : tensor<ROWSxCOLSxf32>, tensor<LINExf32>
  }
  func.return %y, %m : tensor<ROWSxCOLSxf32>, tensor<LINExf32>
}
"""
"""Softmax, and the maxima, which softmax itself does not depend on."""

SUMS = """
func.func @main(%x: tensor<ROWSxCOLSxf32>) -> (tensor<ROWSxf32>, tensor<COLSxf32>, tensor<f32>) {
  %a, %b, %c = graph.kernel %x schedule<kind = rows, parallel = [ROWS], reduce = [COLS], gpu = {TUNING}>
      : (tensor<ROWSxCOLSxf32>) -> (tensor<ROWSxf32>, tensor<COLSxf32>, tensor<f32>) {
  ^bb0(%0: tensor<ROWSxCOLSxf32>):
    %row = graph.sum %0 {axes = array<i64: 1>} : (tensor<ROWSxCOLSxf32>) -> tensor<ROWSxf32>
    %down = graph.sum %0 {axes = array<i64: 0>} : (tensor<ROWSxCOLSxf32>) -> tensor<COLSxf32>
    %all = graph.sum %0 {axes = array<i64: 0, 1>} : (tensor<ROWSxCOLSxf32>) -> tensor<f32>
    graph.yield %row, %down, %all : tensor<ROWSxf32>, tensor<COLSxf32>, tensor<f32>
  }
  func.return %a, %b, %c : tensor<ROWSxf32>, tensor<COLSxf32>, tensor<f32>
}
"""


def numbers(rows: int, columns: int, axis: int) -> Array:
    """Numbers that show whether a maximum began at 0, and which lane it came from: each line has one of its own."""
    x = -5 - np.abs(np.random.default_rng(0).standard_normal((rows, columns), np.float32))
    lines = x if axis else x.T
    for number, line in enumerate(lines):
        line[(1 << number % 9) % len(line)] = -2 - number / 100
    return x


def softmax(rows: int, columns: int, axis: int, tuning: str) -> Subject:
    extents = f"parallel = [{rows}], reduce = [{columns}]"
    if not axis:
        extents = f"parallel = [{columns}], reduce = [{rows}]"
    text = SOFTMAX.replace("KIND", "rows" if axis else "columns").replace("EXTENTS", extents)
    text = text.replace("LINE", f"{rows}x1" if axis else f"1x{columns}").replace("AXIS", str(axis))
    return of(text, rows, columns, tuning, axis)


def of(text: str, rows: int, columns: int, tuning: str, axis: int = 1) -> Subject:
    text = text.replace("ROWS", str(rows)).replace("COLS", str(columns)).replace("TUNING", tuning)
    return subject_of_graph(text, numbers(rows, columns, axis))


SUBJECTS: dict[str, Callable[[], Subject]] = {
    "several rows in a warp": lambda: softmax(7, 13, 1, "lanes = 8, rows = 4, keep = registers"),
    "several rows, read again": lambda: softmax(7, 13, 1, "lanes = 8, rows = 4, keep = none"),
    "several rows of several warps": lambda: softmax(9, 70, 1, "lanes = 64, rows = 2"),
    "rows one after the other": lambda: softmax(10, 70, 1, "lanes = 64, rows = 1, chunk = 3"),
    "totals in registers": lambda: of(SUMS, 11, 13, "lanes = 8, rows = 8, keep = registers, chunk = 2"),
    "totals in memory": lambda: of(SUMS, 11, 13, "lanes = 8, rows = 4, keep = none, chunk = 2"),
    "totals of several warps": lambda: of(SUMS, 5, 70, "lanes = 64, rows = 1, chunk = 3, keep = registers"),
    "rows in parts": lambda: softmax(9, 150, 1, "split = 3, lanes = 32"),
    "vectors of rows": lambda: softmax(7, 28, 1, "vector = 4, lanes = 4, rows = 8, keep = registers"),
    "totals by vectors": lambda: of(
        SUMS, 11, 12, "vector = 2, lanes = 4, rows = 8, keep = registers, chunk = 2"
    ),
    "vectors of columns": lambda: softmax(21, 22, 0, "vector = 2, threads = 64"),
    "few columns": lambda: softmax(21, 5, 0, "threads = 64"),
    "columns in parts": lambda: softmax(50, 35, 0, "threads = 64, split = 3"),
}


@cache
def subject(name: str) -> Subject:
    return SUBJECTS[name]()


def each(name: str, op: str, fault: Callable[[int], faults.Fault]) -> None:
    """Plants a fault at each op of a name."""
    for number in range(subject(name).count(op)):
        finds(subject(name), fault(number))


every_subject = pytest.mark.parametrize("name", SUBJECTS)


@pytest.mark.matrix(6)
@every_subject
def test_each_barrier_and_shuffle_is_needed(name: str) -> None:
    each(name, "gpu.barrier", lambda n: faults.remove("gpu.barrier", n))
    each(name, "gpu.barrier", lambda n: faults.in_a_branch("gpu.barrier", n))
    each(name, "gpu.shuffle", faults.shuffle_distance)
    each(name, "gpu.shuffle", lambda n: faults.in_a_branch("gpu.shuffle", n, 5))


@pytest.mark.matrix(6)
@every_subject
def test_each_mask_is_needed_where_lines_are_shared(name: str) -> None:
    each(name, "arith.cmpi", faults.unmasked)
    each(name, "scf.if", faults.always)


@pytest.mark.matrix(6)
@every_subject
def test_each_index_and_store_is_needed(name: str) -> None:
    for op in ("memref.load", "memref.store", "vector.load", "vector.store"):
        each(name, op, lambda n, op=op: faults.index_off(op, n))
    for op in ("memref.store", "vector.store"):
        each(name, op, lambda n, op=op: faults.remove(op, n))


@pytest.mark.matrix(6)
@every_subject
def test_each_total_begins_at_its_neutral_element(name: str) -> None:
    loops = [op for op in subject(name).module.walk() if op.name == "scf.for" and len(op.operands) > 3]
    for number in range(len(loops)):
        finds(subject(name), faults.neutral_element(number, 1000.0))
