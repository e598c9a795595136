"""Sums of terms whose shapes are partly known: two methods lost extents that another term knew.

The type of the sum changed with the method, which ended in a `VerificationError` at the run.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.dialects.builtin import DYNAMIC_INDEX

import pullback as pb
from pullback.dialects.graph.gradient.markers import SumGradients
from pullback.dialects.graph.gradient.policies import Aggregation
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import compatible_types
from pullback.passes.gradients.aggregate_gradients import aggregate
from pullback.tests.graphs import Function

METHODS = ["ADD_N", "TREE", "ACCUMULATE_N", "BALANCED"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_terms_that_know_different_extents(method: str, target: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, None), name="x")
        how = getattr(pb.AggregationMethod, method)
        ys = [pb.concat([x, x], 1), pb.sin(x), x]
        (dx,) = pb.gradients(ys, [x], [pb.ones((1, 4)), None, None], aggregation_method=how)
        (ddx,) = pb.gradients(dx * dx, [x], aggregation_method=how)
        assert dx.shape == (1, None)
        got, second = pb.run([dx, ddx], {x: np.ones((1, 2), np.float32)}, target=target)
    first = 3 + np.cos(1.0)
    np.testing.assert_allclose(got, np.full((1, 2), first), rtol=1e-6)
    np.testing.assert_allclose(second, np.full((1, 2), -2 * first * np.sin(1.0)), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_slices_that_know_different_extents(method: str) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, None), name="x")
        how = getattr(pb.AggregationMethod, method)
        seeds = [pb.ones((2, 3)), None, pb.IndexedSlices(np.ones((1, 3), np.float32), [2], (4, 3))]
        ys = [pb.gather(x, [1, 3]), pb.gather(x, [0]), x]
        (dx,) = pb.gradients(ys, [x], seeds, aggregation_method=how)
        assert dx.shape == (4, 3)
        values = pb.run(dx, {x: np.ones((4, 3), np.float32)}).dense()
    np.testing.assert_array_equal(values, np.ones((4, 3)))


SHAPE = (1, 4, 2)
KNOWN = [
    tuple(n if k else "?" for n, k in zip(SHAPE, known, strict=True))
    for known in itertools.product([0, 1], repeat=3)
]


@given(st.lists(st.sampled_from(KNOWN), min_size=2, max_size=5), st.sampled_from(list(Aggregation)))
def test_every_method_knows_what_any_term_knows(
    shapes: list[tuple[int | str, ...]], method: Aggregation
) -> None:
    function = Function(["x".join(map(str, (*shape, "f64"))) for shape in shapes])
    with inserting(function.block.add_op):
        marker = SumGradients.emit([t.value for t in function.args])
        kept = Tensor(marker.results[0]) * 1.0
    type_ = marker.results[0].type
    aggregate(marker, method)
    total = Tensor(kept.op.operands[0])
    known = tuple(
        next((n for n in extents if n != "?"), DYNAMIC_INDEX) for extents in zip(*shapes, strict=True)
    )
    assert total.extents == known
    assert compatible_types(total.type, type_)
    (got,) = function(*[np.full(SHAPE, 2.0**i) for i in range(len(shapes))], results=[total])
    np.testing.assert_array_equal(got, np.full(SHAPE, 2.0 ** len(shapes) - 1))
