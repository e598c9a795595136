"""Rules 89 to 92: values and norms within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

SLICES = pb.IndexedSlices


def run(fetches: Any, feeds: Any = None) -> Any:
    """The same on the oracle and as native code."""
    found, native = pb.run(fetches, feeds), pb.run(fetches, feeds, target="cpu")
    for a, b in zip(*(v if isinstance(v, list) else [v] for v in (found, native)), strict=True):
        if isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-6, equal_nan=True)
    return found


def rows(values: Any, indices: Any = (2, 0, 2)) -> pb.IndexedSlices:
    return pb.IndexedSlices(pb.constant(values), pb.constant(np.array(indices, np.int32)), (4, 2))


def gradient_of(function: Callable[[pb.Tensor], Any], data: Any) -> Any:
    x = pb.placeholder("f32", np.shape(data))
    (dx,) = pb.gradients(function(x), x)
    return run(dx, {x: np.array(data, np.float32)})


# ---- 89: clip_by_value ----------------------------------------------------------------------------------------


def test_rule_89_clip_by_value(graph: pb.Graph) -> None:
    x = pb.constant([-1.0, 0.0, 0.5, 1.0, 2.0, np.nan, np.inf])
    found = run(pb.clip_by_value(x, 0, 1))
    np.testing.assert_array_equal(found, [0, 0, 0.5, 1, 1, np.nan, 1])
    integers = pb.constant(np.arange(5))
    np.testing.assert_array_equal(run(pb.clip_by_value(integers, 1, 3)), [1, 1, 2, 3, 3])


def test_rule_89_its_gradient_at_the_bounds(graph: pb.Graph) -> None:
    found = gradient_of(lambda x: pb.clip_by_value(x, 0.0, 1.0), [-1, 0, 0.5, 1, 2])
    np.testing.assert_array_equal(found, [0, 1, 1, 1, 0])


def test_rule_89_bounds_that_cross_give_the_lower(graph: pb.Graph) -> None:
    np.testing.assert_array_equal(run(pb.clip_by_value(pb.constant([0.0, 2.0, 9.0]), 5.0, 1.0)), [5, 5, 5])


def test_rule_89_bounds_are_tensors_and_get_gradients(graph: pb.Graph) -> None:
    x = pb.constant([[-5.0, 0.5], [7.0, 0.2]])
    low, high = pb.Variable([-1.0, 0.3], name="low"), pb.constant(2.0)
    y = pb.clip_by_value(x, low, high)
    np.testing.assert_allclose(run(y), [[-1, 0.5], [2, 0.3]])
    np.testing.assert_array_equal(run(pb.gradients(y, [low])[0]), [1, 1])


def test_rule_89_nothing_grows(graph: pb.Graph) -> None:
    x = pb.constant([1.0, 2.0])
    for bounds in ((pb.zeros((3, 2)), 1.0), (0.0, pb.ones((3, 2)))):
        with pytest.raises(
            ValueError, match=r"clip_by_value: the bounds make shape \(3, 2\) of tensor<2xf32>"
        ):
            pb.clip_by_value(x, *bounds)
    with pytest.raises(TypeError):
        pb.clip_by_value("x", 0, 1)  # pyright: ignore[reportArgumentType]


def test_rule_89_slices_stay_slices(graph: pb.Graph) -> None:
    y = pb.clip_by_value(rows([[1.0, -2.0], [3.0, 4.0], [-5.0, 0.5]]), -1.0, 1.0, name="clipped")
    assert isinstance(y, SLICES)
    assert y.values.name == "clipped"
    np.testing.assert_array_equal(run(y.values), [[1, -1], [1, 1], [-1, 0.5]])
    np.testing.assert_array_equal(run(y.indices), [2, 0, 2])
    np.testing.assert_array_equal(run(y.dense_shape), [4, 2])


# ---- 90: clip_by_norm, clip_by_average_norm -------------------------------------------------------------------


def test_rule_90_clip_by_norm(graph: pb.Graph) -> None:
    x = pb.constant([3.0, 4.0])
    np.testing.assert_allclose(run(pb.clip_by_norm(x, 1.0)), [0.6, 0.8], rtol=1e-6)
    np.testing.assert_array_equal(run(pb.clip_by_norm(x, 5.0)), [3, 4])
    np.testing.assert_array_equal(run(pb.clip_by_norm(x, 99.0)), [3, 4])
    unit = pb.clip_by_norm(x, 1.0, name="unit")
    assert isinstance(unit, pb.Tensor)
    assert unit.name == "unit"


def test_rule_90_along_axes(graph: pb.Graph) -> None:
    data = np.array([[3, 4], [6, 8], [0.1, 0]], np.float32)
    found = run(pb.clip_by_norm(pb.constant(data), 5.0, axes=1))
    np.testing.assert_allclose(found, [[3, 4], [3, 4], [0.1, 0]], rtol=1e-6)
    found = run(pb.clip_by_norm(pb.constant(data), pb.constant([1.0, 100.0]), axes=[0]))
    np.testing.assert_allclose(
        found, np.stack([data[:, 0] / np.hypot(3, np.hypot(6, 0.1)), data[:, 1]], 1), 1e-6
    )
    with pytest.raises(ValueError, match="axis 2 does not exist"):
        pb.clip_by_norm(pb.constant(data), 1.0, axes=2)


def test_rule_90_is_safe_at_zero(graph: pb.Graph) -> None:
    for clip in (pb.clip_by_norm, pb.clip_by_average_norm):
        np.testing.assert_array_equal(run(clip(pb.zeros((3,)), 1.0)), [0, 0, 0])
        np.testing.assert_array_equal(gradient_of(lambda x, clip=clip: clip(x, 1.0), [0, 0, 0]), [1, 1, 1])
        assert run(clip(pb.zeros((0, 3)), 1.0)).shape == (0, 3)


def test_rule_90_its_gradient(graph: pb.Graph) -> None:
    """d/dx of sum(x / |x|)."""
    data = np.array([3, 4], np.float32)
    expected = (1 - data * data.sum() / 25) / 5
    np.testing.assert_allclose(gradient_of(lambda x: pb.clip_by_norm(x, 1.0), data), expected, rtol=1e-5)


def test_rule_90_clip_by_average_norm(graph: pb.Graph) -> None:
    x = pb.constant([3.0, 4.0])
    np.testing.assert_allclose(run(pb.clip_by_average_norm(x, 1.0)), [1.2, 1.6], rtol=1e-6)
    np.testing.assert_array_equal(run(pb.clip_by_average_norm(x, 2.5)), [3, 4])
    unknown = pb.placeholder("f32", (None,), name="unknown")
    found = run(pb.clip_by_average_norm(unknown, 1.0), {unknown: np.array([3, 4], np.float32)})
    np.testing.assert_allclose(found, [1.2, 1.6], rtol=1e-6)


def test_rule_90_slices_are_clipped_by_their_rows(graph: pb.Graph) -> None:
    """Rows of one index are not summed first."""
    y = pb.clip_by_norm(rows([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]), 1.0)
    assert isinstance(y, SLICES)
    np.testing.assert_allclose(run(y.values), [[0.6, 0], [0, 0.8], [0, 0]], rtol=1e-6)


def test_rule_90_what_is_refused(graph: pb.Graph) -> None:
    x = pb.constant([3.0, 4.0])
    for clip in (pb.clip_by_norm, pb.clip_by_average_norm):
        for limit in (0.0, -1, float("nan")):
            with pytest.raises(ValueError, match="clip_norm: expected a number above 0"):
                clip(x, limit)
        with pytest.raises(ValueError, match=r"the bounds make shape \(3, 2\)"):
            clip(x, pb.ones((3, 2)))
        with pytest.raises(TypeError, match="needs a real floating-point dtype, got i32"):
            clip(pb.constant([1, 2]), 1)


# ---- 91: global_norm ------------------------------------------------------------------------------------------


def test_rule_91_global_norm(graph: pb.Graph) -> None:
    a, b = pb.constant([[3.0, 0.0]]), pb.Variable(4.0)
    assert run(pb.global_norm([a, None, b])) == 5
    assert run(pb.global_norm((b,))) == 4
    assert pb.global_norm([a, b], name="size").name == "size"
    assert run(pb.global_norm([rows([[3.0, 0.0], [0.0, 0.0], [4.0, 0.0]])])) == 5
    for nothing in ([], [None]):
        norm = pb.global_norm(nothing)
        assert (norm.dtype, run(norm)) == ("f32", 0)


def test_rule_91_in_each_dtype(graph: pb.Graph) -> None:
    """In f16 the sum of squares would be infinite."""
    for dtype in ("f16", "f32", "f64"):
        norm = pb.global_norm([pb.constant([300.0, 400.0], dtype)])
        assert (norm.dtype, float(run(norm))) == (dtype, 500)


def test_rule_91_its_gradient(graph: pb.Graph) -> None:
    np.testing.assert_allclose(gradient_of(lambda x: pb.global_norm([x]), [3, 4]), [0.6, 0.8], rtol=1e-6)
    np.testing.assert_array_equal(gradient_of(lambda x: pb.global_norm([x]), [0, 0]), [0, 0])


def test_rule_91_what_is_refused(graph: pb.Graph) -> None:
    x = pb.constant([1.0])
    wrong: Any
    for wrong in (x, "x", {"x": x}, 3, iter([x])):
        with pytest.raises(TypeError, match="t_list should be a sequence") as error:
            pb.global_norm(wrong)
        assert isinstance(error.value, ValueError)
    with pytest.raises(TypeError, match=r"t_list\[2\]: expected f32, got f64"):
        pb.global_norm([x, None, pb.constant(1.0, "f64")])
    with pytest.raises(TypeError, match=r"t_list\[0\]: expected a real floating-point dtype, got i32"):
        pb.global_norm([pb.constant(1)])


# ---- 92: clip_by_global_norm ----------------------------------------------------------------------------------


def test_rule_92_clip_by_global_norm(graph: pb.Graph) -> None:
    a, b = pb.constant([3.0, 0.0]), pb.constant(4.0)
    (first, none, second), norm = pb.clip_by_global_norm([a, None, b], 2.5, name="scaled")
    assert none is None
    found, scalar, size = run([first, second, norm])
    np.testing.assert_allclose(found, [1.5, 0])
    assert (scalar, size) == (2, 5)
    assert isinstance(first, pb.Tensor)
    assert first.name == "scaled"
    (same, _), _ = pb.clip_by_global_norm((a, b), 5.0)
    np.testing.assert_array_equal(run(same), [3, 0])


def test_rule_92_slices_stay_slices(graph: pb.Graph) -> None:
    (y,), norm = pb.clip_by_global_norm([rows([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])], pb.constant(1.0))
    assert isinstance(y, SLICES)
    values, indices, size = run([y.values, y.indices, norm])
    np.testing.assert_allclose(values, [[0.6, 0], [0, 0.8], [0, 0]], rtol=1e-6)
    np.testing.assert_array_equal(indices, [2, 0, 2])
    assert size == 5


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_rule_92_a_norm_that_is_not_finite_shows_everywhere(graph: pb.Graph, bad: float) -> None:
    (a, b), norm = pb.clip_by_global_norm([pb.constant([1.0, 2.0]), pb.constant([bad])], 1.0)
    first, second, size = run([a, b, norm])
    assert np.isnan(first).all() and np.isnan(second).all() and not np.isfinite(size)


def test_rule_92_zeros_and_nothing(graph: pb.Graph) -> None:
    (zeros,), norm = pb.clip_by_global_norm([pb.zeros((2,))], 1.0)
    found, size = run([zeros, norm])
    np.testing.assert_array_equal(found, [0, 0])
    assert size == 0
    assert pb.clip_by_global_norm([], 1.0)[0] == []
    found = gradient_of(lambda x: pb.clip_by_global_norm([x], 1.0)[0], [0, 0])
    np.testing.assert_array_equal(found, [1, 1])


def test_rule_92_a_norm_that_is_known(graph: pb.Graph) -> None:
    known = pb.constant(10.0)
    (y,), norm = pb.clip_by_global_norm([pb.constant([3.0, 4.0])], 1.0, use_norm=known)
    assert norm is known
    np.testing.assert_allclose(run(y), [0.3, 0.4])
    (y,), _ = pb.clip_by_global_norm([pb.constant([3.0, 4.0], "f64")], 1.0, use_norm=20)
    np.testing.assert_allclose(run(y), [0.15, 0.2])


def test_rule_92_what_is_refused(graph: pb.Graph) -> None:
    x = pb.constant([1.0])
    wrong: Any = x
    with pytest.raises(TypeError, match="t_list should be a sequence, got Tensor"):
        pb.clip_by_global_norm(wrong, 1.0)
    with pytest.raises(ValueError, match="expected a number above 0, got -1"):
        pb.clip_by_global_norm([x], -1)
    with pytest.raises(ValueError, match="use_norm: expected one number"):
        pb.clip_by_global_norm([x], 1.0, use_norm=x)


def test_rule_92_before_an_optimizer(graph: pb.Graph) -> None:
    w = pb.Variable([3.0, 4.0], name="w")
    optimizer = pb.train.GradientDescentOptimizer(1.0)
    gradients, variables = zip(*optimizer.compute_gradients(pb.sum(w * w) / 2.0), strict=True)
    clipped, _ = pb.clip_by_global_norm(gradients, 1.0)
    pb.run(optimizer.apply_gradients(zip(clipped, variables, strict=True)), target="cpu")
    np.testing.assert_allclose(w.numpy(), [2.4, 3.2])
