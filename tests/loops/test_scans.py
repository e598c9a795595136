"""Scans in loops: every axis, both directions, with and without the element itself; bits are those of NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

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


def test_a_product_that_overflows_before_a_zero() -> None:
    x = np.array([1e200, 1e200, 0.0, 1.0])
    check(schedule("scan", (4,)), [x], partial(scan, CumProd, 0, False, False))


def test_a_scan_kernel_computes_nothing_else() -> None:
    def body(x: Tensor) -> list[Tensor]:
        return [CumSum.scan(x, axis=0) + 1.0]

    _, kernel = kernel_function(schedule("scan", (4,)), [sample((4,))], body)
    with pytest.raises(DiagnosticError, match="yields its scan, and computes nothing else"):
        check_means(kernel, "cpu")
