"""A choice between 0 and the gradient of max pooling, by the pooled images: what is pooled decides, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pullback as pb
from pullback.dialects.graph.elementwise.basic import Where
from pullback.dialects.graph.tensor.types import shape_of_type

SHAPE = (2, 4, 5, 3)
VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan])
WINDOWS: dict[str, tuple[Any, Any, str]] = {
    "tiles": ((2, 5), (2, 5), "VALID"),
    "overlap": ((3, 2), (1, 2), "SAME"),
}


def relu_before(x: Any, pool: Callable[[Any], Any]) -> list[Any]:
    y = pool(pb.relu(x))
    return [y, *pb.gradients(pb.sum(y * y), [x])]


def chosen(x: Any, pool: Callable[[Any], Any]) -> list[Any]:
    y = pool(x)
    (dx,) = pb.gradients(pb.sum(pb.reshape(y, (2, -1)) * 3), [x])
    return [y, pb.where(pb.less(1, x), dx, 0)]


def both(made: Callable[..., list[Any]], windows: str) -> list[Any]:
    """Steps without `canonicalize` and with it."""
    with pb.Graph():
        x = pb.placeholder("f32", SHAPE)
        outputs = made(x, lambda v: pb.max_pool2d(v, *WINDOWS[windows]))
        return [pb.compile([x], outputs, "numpy", pipeline=p) for p in ("dce", "canonicalize,dce")]


STEPS = {
    (name, w): both(made, w) for name, made in (("relu", relu_before), ("chosen", chosen)) for w in WINDOWS
}


@pytest.mark.parametrize("case", STEPS, ids=str)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_gradients_are_the_same(case: tuple[str, str], data: st.DataObject) -> None:
    x = data.draw(arrays(np.float32, SHAPE, elements=VALUES))
    before, after = STEPS[case]
    for a, b in zip(before(x), after(x), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("case", "shape"), [(c, s) for c, s in zip(STEPS, [(2, 2, 1, 3), (2, 4, 3, 3)] * 2, strict=True)]
)
def test_masks_have_an_element_for_each_window(case: tuple[str, str], shape: tuple[int, ...]) -> None:
    ops = pb.pipeline("canonicalize,dce")(STEPS[case][0].module("graph")).op.walk()
    sizes = {np.prod(shape_of_type(op.results[0].type)) for op in ops if isinstance(op, Where)}
    assert sizes == {np.prod(shape)}


def test_other_images_or_numbers_decide_where_they_are() -> None:
    def made(x: Any, pool: Callable[[Any], Any]) -> list[Any]:
        y = pool(x)
        (dx,) = pb.gradients(pb.sum(y), [x])
        return [y, pb.where(x * 2 > 1, dx, 0), pb.where(x > 1, dx + 0.5, 1)]

    before, after = both(made, "tiles")
    ops = after.module("graph").op.walk()
    assert {shape_of_type(op.results[0].type) for op in ops if isinstance(op, Where)} == {SHAPE}
    x = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    for a, b in zip(before(x), after(x), strict=True):
        np.testing.assert_array_equal(a, b)
