"""NaN wins maxima and minima, but its gradient went to the other elements: the selected element gets the gradient.

Several NaNs share it in reductions, as equal elements do; the first one gets it all in binary forms and in windows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb

NAN = np.nan
TARGETS = ("numpy", "cpu", "simt")


def gradients(function: Any, target: str, *inputs: Any, dtype: str = "f32") -> list[Any]:
    """Of the sum of the result."""
    with pb.Graph():
        xs = [pb.placeholder(dtype, np.shape(x)) for x in inputs]
        found = pb.gradients(function(*xs), xs, unconnected_gradients="zero")
        return list(pb.compile(xs, found, target=target)(*inputs))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("reduction", [pb.max, pb.min])
def test_reductions(reduction: Any, axis: int | None, target: str) -> None:
    rows = np.array([[1, NAN, 3, NAN], [2, 5, 5, 2]], np.float32)
    (got,) = gradients(lambda x: reduction(x, axis), target, rows)
    largest = reduction is pb.max
    expected = {
        None: [[0, 0.5, 0, 0.5], [0, 0, 0, 0]],
        0: [[0, 1, 0, 1], [1, 0, 1, 0]] if largest else [[1, 1, 1, 1], [0, 0, 0, 0]],
        1: [[0, 0.5, 0, 0.5], [0, 0.5, 0.5, 0] if largest else [0.5, 0, 0, 0.5]],
    }
    np.testing.assert_array_equal(got, expected[axis])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("function", [pb.maximum, pb.minimum])
def test_binary_forms(function: Any, target: str) -> None:
    da, db = gradients(function, target, [0, NAN, NAN, 1, 2], [NAN, 0, NAN, 1, 2])
    np.testing.assert_array_equal(da, [0, 1, 1, 1, 1])
    np.testing.assert_array_equal(db, [1, 0, 0, 0, 0])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("function", [pb.clip, pb.clip_by_value])
def test_clipping(function: Any, target: str) -> None:
    dx, lower, upper = gradients(function, target, [NAN, 0.5, 0.5, NAN], [0, NAN, 0, NAN], [1, 1, NAN, NAN])
    np.testing.assert_array_equal(dx, [1, 0, 0, 1])
    np.testing.assert_array_equal(lower, [0, 1, 0, 0])
    np.testing.assert_array_equal(upper, [0, 0, 1, 0])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("function", [pb.relu, pb.relu6, pb.elu, lambda x: pb.maximum(x, 0.0)])
def test_activations(function: Any, target: str) -> None:
    np.testing.assert_array_equal(gradients(function, target, [NAN, 1])[0], [1, 1])


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_pooling_sorting_and_picking(target: str) -> None:
    x = np.array([1, NAN, NAN, 2], np.float32)
    weights = np.array([1, 2, 3, 4], np.float32)
    (pooled,) = gradients(lambda t: pb.max_pool2d(pb.reshape(t, (1, 2, 2, 1)), 2, 2, "VALID"), target, x)
    (ascending,) = gradients(lambda t: pb.sort(t) * weights, target, x)
    (descending,) = gradients(lambda t: pb.sort(t, descending=True) * weights, target, x)
    (largest,) = gradients(lambda t: pb.top_k(t, 1)[0], target, x)
    np.testing.assert_array_equal(pooled, [0, 1, 0, 0])
    np.testing.assert_array_equal(ascending, [1, 3, 4, 2])
    np.testing.assert_array_equal(descending, [4, 1, 2, 3])
    np.testing.assert_array_equal(largest, [0, 1, 0, 0])


def test_integers_keep_one_comparison() -> None:
    with pb.Graph() as g:
        a = pb.placeholder("f32", (2,))
        whole = pb.cast(a, "i32")
        pb.gradients(pb.cast(pb.maximum(whole, whole), "f32"), [a])
    assert "not_equal" not in str(g)
