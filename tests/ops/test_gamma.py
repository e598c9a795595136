"""The logarithm of the gamma function and its derivatives over all their range, against SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import pullback as pb
from pullback.tests.backends.cpu.math_functions import errors_in_ulp

INF, NAN = np.inf, np.nan
DTYPES: dict[str, Any] = {"f32": np.float32, "f64": np.float64}
formats = pytest.mark.parametrize("format", DTYPES)
ORDERS = (0, 1, 2, 3, 7, 20)


@pytest.fixture(params=["numpy", "cpu"])
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Runs a function of a tensor on an array: what NumPy gives, and what kernels do."""

    def on_target(function: Callable[[pb.Tensor], pb.Tensor], x: Any) -> Any:
        with pb.Graph():
            given = pb.placeholder(x.dtype, x.shape)
            return pb.run(function(given), {given: x}, target=request.param)

    return on_target


def positive(rng: np.random.Generator, format: str) -> Any:
    """Numbers of every size, and many beside 1, 2, and the root of digamma."""
    reach = {"f32": 80, "f64": 600}[format]
    beside = rng.choice([1, 2, 1.4616321449683623], 3000) + rng.normal(size=3000) * 10 ** rng.uniform(
        -15, -1, 3000
    )
    return np.concatenate(
        [rng.uniform(0, 30, 3000), np.exp(rng.uniform(-reach, reach, 3000)), beside]
    ).astype(DTYPES[format])


def negative(rng: np.random.Generator) -> Any:
    """Numbers between the poles, and close to them."""
    near = -rng.integers(0, 9, 500) + rng.choice([-1, 1], 500) * 10 ** rng.uniform(-9, -1, 500)
    x = np.concatenate([-rng.uniform(0, 30, 1000), -np.exp(rng.uniform(0, 12, 1000)), near])
    return x[(x < 0) & (x != np.floor(x))]


def assert_within(ulp: float, got: Any, exact: Any) -> None:
    errors = errors_in_ulp(got, exact)
    assert errors.max() <= ulp, f"{errors.max():.2f} ulp: got {got[errors.argmax()]!r}"


@formats
def test_lgamma_of_positive_numbers(run: Callable[..., Any], format: str, rng: np.random.Generator) -> None:
    x = positive(rng, format)
    exact = special.gammaln(x.astype(np.float64))
    error = np.abs(run(pb.lgamma, x) - exact)
    assert np.all(error <= 5 * np.finfo(x.dtype).eps * np.maximum(np.abs(exact), 1))


@formats
@pytest.mark.parametrize("root", [1, 2])
def test_lgamma_beside_its_roots(
    run: Callable[..., Any], format: str, root: int, rng: np.random.Generator
) -> None:
    """There SciPy's `gammaln` is far off, that of complex numbers is not."""
    x = (root + rng.uniform(-1, 1, 2000) * 10 ** rng.uniform(-15, -1.5, 2000)).astype(DTYPES[format])
    assert_within(0.5001 if format == "f32" else 16, run(pb.lgamma, x), special.loggamma(x + 0j).real)
    assert run(pb.lgamma, np.array([root], x.dtype))[0] == 0


@formats
def test_digamma_of_positive_numbers(run: Callable[..., Any], format: str, rng: np.random.Generator) -> None:
    x = positive(rng, format)
    with np.errstate(over="ignore"):
        exact = special.digamma(x.astype(np.float64))
    assert_within(0.5001 if format == "f32" else 8, run(pb.digamma, x), exact)


@formats
@pytest.mark.parametrize("order", ORDERS)
def test_polygamma_of_positive_numbers(
    run: Callable[..., Any], format: str, order: int, rng: np.random.Generator
) -> None:
    x = positive(rng, format)
    with np.errstate(all="ignore"):
        exact = special.polygamma(order, x.astype(np.float64))
        x, exact = (v[(np.abs(exact) > 1e-290) & (np.abs(exact) < 1e290)] for v in (x, exact))
        assert_within(
            0.5001 if format == "f32" else 16 + 2 * order, run(lambda t: pb.polygamma(order, t), x), exact
        )


def test_no_order_overflows_on_the_way(run: Callable[..., Any]) -> None:
    """order! and x^-order leave the range of f64, their product does not: with x large it is (order - 1)! / x^order."""
    with np.errstate(all="ignore"):
        found = run(lambda t: pb.polygamma(99, t), np.array([1e4]))
    logarithm = special.gammaln(99) - 99 * np.log(1e4 - 0.5)  # the sum is nearly an integral from x - 1/2 on
    np.testing.assert_allclose(np.log(found), logarithm, rtol=1e-5)
    np.testing.assert_allclose(run(lambda t: pb.polygamma(1, t), np.array([1e300, 1e-100])), [1e-300, 1e200])


# ---- below zero ---------------------------------------------------------------------------------------------


def test_lgamma_of_negative_numbers(run: Callable[..., Any], rng: np.random.Generator) -> None:
    x = negative(rng)
    scale = np.abs(special.gammaln(1 - x)) + 2
    assert np.all(np.abs(run(pb.lgamma, x) - special.gammaln(x)) <= 4e-15 * scale)


