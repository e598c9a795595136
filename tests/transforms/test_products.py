"""`vjp`, `jvp` and `hvp`: against differences and against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback.tests.transforms.differences import along, close, close_leaves, inner, like


def mixed(p: dict[str, Any], x: Any) -> Any:
    """Two outputs of other shapes than the arguments, and one that is not differentiable."""
    y = pb.tanh(x @ p["w"]) * p["s"]
    return [y, (pb.sum(y * y, axis=0), x > 0.0)]


def differentiable(p: dict[str, Any], x: Any) -> Any:
    y, (z, _) = mixed(p, x)
    return [y, z]


def arguments(rng: np.random.Generator) -> tuple[Any, Any]:
    return like(rng, {"w": np.ones((3, 2)), "s": np.ones(())}), like(rng, np.ones((4, 3)))


@pytest.mark.parametrize("target", ["cpu", "numpy"])
def test_vjp_and_jvp_against_differences(rng: np.random.Generator, target: str) -> None:
    primals = arguments(rng)
    tangents = like(rng, primals)
    outputs, pushed = pb.jvp(differentiable, primals, tangents, target=target)
    close(outputs, pb.function(differentiable)(*primals))
    close_leaves(pushed, along(pb.function(differentiable), primals, tangents))
    outputs, pull_back = pb.vjp(differentiable, *primals, target=target)
    cotangents = like(rng, outputs)
    assert inner(pull_back(cotangents), tangents) == pytest.approx(inner(cotangents, pushed), rel=1e-9)


def test_outputs_that_are_not_differentiable_have_no_part(rng: np.random.Generator) -> None:
    primals = arguments(rng)
    outputs, (_, (_, positive)) = pb.jvp(mixed, primals, like(rng, primals))
    assert positive.dtype == np.bool_
    assert not positive.any()
    y, (z, mask) = outputs
    outputs, pull_back = pb.vjp(mixed, *primals)
    again = pb.vjp(differentiable, *primals)[1]([np.ones_like(y), np.ones_like(z)])
    close(pull_back([np.ones_like(y), (np.ones_like(z), np.ones_like(mask))]), again)


def test_hvp_is_the_derivative_of_the_gradient(rng: np.random.Generator) -> None:
    def f(p: Any, x: Any) -> Any:
        return pb.sum(pb.tanh(x @ p["w"]) * p["s"])

    primals = arguments(rng)
    tangents = like(rng, primals)
    product = pb.hvp(f, primals, tangents)
    assert isinstance(product, tuple)
    expected = along(pb.grad(f, (0, 1)), primals, tangents)
    close_leaves([*(product[0][k] for k in ("s", "w")), product[1]], expected)
    close(product, pb.jvp(pb.grad(f, (0, 1)), primals, tangents)[1])


def test_they_compose_with_each_other_in_a_trace(rng: np.random.Generator) -> None:
    """The derivative of a product, of a product: all orders of x**4."""
    x = np.float64(1.5)
    quartic = lambda x: x * x * x * x  # noqa: E731
    second = lambda x: pb.jvp(lambda x: pb.jvp(quartic, (x,), (1.0,))[1], (x,), (1.0,))[1]  # noqa: E731
    assert pb.function(second)(x) == pytest.approx(12 * x**2)
    assert pb.grad(second)(x) == pytest.approx(24 * x)
    assert pb.grad(lambda x: pb.vjp(quartic, x)[1](x)[0])(x) == pytest.approx(16 * x**3)
    assert pb.function(lambda x: pb.hvp(quartic, (x,), (x,))[0])(x) == pytest.approx(12 * x**3)


def test_on_tensors_they_add_to_the_graph() -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (2,), name="x")
        y, pull_back = pb.vjp(lambda x: x * x, x)
        (dx,) = pull_back(np.array([1.0, 10.0]))
        _, dy = pb.jvp(lambda x: x * x, [x], [1.0 + 0 * x])
    data = np.array([3.0, 4.0])
    for found, expected in zip(pb.run([y, dx, dy], {x: data}), [data**2, [6, 80], 2 * data], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_primals_may_change_before_the_pull_back() -> None:
    x = np.array([3.0, 4.0])
    _, pull_back = pb.vjp(lambda x: x * x, x)
    x[:] = 0
    close(pull_back(np.ones(2)), (np.array([6.0, 8.0]),))


def test_numbers_take_the_dtype_of_what_they_belong_to() -> None:
    y, dy = pb.jvp(lambda x: x * x, (np.float64(3),), (1,))
    assert (y.dtype, float(dy)) == (np.float64, 6)
    assert pb.vjp(lambda x: x * x, np.float64(3))[1](2)[0] == 12


def test_loops_forward() -> None:
    def power(x: Any) -> Any:
        return pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a * x), [0, x])[1]

    assert pb.jvp(power, (np.float64(1.5),), (1.0,))[1] == pytest.approx(4 * 1.5**3)


def test_complex_numbers() -> None:
    """z -> z * z is holomorphic: its derivative along t is 2 z t, and cotangents are multiplied by conj(2 z)."""
    z, t = np.array([1 + 2j, -0.5j]), np.array([0.5 - 1j, 2 + 0j])
    close(pb.jvp(lambda z: z * z, (z,), (t,))[1], 2 * z * t)
    close(pb.vjp(lambda z: z * z, z)[1](t), (np.conj(2 * z) * t,))


def test_each_function_is_compiled_once() -> None:
    traces: list[Any] = []

    def f(x: Any) -> Any:
        traces.append(x)
        return x * x

    for n in range(3):
        assert pb.jvp(f, (np.float64(n),), (1.0,))[1] == 2 * n
        assert pb.vjp(f, np.float64(n))[1](1.0)[0] == 2 * n
    assert len(traces) == 3  # jvp, and both ways of vjp


NO_TUPLE: Any = 1.0

WRONG: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: pb.jvp(abs, NO_TUPLE, (1.0,)),
        "jvp of 'abs': primals: expected a tuple, one for each argument, got",
    ),
    (lambda: pb.jvp(lambda x: x, (1.0,), NO_TUPLE), "tangents: expected a tuple"),
    (lambda: pb.jvp(lambda x: x, (1.0,), (1.0, 2.0)), "tangents: expected a nest of the form"),
    (
        lambda: pb.jvp(lambda x: x, (1.0,), (np.ones(2),)),
        r"tangents\[0\]: expected tensor<f32>, got tensor<2xf64>",
    ),
    (lambda: pb.jvp(lambda x: x, (1,), (1,)), "argument 0 is i32: expected a floating-point dtype"),
    (
        lambda: pb.vjp(lambda x: x, "one"),
        r"vjp of '<lambda>': primals\[0\]: expected numbers or an array, got str",
    ),
    (
        lambda: pb.vjp(lambda x: {"y": x}, 1.0)[1](1.0),
        r"cotangents: expected a nest of the form \{'y': \*\}, got \*",
    ),
    (
        lambda: pb.vjp(lambda x: {"y": x}, 1.0)[1]({"y": np.ones(2)}),
        r"cotangents\['y'\]: expected tensor<f32>",
    ),
    (lambda: pb.hvp(lambda x: x, (np.ones(2),), (np.ones(2),)), "must return a floating-point scalar"),
    (lambda: pb.vjp(3, 1.0), "vjp: expected a function of tensors, got int"),  # pyright: ignore[reportArgumentType]
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_what_is_wrong_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# ---- nests --------------------------------------------------------------------------------------------------

SHAPES = st.sampled_from([(), (1,), (2, 3), (0, 2)])
NESTS = st.recursive(
    SHAPES.map(np.ones),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
        | st.just(None)
    ),
    max_leaves=5,
)


def square_all(nest: Any) -> Any:
    """The square of each leaf, in a nest of the same form."""
    match nest:
        case list() | tuple():
            return type(nest)(map(square_all, nest))
        case dict():
            return {key: square_all(value) for key, value in nest.items()}
        case None:
            return None
        case _:
            return nest * nest


@given(nest=NESTS, seed=st.integers(0, 2**32 - 1))
def test_any_nest_keeps_its_form(nest: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, t = like(rng, nest), like(rng, nest)
    y, pushed = pb.jvp(square_all, (x,), (t,), target="numpy")
    close(y, square_all(x), 1e-12)
    _, pull_back = pb.vjp(square_all, x, target="numpy")
    (pulled,) = pull_back(t)
    close(pulled, pushed, 1e-12)  # the matrix is diagonal
