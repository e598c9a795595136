"""`grad` and `value_and_grad`: against differences, composed, and the arguments that they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tests.transforms.differences import along, close, inner, like, zeros


def network(params: dict[str, Any], x: Any) -> Any:
    hidden = pb.tanh(x @ params["w"] + params["b"][0])
    return pb.mean(hidden * hidden) * params["b"][1]


def arguments(rng: np.random.Generator) -> tuple[Any, Any]:
    return like(rng, {"w": np.ones((3, 4)), "b": (np.ones(4), np.ones(()))}), like(rng, np.ones((5, 3)))


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (1, 0), [0, 1]], ids=str)
def test_gradients_have_the_form_of_arguments(rng: np.random.Generator, argnums: Any) -> None:
    args = arguments(rng)
    value, gradient = pb.value_and_grad(network, argnums)(*args)
    np.testing.assert_allclose(value, pb.function(network)(*args))
    chosen = [argnums] if isinstance(argnums, int) else list(argnums)
    parts = (gradient,) if isinstance(argnums, int) else gradient
    assert isinstance(parts, tuple)
    assert len(parts) == len(chosen)
    for n, part in zip(chosen, parts, strict=True):
        tangents = [zeros(a) for a in args]
        tangents[n] = like(rng, args[n])
        (slope,) = along(pb.function(network), args, tuple(tangents))
        assert inner(part, tangents[n]) == pytest.approx(slope, rel=1e-6)


def test_grad_is_value_and_grad_without_the_value(rng: np.random.Generator) -> None:
    args = arguments(rng)
    close(pb.grad(network, (0, 1))(*args), pb.value_and_grad(network, (0, 1))(*args)[1])


def test_aux_comes_along(rng: np.random.Generator) -> None:
    def f(x: Any) -> Any:
        return pb.sum(x * x), {"twice": 2 * x, "none": None}

    x = rng.standard_normal(3)
    gradient, aux = pb.grad(f, has_aux=True)(x)
    close([gradient, aux["twice"]], [2 * x, 2 * x])
    (value, aux), gradient = pb.value_and_grad(f, has_aux=True)(x)
    close([value, aux["twice"], gradient], [np.sum(x * x), 2 * x, 2 * x])
    assert aux["none"] is None


def test_orders_compose(rng: np.random.Generator) -> None:
    f: Callable[..., Any] = lambda x: pb.exp(2.0 * x)  # noqa: E731
    for order in range(1, 5):
        f = pb.grad(f)
        np.testing.assert_allclose(f(np.float64(0.3)), 2**order * np.exp(0.6))


def test_zeros_where_nothing_connects() -> None:
    (dx, dn), dz = pb.grad(lambda pair, z: pair[0] * 2.0, (0, 1))((1.0, np.ones((0, 2))), np.ones(3))
    close([dx, dn, dz], [2.0, np.zeros((0, 2)), np.zeros(3)])
    with pb.Graph():
        x = pb.placeholder("f64", (), name="x")
        assert pb.gradients(pb.constant(1.0), x) == [None]


def test_what_the_function_sees_besides_is_constant() -> None:
    """Even where it is the argument itself."""
    with pb.Graph():
        x = pb.placeholder("f64", (), name="x")
        inner = pb.grad(lambda z: x * z)(x)
        both = pb.grad(lambda z: z * z)(x)
    assert pb.run([inner, both], {x: 3.0}) == [3, 6]
    nested = pb.grad(lambda x: x * pb.grad(lambda y: x * y * y)(x))  # x * 2x^2
    assert nested(np.float64(3)) == 6 * 9


def test_rows_have_dense_gradients() -> None:
    table = np.arange(6.0).reshape(3, 2)
    found = pb.grad(lambda t: pb.sum(pb.gather(t, [2, 2]) * pb.gather(t, [2, 0])))(table)
    close(found, np.stack([table[2], 0 * table[1], 2 * table[2] + table[0]]))


def test_functions_variables_and_rules_of_ones_own() -> None:
    scale = pb.Variable(np.float64(3))
    f = pb.function(lambda x: pb.sum(pb.custom_gradient(lambda x: (x * x, lambda dy: dy * 100.0))(x)) * scale)
    close(pb.grad(f)(np.ones(2)), np.full(2, 300.0))
    scale.array[...] = 5
    close(pb.grad(f)(np.ones(2)), np.full(2, 500.0))


def test_variables_may_be_what_is_differentiated_by() -> None:
    v = pb.Variable(np.array([1.0, 2.0]))
    close(pb.grad(lambda v: pb.sum(v * v))(v), np.array([2.0, 4.0]))


def test_loops() -> None:
    def power(x: Any, n: Any) -> Any:
        return pb.while_loop(lambda i, _: i < n, lambda i, a: (i + 1, a * x), [0, x])[1]

    x = np.float64(1.3)
    for n in (0, 1, 4):
        np.testing.assert_allclose(pb.grad(power)(x, n), (n + 1) * x**n)
        np.testing.assert_allclose(pb.grad(pb.grad(power))(x, n), (n + 1) * n * x ** max(n - 1, 0))


def test_complex_arguments_have_the_gradient_of_steepest_ascent() -> None:
    z = np.array([1 + 2j, -0.5j])
    found = pb.grad(lambda z: pb.sum(pb.real(z * pb.conj(z))))(z)
    close(found, 2 * z)


WRONG: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: pb.grad(lambda x: x)(np.ones(3)),
        "must return a floating-point scalar, got tensor<3xf64>; reduce it",
    ),
    (
        lambda: pb.grad(lambda x: pb.cast(x, "i32"))(1.0),
        "must return a floating-point scalar, got tensor<i32>",
    ),
    (lambda: pb.grad(lambda x: (x, x))(1.0), "must return one scalar, got tuple; has_aux=True"),
    (
        lambda: pb.grad(lambda x: x, has_aux=True)(1.0),
        r"with has_aux the function must return \(value, aux\)",
    ),
    (
        lambda: pb.grad(lambda x: x)(3),
        "argument 0 is i32: expected a floating-point dtype; cast it, or choose",
    ),
    (lambda: pb.grad(lambda a, p: a, 1)(1.0, {"n": 3}), r"argument 1\['n'\] is i32"),
    (lambda: pb.grad(lambda x: x, 1)(1.0), "argnums: there is no argument 1: the call has 1 positional ones"),
    (lambda: pb.grad(lambda x, y: x, (0, -2))(1.0, 1.0), "argnums: expected distinct positions"),
    (lambda: pb.grad(lambda x: x, ()), "argnums: expected the position of an argument, or several"),
    (lambda: pb.grad(lambda x: x, "x"), "argnums: expected the position"),  # pyright: ignore[reportArgumentType]
    (lambda: pb.grad(lambda x: x, True), "argnums: expected the position"),
    (lambda: pb.value_and_grad(3), "value_and_grad: expected a function of tensors, got int"),  # pyright: ignore[reportArgumentType]
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_what_is_wrong_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_operations_without_a_gradient_are_named() -> None:
    def f(x: Any) -> Any:
        with (
            pb.name_scope("layer"),
            x.op.parent.graph.gradient_override_map({"tanh": "nobody registers this"}),
        ):
            return pb.tanh(x)

    with pytest.raises(
        LookupError, match=r"No gradient defined for operation 'layer/tanh' \(op type: nobody"
    ):
        pb.grad(f)(1.0)
