"""Random numbers: the same for the same seed on every target, spread as they should be, others for another seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import pullback as pb

DRAWS = {
    "uniform": lambda n, seed: pb.random_uniform((n,), seed=seed),
    "normal": lambda n, seed: pb.random_normal((n,), dtype="f64", seed=seed),
    "bits": lambda n, seed: pb.random_bits((n,), dtype="i64", seed=seed),
}


def _run(target: str, kind: str, n: int, seed: Any) -> Any:
    with pb.Graph():
        return pb.compile([], [DRAWS[kind](n, seed)], target=target)()[0]


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("n", [0, 1, 17, 1000])
def test_every_target_draws_the_same(kind: str, n: int) -> None:
    np.testing.assert_array_equal(_run("numpy", kind, n, 5), _run("cpu", kind, n, 5))


@pytest.mark.parametrize("kind", DRAWS)
def test_seeds_differ_in_both_words(kind: str) -> None:
    drawn = [_run("numpy", kind, 8, seed) for seed in (5, 6, (5, 1), (0, 5))]
    assert all(not np.array_equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_a_longer_tensor_begins_as_a_shorter_one() -> None:
    np.testing.assert_array_equal(_run("numpy", "uniform", 100, 1)[:17], _run("numpy", "uniform", 17, 1))


@pytest.mark.parametrize(("kind", "distribution"), [("uniform", "uniform"), ("normal", "norm")])
def test_distributions(kind: str, distribution: str) -> None:
    drawn = _run("numpy", kind, 20_000, 11).astype(np.float64)
    assert stats.kstest(drawn, distribution).pvalue > 1e-3


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
def test_one_is_never_drawn(dtype: str) -> None:
    with pb.Graph():
        drawn = pb.run(pb.random_uniform((50_000,), dtype=dtype, seed=3)).astype(np.float64)
    assert 0 <= drawn.min() < 0.01 and 0.99 < drawn.max() < 1


def test_a_seed_that_counts_steps() -> None:
    with pb.Graph():
        step = pb.placeholder("i32", (), name="step")
        drawn = pb.compile([step], [pb.random_bits((4,), seed=(7, step))], target="cpu")
    first, second = drawn(np.int32(0))[0], drawn(np.int32(1))[0]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, _run("numpy", "bits", 4, (7, 0)).astype(np.int64) >> 32)


def test_gradients_reach_the_parameters() -> None:
    with pb.Graph():
        mean, stddev = (pb.placeholder("f64", (), name=n) for n in ("mean", "stddev"))
        drawn = pb.random_normal((1000,), mean, stddev, dtype="f64", seed=2)
        standard = pb.random_normal((1000,), dtype="f64", seed=2)
        grads = pb.gradients(drawn, [mean, stddev])
        by_mean, by_stddev, total = pb.run([*grads, pb.sum(standard)], {mean: 1.0, stddev: 2.0})
    assert by_mean == 1000
    np.testing.assert_allclose(by_stddev, total)


def test_dropout_keeps_the_mean_and_its_gradient_drops_the_same() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (None, 100), name="x")
        y = pb.dropout(x, 0.3, seed=1)
        (dx,) = pb.gradients(y, [x])
        value, gradient = pb.compile([x], [y, dx], target="cpu")(np.ones((200, 100), np.float32))
    np.testing.assert_array_equal(value, gradient)
    assert set(np.unique(value)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
    assert value.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("message", "make"),
    [
        ("rate: expected", lambda: pb.dropout(pb.ones((2,)), 1.0, seed=0)),
        ("floating-point", lambda: pb.dropout(pb.ones((2,), "i32"), 0.5, seed=0)),
        ("seed: expected one integer or two", lambda: pb.random_uniform((2,), seed=(1, 2, 3))),  # pyright: ignore[reportArgumentType]
        ("seed: expected scalar integers", lambda: pb.random_uniform((2,), seed=pb.ones((2,)))),
        ("does not fit 64 bits", lambda: pb.random_uniform((2,), seed=2**70)),
        ("dtype_c1", lambda: pb.random_uniform((2,), dtype="i32")),
    ],
)
def test_refused(message: str, make: Any) -> None:
    with pb.Graph(), pytest.raises(ValueError, match=message):
        make()
