"""Slices made outside of a loop and used in it, and sums of stacks of stacks.

The zero that their gradient in the loop starts from had the shape of the table, not of the rows: the step did not run.
"""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.state.stacks import StackValue, add_stacks

TARGETS = pytest.mark.parametrize("target", ["numpy", "cpu"])
IDS = np.array([2, 0, 2], np.int32)


@TARGETS
@pytest.mark.parametrize("extent", [3, None])
def test_slices_from_outside_of_a_loop(extent: int | None, target: str) -> None:
    with pb.Graph():
        x, ids = pb.placeholder("f64", (2,), name="x"), pb.placeholder("i32", (extent,), name="ids")
        rows = pb.gather(pb.constant(np.arange(6.0).reshape(3, 2)), ids)
        slices = pb.IndexedSlices(rows * x, ids, (5, 2))

        def step(i: pb.Tensor, total: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
            table = slices.as_tensor()
            return i + 1, total + pb.sum(table * table * x)

        _, total = pb.while_loop(lambda i, _: i < 2, step, [0, pb.constant(0.0, "f64")])
        (slope,) = pb.gradients(total, [x])
        found = pb.run(slope, {x: [1.0, 2.0], ids: IDS}, target=target)
    table = np.array([[0.0, 1.0], [0.0, 0.0], [8.0, 10.0]])  # the slices made dense where x is 1
    np.testing.assert_allclose(found, 2 * 3 * np.sum(table**2, axis=0) * [1.0, 4.0])


@TARGETS
def test_zeros_for_slices_that_nothing_reaches_are_rows(target: str) -> None:
    with pb.Graph():
        y, rows = pb.placeholder("f64", (), name="y"), pb.placeholder("f64", (2, 4), name="rows")
        slices = pb.IndexedSlices(rows, [0, 1], (3, 4))
        (zeros,) = pb.gradients(y, [slices], unconnected_gradients="zero")
        np.testing.assert_array_equal(pb.run(zeros, {rows: np.ones((2, 4))}, target=target), np.zeros((2, 4)))


def test_empty_stacks_on_stacks_are_added_up() -> None:
    one = StackValue(None, np.float64(1.0))
    for a, b, top in ((None, None, None), (one, None, one), (None, one, one), (one, one, 2.0)):
        total = add_stacks(StackValue(None, a), StackValue(None, b))
        assert total is not None
        assert total.rest is None
        assert (total.top.top if isinstance(top, float) else total.top) == top
