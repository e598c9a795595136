"""Products of few columns: vectors along the terms, where columns as lanes would leave many idle."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.elementwise.basic import Maximum
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.linear_algebra.matmul import MatMul
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.passes.loops.products import few_column_plan
from pullback.passes.loops.products.few_column_plan import merges
from pullback.passes.lowering.vector_registers import evenly, register_count
from pullback.tests.loops.kernel_cases import Array, check, kernel_function, lowered, sample, schedule

SIZES = [(33, 3, 40), (40, 10, 130), (29, 7, 64), (17, 12, 67), (64, 2, 100), (5, 5, 33), (1, 11, 48)]
"""Rows, columns, terms: with rests of panels of rows, and of vectors of terms."""


@pytest.fixture(autouse=True)
def _everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans are taken for products that are too small to gain by them, too."""
    monkeypatch.setattr(few_column_plan, "GAIN", 1e9)


def loops(size: tuple[int, int, int], dtype: str, bits: int, *transposes: bool) -> str:
    """The loops of a product of so many rows, columns and terms."""
    m, n, k = size
    a, b = transposes
    arrays = [sample((k, m) if a else (m, k), dtype), sample((n, k) if b else (k, n), dtype, 1)]
    _, kernel = kernel_function(
        schedule("matmul", (m, n), (k,)), arrays, lambda x, y: [MatMul.product(x, y, a, b)]
    )
    return str(lowered(kernel, bits, {})[1])


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("transposed", [False, True], ids=["nn", "nt"])
@pytest.mark.parametrize(("dtype", "bits"), [("f32", 512), ("f64", 512), ("f32", 256), ("i32", 512)])
@pytest.mark.parametrize("first_cache", [1 << 20, 64], ids=["near", "far"])
def test_products(
    size: tuple[int, int, int],
    transposed: bool,
    dtype: str,
    bits: int,
    first_cache: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(few_column_plan, "SMALL_PANEL", first_cache)
    m, n, k = size
    arrays = [sample((m, k), dtype), sample((n, k) if transposed else (k, n), dtype, 1)]
    check(
        schedule("matmul", (m, n), (k,)),
        arrays,
        lambda x, y: [MatMul.product(x, y, False, transposed)],
        bits=bits,
    )


def test_results_and_operands_are_computed() -> None:
    """What is made of the sums is stored row by row, and factors may be computed as they are read."""

    def body(x: Tensor, w: Tensor, bias: Tensor, scale: Tensor) -> list[Tensor]:
        y = MatMul.product(Tanh.of(x), w * 2) * scale + bias
        return [Maximum.of(y, 0), y > 0, y]

    arrays = [sample((19, 130)), sample((130, 9)), sample((9,)), sample((19, 1))]
    check(schedule("matmul", (19, 9), (130,)), arrays, body, bits=512)


@pytest.mark.parametrize(
    "shapes", [((3, 20, 70), (3, 70, 10)), ((2, 3, 20, 70), (2, 1, 70, 10)), ((20, 70), (3, 70, 10))]
)
def test_batches(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    batch = np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2])
    arrays = [sample(shape, "f32", seed) for seed, shape in enumerate(shapes)]
    check(schedule("matmul", (*batch, 20, 10), (70,)), arrays, lambda x, y: [MatMul.product(x, y)], bits=512)


@pytest.mark.parametrize(("lanes", "columns"), [(16, 10), (8, 10), (8, 3), (4, 3)])
def test_pairs_that_are_merged(lanes: int, columns: int) -> None:
    """As many shuffles as the estimate of cycles counts."""
    dtype, bits = {16: ("f32", 512), 8: ("f32", 256), 4: ("f64", 256)}[lanes]
    text = loops((12, columns, 64), dtype, bits, False, True)
    rows = evenly(12, (register_count(bits) - 1) // (columns + 1))
    assert text.count("vector.shuffle") == 2 * rows * merges(columns, lanes)


def test_only_where_it_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten columns of many terms do; not few rows or terms, columns that fill vectors, or transposed rows."""
    monkeypatch.undo()

    def along(m: int, n: int, k: int, dtype: str = "f32", *, transposes_a: bool = False) -> bool:
        return "vector.shuffle" in loops((m, n, k), dtype, 512, transposes_a, False)

    assert along(128, 10, 512) and along(512, 10, 128, "f64") and along(512, 3, 512)
    assert not along(4, 10, 512) and not along(512, 10, 20) and not along(512, 16, 512)
    assert not along(128, 8, 512, "f64") and not along(128, 10, 512, transposes_a=True)


def test_threads_make_no_difference() -> None:
    with pb.Graph():
        x, y = pb.placeholder("f32", (777, 500)), pb.placeholder("f32", (500, 10))
        step = pb.compile([x, y], [pb.matmul(x, y)])
    arrays = sample((777, 500)), sample((500, 10), seed=1)
    results: list[Array] = []
    try:
        for threads in (1, 2, 5):
            pb.set_num_threads(threads)
            results.append(np.array(step(*arrays)[0]))
    finally:
        pb.set_num_threads(None)
    assert all(np.array_equal(results[0], other) for other in results[1:])
