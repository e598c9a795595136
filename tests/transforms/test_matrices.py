"""`jacobian` and `hessian`: of every shape, in every form, against differences and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tests.transforms.differences import close, jacobian, like

SHAPES = [(), (1,), (3,), (0,), (2, 3), (2, 0), (17,)]


@pytest.mark.parametrize("target", ["cpu", "numpy"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_jacobian_of_every_shape(rng: np.random.Generator, shape: tuple[int, ...], target: str) -> None:
    def f(x: Any) -> Any:
        return pb.tanh(x) * pb.sum(x)

    x = rng.standard_normal(shape)
    found = pb.jacobian(f, target=target)(x)
    assert found.shape == shape * 2
    close(found, jacobian(pb.function(f), x))


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_jacobian_of_a_product_is_the_matrix(rng: np.random.Generator, rows: int) -> None:
    a, x = rng.standard_normal((rows, 3)), rng.standard_normal((3, 2))
    by_a, by_x = pb.jacobian(lambda a, x: a @ x, (0, 1))(a, x)
    close(by_x, np.einsum("ik,jl->ijkl", a, np.eye(2)))
    close(by_a, np.einsum("ik,lj->ijkl", np.eye(rows), x))


def test_jacobian_of_nests_by_nests(rng: np.random.Generator) -> None:
    def f(p: Any, x: Any) -> Any:
        return {"y": x @ p["w"], "s": [pb.sum(p["b"] * p["b"]), x]}

    p, x = like(rng, {"w": np.ones((3, 2)), "b": np.ones(4)}), rng.standard_normal(3)[None]
    found = pb.jacobian(f)(p, x)
    close(found["y"]["w"], np.einsum("ik,jl->ijkl", x, np.eye(2)))
    close(found["y"]["b"], np.zeros((1, 2, 4)))
    close(found["s"][0], {"w": np.zeros((3, 2)), "b": 2 * p["b"]})
    close(found["s"][1], {"w": np.zeros((1, 3, 3, 2)), "b": np.zeros((1, 3, 4))})
    both = pb.jacobian(f, (1, 0))(p, x)
    close(both["y"][1], found["y"])
    close(both["s"][1][0], np.eye(3)[None, :, None])


def test_the_graph_does_not_grow_with_the_outputs() -> None:
    def operations(n: int) -> int:
        return str(pb.jacobian(lambda x: pb.tanh(x) * x).graph(np.ones(n))).count("graph.")

    assert operations(5) == operations(200)


def test_many_outputs(rng: np.random.Generator) -> None:
    x = rng.standard_normal(300)
    close(pb.jacobian(lambda x: pb.tanh(x))(x), np.diag(1 - np.tanh(x) ** 2), 1e-12)


def test_jacobian_through_a_loop(rng: np.random.Generator) -> None:
    def f(x: Any) -> Any:
        return pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a * x), [0, x])[1]

    x = rng.standard_normal(4)
    for target in ("cpu", "numpy"):
        close(pb.jacobian(f, target=target)(x), np.diag(4 * x**3))


def test_jacobian_of_rows(rng: np.random.Generator) -> None:
    t = rng.standard_normal((3, 2))
    found = pb.jacobian(lambda t: pb.gather(t, [2, 0, 2, 5]))(t)
    eye = np.eye(6).reshape(3, 2, 3, 2)
    close(found, np.stack([eye[2], eye[0], eye[2], 0 * eye[0]]))


@pytest.mark.parametrize("target", ["cpu", "numpy"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_hessian_of_every_shape(rng: np.random.Generator, shape: tuple[int, ...], target: str) -> None:
    def f(x: Any) -> Any:
        return pb.sum(pb.tanh(x)) * pb.sum(x * x)

    x = rng.standard_normal(shape)
    found = pb.hessian(f, target=target)(x)
    assert found.shape == shape * 2
    close(found, jacobian(pb.grad(f), x), 1e-6)
    close(found, pb.jacobian(pb.grad(f))(x), 1e-12)


def test_hessian_of_nests_has_cross_blocks(rng: np.random.Generator) -> None:
    p = like(rng, {"a": np.ones(2), "b": np.ones(())})
    found = pb.hessian(lambda p: pb.sum(p["a"] * p["a"] * p["a"]) * p["b"] * p["b"])(p)
    close(found["a"]["a"], np.diag(6 * p["a"]) * p["b"] ** 2)
    close(found["a"]["b"], 6 * p["a"] ** 2 * p["b"])
    close(found["b"]["a"], 6 * p["a"] ** 2 * p["b"])
    close(found["b"]["b"], 2 * np.sum(p["a"] ** 3))


def test_hessian_of_several_outputs(rng: np.random.Generator) -> None:
    x = rng.standard_normal(3)
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 6 * x
    close(pb.hessian(lambda x: x * x * x)(x), expected)


def test_zeros_for_a_linear_function() -> None:
    close(pb.hessian(lambda x: pb.sum(3.0 * x))(np.ones(3)), np.zeros((3, 3)))
    close(pb.jacobian(lambda x, y: 2.0 * y)(np.ones(3), np.ones(2)), np.zeros((2, 3)))


def test_inside_of_a_graph_of_unknown_shape(rng: np.random.Generator) -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (None, None), name="x")
        j = pb.jacobian(lambda x: x * x)(x)
        h = pb.hessian(lambda x: pb.sum(x * x * x))(x)
    for shape in ((2, 3), (0, 2), (1, 1)):
        data = rng.standard_normal(shape)
        for target in ("cpu", "numpy"):
            found = pb.run([j, h], {x: data}, target=target)
            close(found[0], np.diag(2 * data.ravel()).reshape(shape * 2))
            close(found[1], np.diag(6 * data.ravel()).reshape(shape * 2))


def test_derivatives_of_derivatives(rng: np.random.Generator) -> None:
    """The gradient of a function of a jacobian goes back through the loop that made it."""
    x = rng.standard_normal(3)
    found = pb.grad(lambda x: pb.sum(pb.jacobian(lambda x: x * x * x)(x)))(x)
    close(found, 6 * x)


WRONG: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: pb.jacobian(lambda z: z)(np.array(1j)),
        "an argument is complex<f64>: expected a real .* vjp and jvp",
    ),
    (
        lambda: pb.jacobian(lambda x: x > 0.0)(1.0),
        "jacobian of '<lambda>': the output is i1: expected a real floating",
    ),
    (lambda: pb.jacobian(lambda x: {"a": [pb.cast(x, "i32")]})(1.0), r"the output\['a'\]\[0\] is i32"),
    (lambda: pb.jacobian(lambda x: x)(1), "argument 0 is i32: expected a floating-point dtype"),
    (lambda: pb.jacobian(lambda x: x)(np.ones((1,) * 5)), "rank above 8"),
    (lambda: pb.hessian(lambda x: x, "x"), "hessian of '<lambda>': argnums: expected the position"),  # pyright: ignore[reportArgumentType]
    (lambda: pb.hessian(3), "hessian: expected a function of tensors, got int"),  # pyright: ignore[reportArgumentType]
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_what_is_wrong_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
