"""Rules 76 to 85: gradients of branches and loops."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb


def power(x: pb.Tensor, trips: int | pb.Tensor, back_prop: bool = True) -> pb.Tensor:
    """x to the power trips + 1, by a loop."""
    return pb.while_loop(lambda i, _: i < trips, lambda i, a: (i + 1, a * x), [0, x], back_prop)[1]


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rule_76_only_the_branch_that_is_taken_has_gradients(graph: pb.Graph, target: str) -> None:
    x, w = (pb.placeholder("f64", (), name=name) for name in "xw")
    taken = x > 0.0
    y = pb.cond(taken, lambda: pb.log(x), lambda: x * w)
    dx, dw, none = pb.gradients(y, [x, w, taken])
    (ddx,) = pb.gradients(dx, x)
    assert none is None
    step = pb.compile([x, w], [y, dx, dw, ddx], target=target)
    np.testing.assert_allclose(step(2.0, 3.0), [np.log(2), 0.5, 0, -0.25])
    np.testing.assert_array_equal(step(-2.0, 3.0), [-6, 3, -2, 0])  # no NaN of the logarithm


@pytest.mark.parametrize("trips", [0, 1, 5])
def test_rule_77_the_gradient_of_a_loop_runs_backward(graph: pb.Graph, trips: int) -> None:
    x, n = pb.placeholder("f64", (), name="x"), pb.placeholder("i32", (), name="n")
    y = power(x, n)
    (dx,) = pb.gradients(y, x)
    value, slope = pb.run([y, dx], {x: 1.5, n: trips})
    np.testing.assert_allclose(value, 1.5 ** (trips + 1))
    np.testing.assert_allclose(slope, (trips + 1) * 1.5**trips)


def test_rule_78_each_value_is_kept_once_and_invariants_not_at_all(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    k = pb.exp(x)
    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, pb.tanh(a) * k), [0, x])
    pb.gradients(y, x)
    assert str(graph).count("graph.empty_stack") <= 2


def test_rule_79_nested_loops(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (), name="x")

    def outer(i: pb.Tensor, a: pb.Tensor) -> list[pb.Tensor]:
        _, inner = pb.while_loop(lambda j, _: j < i, lambda j, b: (j + 1, b * x), [0, a])
        return [i + 1, inner]

    _, y = pb.while_loop(lambda i, _: i < 4, outer, [0, x])
    (dx,) = pb.gradients(y, x)
    np.testing.assert_allclose(pb.run([y, dx], {x: 1.1}), [1.1**7, 7 * 1.1**6])


def test_rule_80_back_prop_false_gives_none(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    assert pb.gradients(power(x, 3, back_prop=False), x) == [None]


def test_rule_81_results_that_are_not_used_and_zero_trips(graph: pb.Graph) -> None:
    x, k, n = (pb.placeholder("f32", (), name=c) for c in "xkn")
    count = pb.cast(n, "i32")
    loop = pb.while_loop(
        lambda i, a, b, c: i < count,
        lambda i, a, b, c: (i + 1, a * 2.0, b * k, pb.constant(7.0)),
        [0, x, x, x],
    )
    _, a, _, c = loop
    assert pb.run(pb.gradients(a, [x, k], unconnected_gradients="zero"), {n: 3.0, x: 1.0, k: 1.0}) == [8, 0]
    (independent,) = pb.gradients(c, x)
    assert pb.run(independent, {n: 3.0, x: 1.0, k: 1.0}) == 0
    assert pb.run(independent, {n: 0.0, x: 1.0, k: 1.0}) == 1
    dx, dk = pb.gradients(loop[2], [x, k])
    assert pb.run([dx, dk], {n: 0.0, x: 5.0, k: 3.0}) == [1, 0]


def test_rule_82_second_order(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (), name="x")
    y = power(x, 4)
    orders = [y]
    for _ in range(3):
        orders.append(pb.gradients(orders[-1], x)[0])
    expected = [1.2**5, 5 * 1.2**4, 20 * 1.2**3, 60 * 1.2**2]
    np.testing.assert_allclose(pb.run(orders, {x: 1.2}), expected)


def test_rule_83_gradients_inside_a_body(graph: pb.Graph) -> None:
    """Newton's method for the square root: the body asks for its own slope, for a loop variable."""
    n = pb.placeholder("f64", (), name="n")

    def newton(i: pb.Tensor, a: pb.Tensor) -> list[pb.Tensor]:
        off = a * a - n
        (slope,) = pb.gradients(off, a)
        return [i + 1, a - off / slope]

    _, root = pb.while_loop(lambda i, _: i < 20, newton, [0, n])
    np.testing.assert_allclose(pb.run(root, {n: 2.0}), np.sqrt(2))


def test_rule_83_gradients_inside_a_body_for_an_invariant(graph: pb.Graph) -> None:
    k = pb.placeholder("f64", (), name="k")

    def body(i: pb.Tensor, a: pb.Tensor) -> list[pb.Tensor]:
        return [i + 1, a + pb.gradients(k * k * k, k)[0]]

    _, y = pb.while_loop(lambda i, _: i < 2, body, [0, pb.constant(0.0, "f64")])
    assert pb.run(y, {k: 2.0}) == 24


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rule_83_gradients_inside_a_body_go_on_outside(graph: pb.Graph, target: str) -> None:
    x = pb.placeholder("f64", (), name="x")
    q = x * x
    total = pb.while_loop(
        lambda i, _: i < 2, lambda i, s: (i + 1, s + pb.gradients(x * q, [x])[0]), [0, q], name="trips"
    )[1]
    assert pb.run(total, {x: 5.0}, target=target) == 175
    with pytest.raises(ValueError, match=r"'x' inside loop 'sums/while': .* only through 'arg1'"):
        pb.while_loop(lambda i, _: i < 2, lambda i, s: (i + 1, pb.gradients(s, [x])[0]), [0, q], name="sums")


def test_rule_84_integers_carry_no_gradient(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    _, n = pb.while_loop(lambda i, _: i < 3, lambda i, n: (i + 1, n + 1), [0, pb.cast(x, "i32")])
    assert pb.gradients(pb.cast(n, "f32"), x) == [None]


def test_rule_85_rows_gathered_in_a_loop(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")

    def body(i: pb.Tensor, total: pb.Tensor) -> list[pb.Tensor]:
        return [i + 1, total + pb.gather(x, i)]

    _, y = pb.while_loop(lambda i, _: i < 3, body, [0, pb.zeros((2,))])
    (dx,) = pb.gradients(y, x)
    dense = dx.as_tensor() if isinstance(dx, pb.IndexedSlices) else dx
    np.testing.assert_array_equal(
        pb.run(dense, {x: np.zeros((4, 2), np.float32)}), [[1, 1], [1, 1], [1, 1], [0, 0]]
    )


def test_loop_variables_keep_their_types(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    before = str(graph)
    wrong = [
        (lambda i: i + 1, lambda i: i, "cond must give a scalar i1"),
        (lambda i: i < 3, lambda i: (i, i), "gives 2 values for 1 loop variables"),
        (lambda i: i < 3, lambda i: pb.cast(i, "f32"), "begins as tensor<i32>, the body gives tensor<f32>"),
    ]
    for cond, body, message in wrong:
        with pytest.raises(ValueError, match=message):
            pb.while_loop(cond, body, [0])
        assert str(graph) == before
    assert (
        pb.run(pb.while_loop(lambda a: pb.max(a) < 9.0, lambda a: a * 2.0, [x])[0], {x: [1.0, 2.0]})[1] == 16
    )
