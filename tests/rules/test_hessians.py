"""Rules 87 and 88: second derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb

A = np.array([[2.0, 1.0, 0.0], [5.0, -1.0, 3.0], [0.5, 0.0, 1.0]])
X = np.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rule_87_of_a_quadratic_form(graph: pb.Graph, target: str) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    y = pb.sum(x * pb.reshape(A @ pb.reshape(x, (3, 1)), (3,)))
    (h,) = pb.hessians(y, x)
    assert h.shape == (3, 3)
    np.testing.assert_allclose(pb.run(h, {x: X}, target=target), A + A.T)


def test_rule_87_each_x_by_itself_and_ys_are_summed(graph: pb.Graph) -> None:
    x, z = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (), name="z")
    hx, hz = pb.hessians([x * x * z, pb.exp(z)], [x, z])
    np.testing.assert_allclose(pb.run(hx, {x: X, z: 3.0}), 6 * np.eye(3))
    np.testing.assert_allclose(pb.run(hz, {x: X, z: 3.0}), np.exp(3))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3), (2, 0), (1, 1, 2)])
@pytest.mark.parametrize("static", [True, False])
def test_rule_87_any_shape(graph: pb.Graph, shape: tuple[int, ...], static: bool) -> None:
    x = pb.placeholder("f64", shape if static else [None] * len(shape), name="x")
    (h,) = pb.hessians(pb.sum(x * x * x), x)
    data = np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape)
    expected = np.diag(6 * data.ravel()).reshape(shape * 2)
    for target in ("numpy", "cpu"):
        np.testing.assert_allclose(pb.run(h, {x: data}, target=target), expected)


def test_rule_87_zeros_for_a_linear_function_and_for_none(graph: pb.Graph) -> None:
    x, z = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (2,), name="z")
    v = pb.Variable(X)
    hx, hz, hv = pb.hessians(3.0 * x, [x, z, v])
    found = pb.run([hx, hz, hv], {x: X, z: X[:2]})
    assert [f.shape for f in found] == [(3, 3), (2, 2), (3, 3)]
    assert not any(f.any() for f in found)


def test_rule_87_of_rows_of_a_variable(graph: pb.Graph) -> None:
    v = pb.Variable(X.reshape(3, 1))
    rows = pb.gather(v, [2, 0, 2])
    (h,) = pb.hessians(rows * rows, v)
    np.testing.assert_allclose(pb.run(h), np.diag([2.0, 0, 4]).reshape(3, 1, 3, 1))


def test_rule_87_the_graph_does_not_grow_with_x(graph: pb.Graph) -> None:
    def operations(n: int) -> int:
        with pb.Graph() as g:
            x = pb.placeholder("f64", (n,), name="x")
            pb.hessians(pb.tanh(x) * x, x)
            return str(g).count("graph.")

    assert operations(7) == operations(300)


def test_rule_87_through_a_loop(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (2,), name="x")
    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a * x), [0, x])
    (h,) = pb.hessians(y, x)
    for target in ("numpy", "cpu"):
        np.testing.assert_allclose(pb.run(h, {x: X[:2]}, target=target), np.diag(12 * X[:2] ** 2))


def test_rule_87_invalid_arguments(graph: pb.Graph) -> None:
    x, n = pb.placeholder("f64", (3,), name="x"), pb.placeholder("i32", (3,), name="n")
    y = x * x
    before = str(graph)
    with pytest.raises(ValueError, match=r"xs\[1\]: expected a floating-point dtype, got i32"):
        pb.hessians(y, [x, n])
    with pytest.raises(ValueError, match="aggregation_method: invalid value"):
        pb.hessians(y, [x], aggregation_method="fast")
    with pytest.raises(ValueError, match=r"xs\[0\]: expected a tensor"):
        pb.hessians(y, [None])
    assert str(graph) == before


def test_rule_88_the_product_of_hessian_and_vector(graph: pb.Graph) -> None:
    x, z = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (), name="z")
    y = pb.sum(x * x * x) * z * z
    v, u = np.array([1.0, 10.0, 100.0]), 2.0
    px, pz = pb.hessian_vector_product(y, [x, z], [v, u])
    found_x, found_z = pb.run([px, pz], {x: X, z: 3.0})
    np.testing.assert_allclose(found_x, 9 * 6 * X * v + 6 * 3.0 * X**2 * u)
    np.testing.assert_allclose(found_z, 6 * 3.0 * (X**2 @ v) + 2 * np.sum(X**3) * u)


def test_rule_88_the_vector_is_a_constant(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    (p,) = pb.hessian_vector_product(x * x * x, [x], [x])
    np.testing.assert_allclose(pb.run(p, {x: X}), 6 * X * X)


def test_rule_88_zeros_where_nothing_is_left(graph: pb.Graph) -> None:
    x, z = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (), name="z")
    found = pb.run(pb.hessian_vector_product(3.0 * x, [x, z], [X, 1.0]), {x: X, z: 1.0})
    assert [f.shape for f in found] == [(3,), ()]
    assert not any(f.any() for f in found)


def test_rule_88_as_many_vectors_as_xs_and_of_their_shapes(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    y = x * x
    before = str(graph)
    with pytest.raises(ValueError, match="xs and v must have the same length"):
        pb.hessian_vector_product(y, [x], [X, X])
    with pytest.raises(
        ValueError, match=r"v\[0\] has type tensor<2xf64>, expected that of xs\[0\]: tensor<3xf64>"
    ):
        pb.hessian_vector_product(y, [x], [X[:2]])
    assert str(graph) == before