def test_digamma_of_negative_numbers(run: Callable[..., Any], rng: np.random.Generator) -> None:
    """By the recurrence, from above zero: SciPy is far off beside the poles."""
    x = negative(rng)
    x = x[x > -1000]
    exact, terms = special.digamma(x + 1000), 1 / (x[:, None] + np.arange(1000))
    exact = exact - np.sum(np.sort(terms), axis=1)
    assert np.all(np.abs(run(pb.digamma, x) - exact) <= 4e-15 * (np.max(np.abs(terms), axis=1) + 10))


@pytest.mark.parametrize("order", ORDERS[1:])
def test_polygamma_of_negative_numbers(run: Callable[..., Any], order: int, rng: np.random.Generator) -> None:
    x = negative(rng)
    x = x[x > -1000]  # SciPy adds up a term for each whole number from x to 0
    exact = special.polygamma(order, x)
    nearest = np.abs(x - np.round(x))
    scale = special.gamma(order + 1) * nearest ** -(order + 1)  # the largest of the terms that are added
    assert np.all(np.abs(run(lambda t: pb.polygamma(order, t), x) - exact) <= (order + 4) * 1e-15 * scale)


# ---- special values -----------------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, -1.0, -2.0, -1e30, INF, -INF, NAN]
EXPECTED: dict[str, tuple[Callable[[pb.Tensor], pb.Tensor], list[float]]] = {
    "lgamma": (pb.lgamma, [INF, INF, INF, INF, INF, INF, INF, NAN]),
    "digamma": (pb.digamma, [-INF, INF, NAN, NAN, NAN, INF, NAN, NAN]),
    "trigamma": (lambda x: pb.polygamma(1, x), [INF, INF, INF, INF, INF, 0, NAN, NAN]),
    "tetragamma": (lambda x: pb.polygamma(2, x), [-INF, -INF, -INF, -INF, -INF, 0, NAN, NAN]),
}


@formats
@pytest.mark.parametrize("name", EXPECTED)
def test_special_values(run: Callable[..., Any], format: str, name: str) -> None:
    function, expected = EXPECTED[name]
    np.testing.assert_array_equal(run(function, np.array(SPECIAL, DTYPES[format])), expected)


@formats
def test_the_edges_of_the_range(run: Callable[..., Any], format: str) -> None:
    info = np.finfo(DTYPES[format])
    x = np.array([info.smallest_subnormal, info.tiny, -info.tiny, info.max])
    values = run(pb.lgamma, x)
    np.testing.assert_allclose(values[:3], -np.log(np.abs(x[:3])), rtol=1e-6)
    assert values[3] == INF
    np.testing.assert_allclose(run(pb.digamma, x[3:]), np.log(x[3:]), rtol=1e-6)
    np.testing.assert_array_equal(run(lambda t: pb.polygamma(2, t), x[:3]), [-INF, -INF, INF])
    np.testing.assert_allclose(run(lambda t: pb.polygamma(1, t), x[3:]), 1 / x[3:], rtol=1e-2)


# ---- functions ----------------------------------------------------------------------------------------------


def test_gradients_of_any_order() -> None:
    with pb.Graph():
        x = pb.constant(np.array([0.3, 1.7, -2.6]))
        y = pb.lgamma(x)
        for order in range(6):
            (y,) = pb.gradients(y, [x])
            np.testing.assert_allclose(pb.run(y), special.polygamma(order, [0.3, 1.7, -2.6]), rtol=1e-13)


def test_lbeta(run: Callable[..., Any], rng: np.random.Generator) -> None:
    x = rng.uniform(0.2, 5, (3, 2))
    np.testing.assert_allclose(run(pb.lbeta, x), special.betaln(x[:, 0], x[:, 1]), rtol=1e-13)
    np.testing.assert_array_equal(run(pb.lbeta, np.zeros((2, 0))), [-INF, -INF])
    np.testing.assert_allclose(run(pb.lbeta, np.array([3.5])), 0)


def test_refusals() -> None:
    with pb.Graph():
        x = pb.constant([1.0])
        with pytest.raises(
            ValueError, match=r"graph.polygamma: order_c1: the order must be from 1 to 100, got -1"
        ):
            pb.polygamma(-1, x)
        with pytest.raises(TypeError, match=r"polygamma: n: expected a whole number, got 1.5"):
            pb.polygamma(1.5, x)  # pyright: ignore[reportArgumentType]
        with pytest.raises(
            ValueError, match=r"graph.digamma: dtype_c1: needs a real floating-point dtype, got i32"
        ):
            pb.polygamma(0, pb.constant([1]))
        with pytest.raises(ValueError, match=r"lbeta: expected at least one axis, got tensor<f32>"):
            pb.lbeta(1.0)
        with pytest.raises(
            ValueError, match=r"lbeta: needs a real floating-point dtype, got i32: cast it first"
        ):
            pb.lbeta(pb.constant([1]))
