"""Products of zero and infinity in rules, which made gradients that are numbers, or values at infinity, NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb

INF = np.inf
TARGETS = ("numpy", "cpu", "simt")


def derivatives(
    function: Callable[[pb.Tensor], pb.Tensor],
    points: list[float],
    orders: int,
    target: str,
    dtype: str = "f64",
) -> list[np.ndarray]:
    """Of each order up to this one, at the points."""
    with pb.Graph():
        x = pb.placeholder(dtype, (len(points),))
        found, y = [], function(x)
        for _ in range(orders):
            (y,) = pb.gradients(y, [x], unconnected_gradients="zero")
            found.append(y)
        step = pb.compile([x], found, target=target)
    with np.errstate(all="ignore"):
        return list(step(points))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4])
def test_whole_powers_at_zero(exponent: int, target: str) -> None:
    def of_a_tensor(x: pb.Tensor) -> pb.Tensor:
        return pb.pow(x, pb.stop_gradient(0.0 * x + exponent))

    def of_order(n: int) -> list[float]:
        factor = np.prod([exponent - i for i in range(n)])
        return [float(factor) * x ** max(exponent - n, 0) for x in (0.0, -0.0, 2.0)]

    for function in (lambda x: x ** float(exponent), of_a_tensor):
        found = derivatives(function, [0.0, -0.0, 2.0], 4, target)
        for order, got in enumerate(found, 1):
            np.testing.assert_allclose(got, of_order(order), rtol=1e-14, err_msg=f"order {order}")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("static", [True, False])
def test_polynomial_at_zero(target: str, static: bool) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2,) if static or target == "simt" else (None,))
        y = sum((x**k for k in range(1, 4)), x**0)
        (first,) = pb.gradients(y, [x])
        (second,) = pb.gradients(first, [x])
        got = pb.compile([x], [first, second], target=target)([0, 1])
    np.testing.assert_array_equal(got, [[1, 6], [2, 8]])


@pytest.mark.parametrize("target", TARGETS)
def test_mixed_derivative_of_a_power_by_base_and_exponent(target: str) -> None:
    """A mask at b = 0 would lose 1 / a, the derivative of b * a ** (b - 1) by b."""
    with pb.Graph():
        a, b = pb.placeholder("f64", (3,)), pb.placeholder("f64", (3,))
        (da,) = pb.gradients(a**b, [a])
        (db,) = pb.gradients(a**b, [b])
        mixed = [*pb.gradients(da, [b]), *pb.gradients(db, [a])]
        step = pb.compile([a, b], mixed, target=target)
    bases, exponents = np.array([2.0, 0.5, 3.0]), np.array([0.0, 0.0, 1.0])
    expected = bases ** (exponents - 1) * (1 + exponents * np.log(bases))
    for got in step(bases, exponents):
        np.testing.assert_allclose(got, expected, rtol=1e-14)


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
def test_gelu_far_out(dtype: str, approximate: bool) -> None:
    points = [-INF, -60000.0, -256.0, 256.0, 1000.0, 60000.0, INF]
    first, second = derivatives(lambda x: pb.gelu(x, approximate), points, 2, "cpu", dtype)
    np.testing.assert_array_equal(first, [0, 0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(second, [0] * 7)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [
        (pb.gelu, [0, INF], [0, 1]),
        (lambda x: pb.gelu(x, True), [0, INF], [0, 1]),
        (pb.silu, [0, INF], [0, 1]),
        (pb.erf, [-1, 1], [0, 0]),
        (pb.erfc, [2, 0], [0, 0]),
        (pb.atan, [-np.pi / 2, np.pi / 2], [0, 0]),
        (pb.asinh, [-INF, INF], [0, 0]),
    ],
)
def test_at_infinity(
    function: Callable[[pb.Tensor], pb.Tensor], value: list[float], slope: list[float], target: str
) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2,))
        got = pb.compile([x], [function(x)], target=target)([-INF, INF])[0]
    np.testing.assert_allclose(got, value, rtol=1e-6)
    first, second = derivatives(function, [-INF, INF], 2, target, "f32")
    np.testing.assert_allclose(first, slope, atol=1e-38)
    np.testing.assert_array_equal(second, [0, 0])


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", ["complex<f32>", "complex<f64>"])
def test_complex_sigmoid_and_silu_far_to_the_left(dtype: str, target: str) -> None:
    z = np.array([-800 + 1j, 800 + 1j, 0.5 - 2j])
    exact = 1 / (1 + np.exp(-z[2]))
    with pb.Graph():
        x = pb.placeholder(dtype, (3,))
        ys = [pb.sigmoid(x), pb.silu(x)]
        slopes = [pb.gradients(pb.real(y), [x])[0] for y in ys]
        got = pb.compile([x], [*ys, *slopes], target=target)(z.tolist())
    slope = exact * (1 - exact)
    slopes_of_silu = [0, 1, exact + z[2] * slope]
    expected = np.array(
        [[0, 1, exact], [0, z[1], z[2] * exact], np.conj([0, 0, slope]), np.conj(slopes_of_silu)]
    )
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-30)
