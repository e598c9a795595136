"""Reductions, scans, statistics, normalization and losses as users call them, against NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import pullback as pb

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], np.float32)


def value_of(make: Callable[..., Any], *arrays: Any) -> Any:
    """The values of what `make` gives on these arrays, at rest and with `?` in their shapes."""
    results: list[Any] = []
    for known in (True, False):
        with pb.Graph():
            xs = [
                pb.placeholder(a.dtype, a.shape if known else (None,) * a.ndim)
                for a in map(np.asarray, arrays)
            ]
            made = make(*xs)
            listed = list(made) if isinstance(made, tuple) else made
            results.append(pb.run(listed, dict(zip(xs, arrays, strict=True))))
    one, other = results
    for a, b in zip(
        one if isinstance(one, list) else [one], other if isinstance(other, list) else [other], strict=True
    ):
        np.testing.assert_array_equal(a, b)
    return one


def gradient_of(make: Callable[..., pb.Tensor], x: Any, order: int = 1) -> Any:
    """The gradient of the sum of what `make` gives."""
    with pb.Graph():
        z = pb.placeholder(np.asarray(x).dtype, np.shape(x))
        y = make(z)
        for _ in range(order):
            (y,) = pb.gradients(y, [z])
        return pb.run(y, {z: np.asarray(x)})


# ---- reductions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    "name", ["sum", "prod", "max", "min", "mean", "var", "std", "any", "all", "count_nonzero"]
)
def test_reductions_are_numpys(name: str, axis: Any, keepdims: bool) -> None:
    got = value_of(lambda x: getattr(pb, name)(x, axis=axis, keepdims=keepdims), X)
    expected = getattr(np, name)(X, axis=axis, keepdims=keepdims)
    assert got.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions(name: str) -> None:
    function, reference = getattr(pb, name), getattr(np, name)
    for axis in (None, 0, -1):
        got = value_of(lambda x, a=axis: function(x, a), X)
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, reference(X, axis))
    kept = value_of(lambda x: function(x, keepdims=True, output_type="i32"), X)
    assert kept.dtype == np.int32
    assert kept.shape == (1, 1)


def test_a_position_needs_elements_and_an_integer_dtype() -> None:
    with pb.Graph():
        with pytest.raises(ValueError, match="argmax: extent_c1: there is no element along axis 1"):
            pb.argmax(np.zeros((2, 0)), 1)
        with pytest.raises(TypeError, match="output_type: expected an integer dtype, got 'f32'"):
            pb.argmin([1, 2], output_type="f32")


def test_correction() -> None:
    np.testing.assert_allclose(value_of(lambda x: pb.var(x, 1, correction=1), X), X.var(1, ddof=1), rtol=1e-6)
    assert np.isinf(value_of(lambda x: pb.std(x, 1, correction=4), X)).all()
    mean, variance = value_of(lambda x: pb.moments(x, [1]), X)
    np.testing.assert_allclose(mean, X.mean(1), rtol=1e-6)
    np.testing.assert_allclose(variance, X.var(1), rtol=1e-6)


def test_ties_and_zeros() -> None:
    np.testing.assert_array_equal(gradient_of(pb.min, [1.0, 0.0, 0.0]), [0, 0.5, 0.5])
    np.testing.assert_array_equal(gradient_of(pb.prod, [0.0, 2.0, 3.0]), [6, 0, 0])
    np.testing.assert_array_equal(gradient_of(pb.prod, [0.0, 0.0, 3.0]), [0, 0, 0])
    np.testing.assert_array_equal(gradient_of(pb.prod, [0.0, 2.0, 3.0], 2), [5, 3, 2])
    np.testing.assert_array_equal(gradient_of(pb.cumprod, [0.0, 2.0, 3.0]), [9, 0, 0])
    np.testing.assert_array_equal(gradient_of(pb.cumprod, [2.0, 0.0, 3.0], 2), [4, 6, 2])
    np.testing.assert_array_equal(
        gradient_of(lambda x: pb.cumprod(x, exclusive=True), [2.0, 0.0, 3.0]), [1, 2, 0]
    )


# ---- norms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3, 0.5, np.inf, -np.inf])
def test_norms(order: float) -> None:
    np.testing.assert_allclose(
        value_of(lambda x: pb.norm(x, order, 1), X), np.linalg.norm(X, order, 1), rtol=1e-5
    )
    whole = value_of(lambda x: pb.norm(x, order, keepdims=True), X)
    np.testing.assert_allclose(whole, [[np.linalg.norm(X.ravel(), order)]], rtol=1e-5)


def test_euclidean_norm() -> None:
    np.testing.assert_allclose(value_of(lambda x: pb.norm(x, axis=(0, 1)), X), np.linalg.norm(X), rtol=1e-6)
    z = X + 1j * X[::-1]
    np.testing.assert_allclose(
        value_of(lambda x: pb.norm(x, axis=0), z), np.linalg.norm(z, axis=0), rtol=1e-6
    )
    np.testing.assert_allclose(gradient_of(pb.norm, [3.0, 4.0]), [0.6, 0.8])
    np.testing.assert_array_equal(gradient_of(pb.norm, [0.0, 0.0]), [0, 0])
    with pb.Graph():
        with pytest.raises(ValueError, match="norm: ord 1 along 2 axes is not supported"):
            pb.norm(X, 1, (0, 1))
        with pytest.raises(TypeError, match="ord: expected a number or 'euclidean', got 'nuclear'"):
            pb.norm(X, "nuclear")
        with pytest.raises(ValueError, match="ord 0 is no norm"):
            pb.norm(X, 0)


def test_l2_normalize() -> None:
    got = value_of(lambda x: pb.l2_normalize(x, 1), X)
    np.testing.assert_allclose(got, X / np.linalg.norm(X, axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(value_of(pb.l2_normalize, np.zeros(3, np.float32)), np.zeros(3))


# ---- scans --------------------------------------------------------------------------------------------------


def test_cumulative_sum_and_product() -> None:
    for function, reference in (
        (pb.cumulative_sum, np.cumulative_sum),
        (pb.cumulative_prod, np.cumulative_prod),
    ):
        for initial in (False, True):
            got = value_of(lambda x, f=function, i=initial: f(x, axis=-1, include_initial=i), X)
            np.testing.assert_allclose(got, reference(X, axis=-1, include_initial=initial), rtol=1e-6)
        np.testing.assert_allclose(value_of(function, X[0]), reference(X[0]), rtol=1e-6)
    with pb.Graph(), pytest.raises(ValueError, match="cumulative_sum: axis: needed"):
        pb.cumulative_sum(X)


def test_cumulative_logsumexp_of_nothing_yet() -> None:
    x = np.array([-np.inf, -np.inf, 1.0, 2.0])
    with np.errstate(all="ignore"):
        got = gradient_of(lambda z: pb.cumulative_logsumexp(z, reverse=False)[2:], x)
    np.testing.assert_allclose(got, [0, 0, 1 + special.expit(-1.0), special.expit(1.0)])


# ---- softmax and losses -------------------------------------------------------------------------------------


def test_softmax_and_losses() -> None:
    labels, numbers = special.softmax(X[::-1], axis=0), np.array([2, 0])
    np.testing.assert_allclose(value_of(pb.softmax, X), special.softmax(X, axis=1), rtol=1e-6)
    np.testing.assert_allclose(
        value_of(lambda x: pb.log_softmax(x, 0), X), special.log_softmax(X, axis=0), rtol=1e-5
    )
    got = value_of(lambda t, x: pb.softmax_cross_entropy_with_logits(t, x, axis=0), labels, X)
    np.testing.assert_allclose(got, -(labels * special.log_softmax(X, axis=0)).sum(0), rtol=1e-5)
    got = value_of(pb.sigmoid_cross_entropy_with_logits, labels, X)
    expected = -labels * special.log_expit(X) - (1 - labels) * special.log_expit(-X)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    got = value_of(lambda t, x: pb.weighted_cross_entropy_with_logits(t, x, 3), labels, X)
    np.testing.assert_allclose(got, expected - 2 * labels * special.log_expit(X), rtol=1e-5)
    with pb.Graph():
        loss = pb.sparse_softmax_cross_entropy_with_logits(numbers, X)
        np.testing.assert_allclose(pb.run(loss), -special.log_softmax(X, axis=1)[[0, 1], numbers], rtol=1e-5)
        with pytest.raises(TypeError, match="labels: needs an integer dtype, got f32"):
            pb.sparse_softmax_cross_entropy_with_logits(labels[0], X)
        with pytest.raises(TypeError, match="logits: needs a real floating-point dtype, got i32"):
            pb.softmax_cross_entropy_with_logits([1, 2], [1, 2])


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_sparse_cross_entropy_of_three_equal_logits(target: str) -> None:
    """As in TensorFlow; a label that is no class gives NaN, in the gradient too."""
    with pb.Graph():
        x, t = pb.placeholder("f64", (2, 3)), pb.placeholder("i32", (2,))
        (dx,) = pb.gradients(pb.sparse_softmax_cross_entropy_with_logits(t, x), [x])
        got = pb.compile([x, t], [dx], target=target)(np.ones((2, 3)), np.array([0, 3], np.int32))[0]
    np.testing.assert_allclose(got, [[-2 / 3, 1 / 3, 1 / 3], [np.nan] * 3])


# ---- normalization ------------------------------------------------------------------------------------------


def images(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    return rng.normal(size=(3, 2, 4, 6)), rng.uniform(0.5, 2, 6), rng.normal(size=6)


def test_layer_norm(rng: np.random.Generator) -> None:
    x, scale, offset = images(rng)
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(value_of(pb.layer_norm, x), expected, rtol=1e-10)
    np.testing.assert_allclose(
        value_of(pb.layer_norm, x, scale, offset), expected * scale + offset, rtol=1e-10
    )
    size = np.sqrt((x**2).mean((1, 3), keepdims=True) + 1e-6)
    np.testing.assert_allclose(value_of(lambda x: pb.rms_norm(x, axis=(3, 1)), x), x / size, rtol=1e-10)


def test_batch_norm(rng: np.random.Generator) -> None:
    x, scale, offset = images(rng)
    over = (0, 1, 2)
    y, mean, variance = value_of(pb.batch_norm, x, scale, offset)
    np.testing.assert_allclose(mean, x.mean(over))
    np.testing.assert_allclose(variance, x.var(over))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-3) * scale + offset)
    same = value_of(
        lambda *xs: pb.batch_normalization(*xs, variance_epsilon=1e-3), x, mean, variance, offset, scale
    )
    np.testing.assert_allclose(same, y)
    plain = value_of(lambda x, m, v: pb.batch_normalization(x, m, v, None, None, 1e-3), x, mean, variance)
    np.testing.assert_allclose(plain * scale + offset, y)


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_fused_batch_norm(data_format: str, rng: np.random.Generator) -> None:
    x, scale, offset = images(rng)
    old = rng.normal(size=6), rng.uniform(1, 2, 6)
    order = (0, 3, 1, 2) if data_format == "NCHW" else (0, 1, 2, 3)
    turned = np.ascontiguousarray(x.transpose(order))
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-3) * scale + offset
    y, mean, variance = value_of(
        lambda *xs: pb.fused_batch_norm(*xs, data_format=data_format), turned, scale, offset
    )
    np.testing.assert_allclose(y, expected.transpose(order))
    np.testing.assert_allclose(variance, x.var((0, 1, 2), ddof=1))
    _, moved, spread = value_of(
        lambda *xs: pb.fused_batch_norm(*xs, data_format=data_format, exponential_avg_factor=0.25),
        *(turned, scale, offset, *old),
    )
    np.testing.assert_allclose(moved, 0.75 * old[0] + 0.25 * mean)
    np.testing.assert_allclose(spread, 0.75 * old[1] + 0.25 * variance)
    y, kept, _ = value_of(
        lambda *xs: pb.fused_batch_norm(*xs, data_format=data_format, is_training=False),
        *(turned, scale, offset, *old),
    )
    np.testing.assert_allclose(
        y.transpose(np.argsort(order)), (x - old[0]) / np.sqrt(old[1] + 1e-3) * scale + offset
    )
    np.testing.assert_array_equal(kept, old[0])
    with pb.Graph(), pytest.raises(ValueError, match="needs mean and variance"):
        pb.fused_batch_norm(x, scale, offset, is_training=False)


def test_group_norm(rng: np.random.Generator) -> None:
    x, scale, offset = images(rng)
    parts = x.reshape(3, 2, 4, 2, 3)
    axes = (1, 2, 4)
    normal = (parts - parts.mean(axes, keepdims=True)) / np.sqrt(parts.var(axes, keepdims=True) + 1e-3)
    expected = normal.reshape(x.shape) * scale + offset
    with pb.Graph():
        np.testing.assert_allclose(pb.run(pb.group_norm(x, 2, scale, offset)), expected)
        z = pb.placeholder("f64", (None, None, 4, 6))
        np.testing.assert_allclose(pb.run(pb.group_norm(z, 2, scale, offset), {z: x}), expected)
        first = pb.group_norm(np.ascontiguousarray(x.transpose(0, 3, 1, 2)), 2, scale, offset, axis=1)
        np.testing.assert_allclose(pb.run(first), expected.transpose(0, 3, 1, 2))
        with pytest.raises(ValueError, match="cannot be cut into 4 equal groups"):
            pb.group_norm(x, 4)
        with pytest.raises(ValueError, match="the first one is that of the examples"):
            pb.group_norm(x, 1, axis=0)


def test_bias_add() -> None:
    bias = np.array([1, 2, 3], np.float32)
    np.testing.assert_array_equal(value_of(pb.bias_add, X, bias), X + bias)
    turned = np.ones((2, 3, 4, 1), np.float32)
    got = value_of(lambda x, b: pb.bias_add(x, b, "NCHW"), turned, bias)
    np.testing.assert_array_equal(got, turned + bias[:, None, None])
    with pb.Graph():
        with pytest.raises(ValueError, match="bias_add: parameter_c1: the bias must have the shape"):
            pb.bias_add(X, [1, 2])
        with pytest.raises(ValueError, match="data_format: expected 'NHWC', 'NCHW' or the like, got 'HW'"):
            pb.bias_add(X, bias, "HW")
