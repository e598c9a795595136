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
