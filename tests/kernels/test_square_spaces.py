"""Rows and columns of as many elements: reductions along both fit into one kernel, which tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import pullback as pb

Made = Callable[[pb.Tensor, pb.Tensor], Sequence[pb.Tensor]]


def softmax_and_totals(x: pb.Tensor, y: pb.Tensor, axis: int) -> list[pb.Tensor]:
    z = pb.exp(x) / pb.sum(pb.exp(x), axis, keepdims=True)
    return [z, pb.sum(z * y, 1 - axis), pb.max(z, 1 - axis, keepdims=True), pb.sum(z * y, axis), pb.sum(z)]


def with_gradients(x: pb.Tensor, y: pb.Tensor) -> list[pb.Tensor]:
    loss = pb.sum(pb.tanh(pb.sum((x - pb.mean(x, -1, keepdims=True)) * y[0], -1)))
    return [loss, *pb.gradients(loss, [x, y])]


def of_two_dims(x: pb.Tensor, y: pb.Tensor) -> list[pb.Tensor]:
    z = pb.tanh(pb.reshape(x, (3, 11, 3, 11)))
    return [z, pb.sum(z, (2, 3)), pb.sum(z, (0, 1))]


CASES: dict[str, tuple[Made, int]] = {
    "both sums": (lambda x, y: [pb.sum(x * y, 0), pb.sum(x * y, 1)], 1),
    "both with axes": (lambda x, y: [pb.sum(x * y, 0, keepdims=True), pb.sum(x * y, 1, keepdims=True)], 1),
    "what is made of both": (lambda x, y: [pb.square(pb.sum(x * y, 0)), pb.exp(-pb.sum(x * y, 1))], 2),
    "rows, then columns": (lambda x, y: softmax_and_totals(x, y, 1), 1),
    "columns, then rows": (lambda x, y: softmax_and_totals(x, y, 0), 1),
    "gradients of a weighted sum": (with_gradients, 2),
    "two dims and two": (of_two_dims, 1),
}


@pytest.mark.parametrize("target", ["cpu", "simt"])
@pytest.mark.parametrize("case", CASES)
def test_reductions_of_a_square_share_a_kernel(case: str, target: str) -> None:
    made, kernels = CASES[case]
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((33, 33)).astype(np.float32) for _ in range(2)]
    found: list[list[Any]] = []
    text = ""
    for name in ("numpy", target):
        with pb.Graph():
            x, y = (pb.placeholder("f32", (33, 33)) for _ in range(2))
            step = pb.compile([x, y], list(made(x, y)), name)
        found.append(step(*arrays))
        text = step.ir("kernels")
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert text.count("= graph.kernel") == kernels


TOTAL_OF_COLUMNS = """
func.func @main(%x: tensor<8x8xf32>) -> tensor<8xf32> {
  %y = graph.kernel %x schedule<kind = columns, parallel = [8], reduce = [8]> : (tensor<8x8xf32>) -> tensor<8xf32> {
  ^bb0(%0: tensor<8x8xf32>):
    %1 = graph.sum %0 {axes = array<i64: 1>} : (tensor<8x8xf32>) -> tensor<8xf32>
    graph.yield %1 : tensor<8xf32>
  }
  func.return %y : tensor<8xf32>
}
"""


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_a_total_over_the_outer_loops_runs_along_the_inner_ones(target: str) -> None:
    array = np.arange(64, dtype=np.float32).reshape(8, 8)
    (total,) = pb.parse(TOTAL_OF_COLUMNS).run([array], target)
    np.testing.assert_array_equal(total, array.sum(1))
