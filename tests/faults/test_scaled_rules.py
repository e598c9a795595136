"""Rules and norms that squared their operand, or multiplied by dy last: what is large or small must be scaled first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb

TARGETS = ("numpy", "cpu", "simt")
SCALES = {"f32": (1e20, 1e-25, 3e37, 1e-37), "f64": (1e200, 1e-200, 1e300, 1e-300)}
NUMPY = {"f16": np.float16, "f32": np.float32, "f64": np.float64}


def run(function: Callable[..., Any], dtype: str, *inputs: Any, target: str = "numpy") -> list[Any]:
    """The results of what is built of placeholders for the inputs."""
    arrays = [np.asarray(x, NUMPY[dtype]) for x in inputs]
    with pb.Graph():
        xs = [pb.placeholder(dtype, a.shape) for a in arrays]
        step = pb.compile(xs, list(function(*xs)), target=target)
    with np.errstate(all="ignore"):
        return list(step(*arrays))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_quotients(dtype: str, target: str) -> None:
    for scale in SCALES[dtype][:2]:
        for quotient in (pb.divide, pb.xdivy, pb.div_no_nan):
            da, db = run(
                lambda a, b, f=quotient: pb.gradients(f(a, b), [a, b]),
                dtype,
                [3 * scale],
                [2 * scale],
                target=target,
            )
            np.testing.assert_allclose(da, [0.5 / scale], rtol=1e-6)
            np.testing.assert_allclose(db, [-0.75 / scale], rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_angles(dtype: str, target: str) -> None:
    for scale in SCALES[dtype]:
        y, x = [3 * scale, 0, -scale], [4 * scale, scale, 0]
        da, db = run(lambda a, b: pb.gradients(pb.atan2(a, b), [a, b]), dtype, y, x, target=target)
        np.testing.assert_allclose(da * scale, [4 / 25, 1, 0], rtol=1e-5, atol=1e-30)
        np.testing.assert_allclose(db * scale, [-3 / 25, 0, 1], rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_angle_of_a_complex_number(scale: float) -> None:
    with pb.Graph():
        z = pb.constant(np.array([scale * (1 + 1j)]))
        (dz,) = pb.gradients(pb.atan2(pb.imag(z), pb.real(z)), [z])
        np.testing.assert_allclose(pb.run(dz) * scale, [-0.5 + 0.5j])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("function", ["norm", "vector_norm", "global_norm", "hypot"])
def test_norms(function: str, dtype: str, target: str) -> None:
    functions: dict[str, Callable[[pb.Tensor], pb.Tensor]] = {
        "norm": pb.norm,
        "vector_norm": pb.vector_norm,
        "global_norm": lambda x: pb.global_norm([x[:1], x[1:]]),
        "hypot": lambda x: pb.hypot(x[0], x[1]),
    }

    def with_gradients(x: pb.Tensor) -> list[pb.Tensor]:
        y = functions[function](x)
        (dx,) = pb.gradients(y, [x])
        return [y, dx, pb.gradients(dx, [x], grad_ys=[pb.ones_like(x)])[0]]

    for scale in (*SCALES[dtype][:2], 1.0):
        y, first, second = run(with_gradients, dtype, [3 * scale, 4 * scale], target=target)
        assert y / scale == pytest.approx(5, rel=1e-6)
        np.testing.assert_allclose(first, [0.6, 0.8], rtol=1e-6)
        # (1 - u u^T) / norm, times ones.
        np.testing.assert_allclose(second * scale, [0.032, -0.024], rtol=1e-4)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("ord", [3, -2])
def test_norms_of_other_powers(ord: int, dtype: str, target: str) -> None:
    exact = {3: (6, np.array([9, 16, 25]) / 36), -2: (12 / 5, np.array([64, 27, 0]) / 125)}
    value, slope = exact[ord]
    for scale in (*SCALES[dtype][:2], 1.0):
        x = np.array([3, 4, 5 if ord == 3 else np.inf]) * scale
        y, dx = run(
            lambda x: [pb.norm(x, ord=ord), *pb.gradients(pb.norm(x, ord=ord), [x])], dtype, x, target=target
        )
        assert y / scale == pytest.approx(value, rel=1e-5)
        np.testing.assert_allclose(dx, slope, rtol=1e-5)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_normalized_vectors(dtype: str, target: str) -> None:
    large, small = SCALES[dtype][:2]
    for scale, epsilon in ((large, 1e-12), (small, 0.0)):
        y, dx = run(
            lambda x, e=epsilon: [
                pb.l2_normalize(x, epsilon=e),
                *pb.gradients(pb.l2_normalize(x, epsilon=e)[0], [x]),
            ],
            dtype,
            [3 * scale, 4 * scale],
            target=target,
        )
        np.testing.assert_allclose(y, [0.6, 0.8], rtol=1e-6)
        np.testing.assert_allclose(dx * scale, [0.128, -0.096], rtol=1e-5)
    (short,) = run(lambda x: [pb.l2_normalize(x)], dtype, [3 * small, 4 * small], target=target)
    np.testing.assert_allclose(short, np.array([3e6, 4e6]) * small, rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_clipped_by_norms(target: str) -> None:
    def clipped(x: pb.Tensor) -> list[pb.Tensor]:
        (both,), _ = pb.clip_by_global_norm([x], 1.0)
        assert isinstance(both, pb.Tensor)
        alone, average = pb.clip_by_norm(x, 1.0), pb.clip_by_average_norm(x, 1.0)
        assert isinstance(alone, pb.Tensor) and isinstance(average, pb.Tensor)
        return [both, alone, average]

    for got, expected in zip(
        run(clipped, "f32", [3e30, 4e30], target=target), ([0.6, 0.8], [0.6, 0.8], [1.2, 1.6]), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("norm", [pb.norm, lambda x: pb.norm(x, ord=3), lambda x: pb.global_norm([x])])
@pytest.mark.parametrize("target", TARGETS)
def test_norms_at_zero(norm: Callable[[pb.Tensor], pb.Tensor], target: str) -> None:
    got = run(lambda x: [norm(x), *pb.gradients(norm(x), [x])], "f32", [0, 0], target=target)
    np.testing.assert_array_equal(got[0], 0)
    np.testing.assert_array_equal(got[1], [0, 0])


def test_dy_first() -> None:
    """6 ** 6 * log(6) is beyond f16, a tenth of it is not, and none of it is 0."""

    def by_exponent(a: pb.Tensor, b: pb.Tensor, dy: pb.Tensor) -> list[pb.Tensor]:
        (db,) = pb.gradients(a**b, [b], grad_ys=[dy])
        assert db is not None
        return [db]

    (got,) = run(by_exponent, "f16", [6, 6], [6, 6], [0.1, 0])
    np.testing.assert_allclose(got.astype(np.float64), [8360, 0], rtol=2e-3)


@pytest.mark.parametrize(
    ("function", "point", "dy", "expected"),
    [
        (pb.reciprocal, 1e-3, 1e-2, -1e4),
        (pb.rsqrt, 1e-4, 1e-2, -5e3),
        (pb.tan, 1.57, 1e-3, 1e-3 * (1 + np.tan(np.float64(np.float16(1.57))) ** 2)),
        (pb.log10, 6e4, 1, 1 / (6e4 * np.log(10))),
        (pb.softsign, 300, 1, 1 / 301**2),
        (pb.atan, 300, 1, 1 / (1 + 300**2)),
        (pb.square, 300, 1, 600),
    ],
)
def test_intermediate_squares_in_half_precision(
    function: Callable[[pb.Tensor], pb.Tensor], point: float, dy: float, expected: float
) -> None:
    def gradient(x: pb.Tensor, dy: pb.Tensor) -> list[Any]:
        return list(pb.gradients(function(x), [x], grad_ys=[dy]))

    (got,) = run(gradient, "f16", [point], [dy])
    assert float(got[0]) == pytest.approx(expected, rel=1e-2)
