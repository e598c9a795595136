"""Faults planted in the kernels of matrix products: the emulator or the CUDA text on fibers finds every one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from xdsl.dialects.builtin import f64

from pullback.tests.gpu import faults
from pullback.tests.gpu.planted import Array, Subject, finds, in_text, subject_of_graph
from pullback.tests.gpu.test_planted_faults import each

pytestmark = pytest.mark.compiler


def product(m: int, k: int, n: int, tuning: str, transposed: str = "transpose_b") -> Subject:
    """Two matrices, one of them transposed, a bias, and the hyperbolic tangent of the sum in another result.

    Where the second one is transposed, whatever is read beyond the edges of either is another row, or nothing.
    """
    first, second = ((m, k), (n, k)) if transposed == "transpose_b" else ((k, m), (k, n))
    x, w, b, y = (f"tensor<{'x'.join(map(str, shape))}xf32>" for shape in (first, second, (n,), (m, n)))
    text = f"""
    func.func @main(%x: {x}, %w: {w}, %b: {b}) -> ({y}, {y}) {{
      %p:2 = graph.kernel %x, %w, %b schedule<kind = matmul, parallel = [{m}, {n}], reduce = [{k}], gpu = {{{tuning}}}>
          : ({x}, {w}, {b}) -> ({y}, {y}) {{
      ^bb0(%0: {x}, %1: {w}, %2: {b}):
        %3 = graph.matmul %0, %1 {{{transposed}}} : ({x}, {w}) -> {y}
        %4 = graph.add %3, %2 : ({y}, {b}) -> {y}
        %5 = graph.tanh %4 : {y}
        graph.yield %4, %5 : {y}, {y}
      }}
      func.return %p#0, %p#1 : {y}, {y}
    }}"""
    return subject_of_graph(text, positive(*first), positive(*second), positive(n))


def positive(*shape: int) -> Array:
    """Numbers of which none is lost in a sum."""
    return np.random.default_rng(sum(shape)).uniform(0.5, 1, shape).astype(np.float32)


@cache
def tiled() -> Subject:
    return product(21, 37, 70, "tile = [16, 128, 16], threads = 64")


@cache
def in_parts() -> Subject:
    return product(18, 21, 9, "tile = [16, 16, 4], threads = 64, split = 3")


@cache
def across() -> Subject:
    """Neighbouring threads copy along the results, in vectors for the second matrix."""
    return product(21, 37, 72, "tile = [16, 128, 16], threads = 64", "transpose_a")


@cache
def long() -> Subject:
    """Sums of blocks of 1024 terms, added up in f64."""
    return product(2, 2060, 3, "tile = [4, 8, 64], threads = 32, split = 1")


MASKED = [tiled, in_parts]
EMITTERS = [*MASKED, across]
every_emitter = pytest.mark.parametrize("subject", EMITTERS, ids=lambda build: build.__name__)


@every_emitter
def test_each_barrier_is_needed(subject: Callable[[], Subject]) -> None:
    each(subject, "gpu.barrier", lambda n: faults.remove("gpu.barrier", n))
    finds(subject(), faults.swapped("gpu.barrier"))
    each(subject, "gpu.barrier", lambda n: faults.in_a_branch("gpu.barrier", n))
    for number in range(subject().text.count("__syncthreads")):
        finds(subject(), in_text(r"__syncthreads\(\);", "", number))


@pytest.mark.parametrize("subject", MASKED, ids=lambda build: build.__name__)
def test_each_mask_is_needed(subject: Callable[[], Subject]) -> None:
    """Those of the product; what adds up its parts has tests of its own."""
    product = next(op for op in subject().module.walk() if op.name == "gpu.func")
    for name, fault in (("arith.cmpi", faults.unmasked), ("scf.if", faults.always)):
        for number in range(sum(op.name == name for op in product.walk())):
            finds(subject(), fault(number))


@every_emitter
def test_each_index_is_needed(subject: Callable[[], Subject]) -> None:
    each(subject, "memref.load", lambda n: faults.index_off("memref.load", n))
    each(subject, "memref.store", lambda n: faults.index_off("memref.store", n))


@every_emitter
def test_sums_begin_at_zero(subject: Callable[[], Subject]) -> None:
    finds(subject(), in_text(r"(sums\w*\[\w+\]) = 0\.0f", r"\1 = 1.0f"))


@every_emitter
def test_each_store_is_needed(subject: Callable[[], Subject]) -> None:
    each(subject, "memref.store", lambda n: faults.remove("memref.store", n))


@every_emitter
def test_written_memory_is_not_read_under_another_name(subject: Callable[[], Subject]) -> None:
    last = sum(op.name == "gpu.launch_func" for op in subject().module.walk()) - 1
    finds(subject(), faults.same_argument(written=1, read=0, launch=last))


def test_long_sums_begin_at_zero_and_are_added_up() -> None:
    stores = [op for op in long().module.walk() if op.name == "memref.store"]
    wide = [number for number, op in enumerate(stores) if op.operands[0].type == f64]
    assert len(wide) == 2
    for number in wide:
        finds(long(), faults.remove("memref.store", number))
