"""Scans in loops: every axis, both directions, with and without the element itself; bits are those of NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes.scans import CumLogSumExp, CumProd, CumSum, LinearRecurrence, Scan
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.check.check_schedule import check_means
from pullback.tests.loops.kernel_cases import check, kernel_function, sample, schedule

WAYS = [(False, False), (True, False), (False, True), (True, True)]
"""Exclusive or not, reverse or not."""


def scan(
    cls: type[Scan], axis: int, exclusive: bool, reverse: bool, x: Tensor, *more: Tensor
) -> list[Tensor]:
    return [cls.scan(x, *more, axis=axis, exclusive=exclusive, reverse=reverse)]


@pytest.mark.parametrize(("exclusive", "reverse"), WAYS)
@pytest.mark.parametrize(
    ("shape", "axis"), [((17,), 0), ((1, 3), 0), ((6, 33), 1), ((13, 50), 0), ((3, 7, 20), 1), ((0, 4), 0)]
)
def test_sums(shape: tuple[int, ...], axis: int, exclusive: bool, reverse: bool) -> None:
    body = partial(scan, CumSum, axis, exclusive, reverse)
    native = len(shape) == 3 and not exclusive
    check(schedule("scan", shape), [sample(shape)], body, native=native)


@pytest.mark.parametrize(("exclusive", "reverse"), WAYS)
@pytest.mark.parametrize("cls", [CumProd, CumLogSumExp, LinearRecurrence])
def test_other_scans(cls: type[Scan], exclusive: bool, reverse: bool) -> None:
    arrays = [sample((6, 9), seed=seed) for seed in range(2 if cls is LinearRecurrence else 1)]
    for axis in (0, 1):
        body = partial(scan, cls, axis, exclusive, reverse)
        check(schedule("scan", (6, 9)), arrays, body, native=not exclusive and reverse)


@pytest.mark.parametrize("dtype", ["f64", "i32", "i64"])
def test_dtypes(dtype: str) -> None:
    for cls in (CumSum, CumProd):
        body = partial(scan, cls, 1, False, False)
        check(schedule("scan", (5, 9)), [sample((5, 9), dtype)], body, native=False)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("cls", [CumSum, CumProd, CumLogSumExp])
def test_nan_and_infinity(cls: type[Scan]) -> None:
    x = sample((4, 7))
    x[0, 3], x[1, 2], x[2, 1], x[2, 4], x[3, 0] = np.nan, np.inf, -np.inf, np.inf, -np.inf
    for axis in (0, 1):
        check(schedule("scan", (4, 7)), [x], partial(scan, cls, axis, False, False), native=False)


@pytest.mark.parametrize(("exclusive", "reverse"), WAYS)
@pytest.mark.parametrize(("shape", "axis"), [((1000,), 0), ((2, 301), 1), ((257, 3), 0)], ids=str)
def test_long_lines_in_vectors(shape: tuple[int, ...], axis: int, exclusive: bool, reverse: bool) -> None:
    for dtype, cls in (("f32", CumSum), ("f64", CumSum), ("i32", CumSum), ("i32", CumProd)):
        body = partial(scan, cls, axis, exclusive, reverse)
        check(schedule("scan", shape), [sample(shape, dtype)], body, bits=512, native=dtype == "f32")


@pytest.mark.parametrize(("exclusive", "reverse"), WAYS)
@pytest.mark.parametrize(("shape", "axis"), [((2600,), 0), ((2, 2063), 1), ((2063, 3), 0)], ids=str)
def test_long_lines_in_chunks(shape: tuple[int, ...], axis: int, exclusive: bool, reverse: bool) -> None:
    body = partial(scan, CumLogSumExp, axis, exclusive, reverse)
    check(schedule("scan", shape), [sample(shape)], body, bits=256, native=len(shape) == 1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("cls", [CumSum, CumLogSumExp])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.0])
def test_long_lines_of_special_values(cls: type[Scan], value: float) -> None:
    """They reach as far as they do, and no further."""
    x = np.full(2600, -np.inf if cls is CumLogSumExp else -0.0, np.float32)
    x[[700, 2000]] = value
    check(schedule("scan", x.shape), [x], partial(scan, cls, 0, False, False), bits=256, native=False)


def test_sums_of_zeros_keep_their_sign() -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (300,), name="x")
        (found,) = pb.compile([x], [pb.cumsum(x)])(np.full(300, -0.0))
    assert np.signbit(found).all() and not found.any()


def test_results_do_not_depend_on_threads() -> None:
    x = np.random.default_rng(0).normal(size=300_000).astype(np.float32)
    with pb.Graph():
        tensor = pb.placeholder("f32", x.shape, name="x")
        step = pb.compile([tensor], [pb.cumulative_logsumexp(tensor), pb.cumsum(tensor)])
    results: list[list[np.ndarray]] = []
    try:
        for threads in (1, 2, 5):
            pb.set_num_threads(threads)
            results.append(step(x))
    finally:
        pb.set_num_threads(None)
    for found in results[1:]:
        assert all(map(np.array_equal, found, results[0]))
    wide = x.astype(np.float64)
    np.testing.assert_allclose(results[0][0], np.logaddexp.accumulate(wide), rtol=1e-6)
    np.testing.assert_allclose(results[0][1], np.cumsum(wide), rtol=1e-6, atol=1e-4)


def test_a_product_that_overflows_before_a_zero() -> None:
    x = np.array([1e200, 1e200, 0.0, 1.0])
    check(schedule("scan", (4,)), [x], partial(scan, CumProd, 0, False, False))


def test_a_scan_kernel_computes_nothing_else() -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [CumSum.scan(x, axis=0) + 1.0]

    _, kernel = kernel_function(schedule("scan", (4,)), [sample((4,))], body)
    with pytest.raises(DiagnosticError, match="yields its scan, and computes nothing else"):
        check_means(kernel, "cpu")
