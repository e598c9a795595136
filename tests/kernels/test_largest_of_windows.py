"""Largest elements and their places in one kernel: the values of pooling, whether its gradient is asked for or not."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pullback as pb

SHAPE = (1, 4, 3, 5)
DY = np.random.default_rng(0).standard_normal((1, 2, 1, 5)).astype(np.float32)
VALUES = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan])


def steps(target: str) -> tuple[Any, Any]:
    """A step that pools alone, and one that computes the gradient, too."""
    with pb.Graph():
        x = pb.placeholder("f32", SHAPE)
        y = pb.max_pool2d(x, (2, 3), (2, 3), "VALID")
        alone = pb.compile([x], [y], target)
    with pb.Graph():
        x = pb.placeholder("f32", SHAPE)
        y = pb.max_pool2d(x, (2, 3), (2, 3), "VALID")
        both = pb.compile([x], [y, *pb.gradients(pb.sum(y * DY), [x])], target)
    return alone, both


ALONE, BOTH = steps("cpu")


@given(arrays(np.float32, SHAPE, elements=VALUES))
@settings(max_examples=50, deadline=None)
def test_values_and_gradients_are_those_of_numpy(x: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    windows = x.reshape(1, 2, 2, 1, 3, 5).transpose(0, 1, 3, 5, 2, 4).reshape(1, 2, 1, 5, 6)
    y, dx = BOTH(x)
    np.testing.assert_array_equal(y, np.max(windows, axis=-1))
    np.testing.assert_array_equal(y, ALONE(x)[0])
    place = np.argmax(windows, axis=-1)  # of the first NaN, if there is one, as ours
    each = np.where(np.arange(6) == place[..., None], DY[..., None], np.float32(0))
    back = each.reshape(1, 2, 1, 5, 2, 3).transpose(0, 1, 4, 2, 5, 3).reshape(SHAPE)
    np.testing.assert_array_equal(dx, back)


def test_the_other_lowering_finds_the_same_places() -> None:
    x = np.random.default_rng(1).integers(-2, 3, SHAPE).astype(np.float32)
    for ours, theirs in zip(BOTH(x), steps("simt")[1](x), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_one_kernel_finds_both() -> None:
    BOTH(np.zeros(SHAPE, np.float32))
    text = BOTH.ir("kernels")
    assert text.count("graph.kernel") == 2
    assert "xi8>" in text
