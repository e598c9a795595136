"""Sums over rows of a product times a matrix, which are sums over the rows of another product that is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.tensor.types import shape_of_type


def summed_columns(outputs: Any, keepdims: bool = True, width: int = 3, **options: Any) -> tuple[int, ...]:
    """The extents that are summed over after `canonicalize`, which must keep the results."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(s).astype(np.float32) for s in ((2, 5, 7), (2, 7, width), (2, 5, width))]
    with pb.Graph():
        given = [pb.placeholder("f32", a.shape) for a in arrays]
        made = outputs(*given, keepdims=keepdims, **options)
        steps = [pb.compile(given, made, target="numpy", pipeline=p) for p in ("dce", "canonicalize,dce")]
    for a, b in zip(*(step(*arrays) for step in steps), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    ops = pb.pipeline("canonicalize,dce")(steps[0].module("graph")).op.walk()
    return tuple(shape_of_type(op.operands[0].type)[-1] for op in ops if isinstance(op, Sum))


def sums(p: Any, v: Any, g: Any, keepdims: bool, before: bool = True, swapped: bool = False) -> list[Any]:
    early = [p @ v] if before else []
    of_rows = pb.matmul(g, v, transpose_b=True)
    total = pb.sum(p * of_rows if swapped else of_rows * p, axis=-1, keepdims=keepdims)
    return [total, *(early or [p @ v])]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
def test_rows_of_the_other_product_are_summed(keepdims: bool, swapped: bool) -> None:
    assert summed_columns(sums, keepdims, swapped=swapped) == (3,)


def test_a_product_that_comes_later_or_is_wider_is_not_taken() -> None:
    assert summed_columns(sums, before=False) == (7,)
    assert summed_columns(sums, width=9) == (7,)


def test_attention_has_one_kernel_less() -> None:
    """The gradient of its softmax is computed where the gradient of its weights is multiplied."""
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal((2, 40, 8)).astype(np.float32) for _ in range(3)]
    with pb.Graph():
        given = [pb.placeholder("f32", a.shape) for a in arrays]
        y = pb.softmax(given[0] @ given[1].mT) @ given[2]
        outputs = [y, *pb.gradients(pb.sum(y * y * y), given)]
        steps = [pb.compile(given, outputs, target=target) for target in ("numpy", "cpu")]
    for a, b in zip(*(step(*arrays) for step in steps), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)
    kernels = steps[1].ir("kernels")
    assert kernels.count("kind = rows, parallel = [2, 40], reduce = [40]") == 1


def sums_left(outputs: Any, *arrays: np.ndarray[Any, Any]) -> int:
    """The sums after `canonicalize`, which must keep the results."""
    with pb.Graph():
        given = [pb.placeholder(a.dtype, a.shape) for a in arrays]
        made = outputs(*given)
        steps = [pb.compile(given, made, target="numpy", pipeline=p) for p in ("dce", "canonicalize,dce")]
    for a, b in zip(*(step(*arrays) for step in steps), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    ops = pb.pipeline("canonicalize,dce")(steps[0].module("graph")).op.walk()
    return sum(isinstance(op, Sum) for op in ops)


@pytest.mark.parametrize("axes", [0, 1, (0, 2), None])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("is_negative", [False, True])
@pytest.mark.parametrize("kept_before", [False, True])
def test_a_sum_of_multiples_is_a_multiple_of_the_sum(
    axes: Any, keepdims: bool, is_negative: bool, kept_before: bool
) -> None:
    x = np.random.default_rng(2).standard_normal((4, 3, 5)).astype(np.float32)
    factor = x.sum(axis=axes, keepdims=True) + 1

    def outputs(x: Any, factor: Any) -> list[Any]:
        e = pb.exp(x - pb.max(x, axes, keepdims=True))
        terms = -(factor * e) if is_negative else e * factor
        return [pb.sum(e, axes, keepdims=kept_before), pb.sum(terms, axes, keepdims=keepdims)]

    assert sums_left(outputs, x, factor) == 1


def test_sums_of_other_multiples_stay() -> None:
    """Other axes, a factor that is not the same for all terms, a sum that comes later, and a narrow format."""
    x = np.random.default_rng(3).standard_normal((4, 5)).astype(np.float32)
    row = x[0]

    def sums(axis: int, of: int, multiply: bool, largest: int = 0) -> Any:
        def outputs(x: Any, row: Any) -> list[Any]:
            e = pb.exp(x - pb.max(x, largest, keepdims=True))
            made = [pb.sum(e, axis), pb.sum(e * row if multiply else e, of)]
            return made

        return outputs

    assert sums_left(sums(0, 0, True), x, row) == 1
    assert sums_left(sums(0, 1, True), x, row) == 2
    assert sums_left(sums(1, 1, True, 1), x, row) == 2
    assert sums_left(sums(0, 0, True, 1), x, row) == 2

    def later(x: Any, row: Any) -> list[Any]:
        e = pb.exp(x - pb.max(x, 0))
        return [pb.sum(e * row, 0), pb.sum(e, 0)]

    assert sums_left(later, x, row) == 2
    half = x.astype(np.float16)
    assert sums_left(sums(0, 0, True), half, half[0]) == 2


def test_sums_that_overflow_or_vanish_stay() -> None:
    x = np.array([[3e38, 1], [3e38, -1]], np.float32)
    factor = np.array([1e-38, np.inf], np.float32)
    assert sums_left(lambda x, f: [pb.sum(x, 0), pb.sum(x * f, 0)], x, factor) == 2
    assert sums_left(lambda x, f: [pb.sum(pb.exp(x), 0), pb.sum(pb.exp(x) * f, 0)], x - 200, factor) == 2


def test_the_gradient_of_a_logarithm_of_a_sum_of_exponentials_has_no_sum_of_its_own() -> None:
    def outputs(x: Any) -> list[Any]:
        largest = pb.max(x, 0)
        y = pb.sum(pb.log(pb.sum(pb.exp(x - largest), 0)) + largest)
        return [y, *pb.gradients(y, [x])]

    x = np.random.default_rng(4).standard_normal((6, 5)).astype(np.float32)
    # The exponentials, their logarithms, and how many are the largest.
    assert sums_left(outputs, x) == 3
