"""Gradients asked for inside of a loop body or a branch.

They ignored what was computed outside of it: with q = p * p outside, the gradient of p * q was q alone, and that of
q * 3 was `None`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pullback as pb

TARGETS = pytest.mark.parametrize("target", ["numpy", "cpu"])


@pytest.fixture(autouse=True)
def graph() -> Iterator[pb.Graph]:
    with pb.Graph() as graph:
        yield graph


def scalar(name: str = "p") -> pb.Tensor:
    return pb.placeholder("f64", (), name=name)


def zero() -> pb.Tensor:
    return pb.constant(0.0, "f64")


def twice(term: Callable[[], pb.Tensor], start: pb.Tensor | None = None) -> pb.Tensor:
    """What two trips of a loop add to `start`."""
    begin = zero() if start is None else start
    return pb.while_loop(lambda i, _: i < 2, lambda i, s: (i + 1, s + term()), [0, begin])[1]


def difference(y: pb.Tensor, x: pb.Tensor, at: float, target: str) -> float:
    """The central difference of y by x."""
    step = 1e-5
    return float(
        (pb.run(y, {x: at + step}, target=target) - pb.run(y, {x: at - step}, target=target)) / 2 / step
    )


@TARGETS
def test_in_a_branch(target: str) -> None:
    p = scalar()
    q = pb.square(p)
    both = pb.cond(p > 0.0, lambda: pb.gradients(p * q, [p])[0], zero)
    outer = pb.cond(p > 0.0, lambda: pb.gradients(q * 3.0, [p])[0], zero)
    assert pb.run([both, outer], {p: 5.0}, target=target) == [75, 30]
    assert pb.run([both, outer], {p: -5.0}, target=target) == [0, 0]


@TARGETS
def test_in_a_loop(target: str) -> None:
    p = scalar()
    q = pb.square(p)
    assert pb.run(twice(lambda: pb.gradients(p * q, [p])[0], q), {p: 5.0}, target=target) == 175


@TARGETS
def test_y_itself_outside(target: str) -> None:
    p = scalar()
    q = p * p * p
    assert pb.run(twice(lambda: pb.gradients(q, [p])[0]), {p: 2.0}, target=target) == 24


@TARGETS
def test_several_bodies_deep(target: str) -> None:
    p = scalar()
    q = pb.square(p)

    def in_branch() -> pb.Tensor:
        r = q * p
        return twice(lambda: pb.gradients(r * q, [p])[0])

    def in_loop() -> pb.Tensor:
        return pb.cond(p > 0.0, in_branch, zero)

    assert pb.run(twice(in_loop), {p: 2.0}, target=target) == 4 * 5 * 2**4


@TARGETS
def test_variables_are_all_their_reads_wherever_they_are(target: str) -> None:
    w = pb.Variable(np.float64(5.0), name="w")
    q = w * w
    inside = twice(lambda: pb.gradients(w * q, [w])[0])
    outside = pb.cond(q > 0.0, lambda: pb.gradients(q * 3.0, [w])[0], zero)
    rows = pb.Variable(np.arange(6.0).reshape(3, 2), name="rows")
    picked = rows.sparse_read([0, 2])
    dense = twice(lambda: pb.sum(pb.gradients(pb.sum(picked * picked), [rows])[0].as_tensor()))
    assert pb.run([inside, outside, dense], target=target) == [150, 30, 2 * 2 * (0 + 1 + 4 + 5)]


def test_a_read_before_an_update_counts_with_the_contents_of_its_time() -> None:
    w = pb.Variable(np.float64(5.0), name="w")
    q = w * w
    update = w.assign(7.0)
    got = pb.cond(q > 0.0, lambda: pb.gradients(w * q, [w])[0], zero)  # 25 + 7 * 2 * 5
    assert pb.run([got, update])[0] == 95


@TARGETS
def test_in_functions(target: str) -> None:
    def slope(p: pb.Tensor) -> pb.Tensor:
        q = pb.square(p)
        return pb.cond(p > 0.0, lambda: pb.gradients(p * q, [p])[0], lambda: pb.zeros_like(p))

    p = scalar()
    graph_of_its_own = pb.function(slope, target=target)
    for function, expected in ((graph_of_its_own, 75), (pb.grad(slope, target=target), 30)):
        assert pb.run(function(p), {p: 5.0}, target=target) == expected
    q = pb.square(p)

    def inner(v: pb.Tensor) -> pb.Tensor:
        return v * q  # q is constant for `grad`: its argument is a value of its own

    assert pb.run(twice(lambda: pb.grad(inner)(p)), {p: 5.0}, target=target) == 50


@TARGETS
@pytest.mark.parametrize("at", [0.7, 2.0])
def test_a_loop_or_a_branch_outside_on_the_way(target: str, at: float) -> None:
    p = scalar()
    power = pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * p), [0, p])[1]  # p**4
    chosen = pb.cond(p > 1.0, lambda: pb.exp(p), lambda: p * p)
    y = power * chosen * p
    inside = twice(lambda: pb.gradients(y, [p])[0])
    assert pb.run(inside, {p: at}, target=target) == pytest.approx(2 * difference(y, p, at, target), rel=1e-7)
    (second,) = pb.gradients(inside, [p])
    assert pb.run(second, {p: at}, target=target) == pytest.approx(
        difference(inside, p, at, target), rel=1e-7
    )


@TARGETS
def test_second_order_inside_and_outside(target: str) -> None:
    p = scalar()
    q = pb.square(p)

    def second() -> pb.Tensor:
        (first,) = pb.gradients(q * q, [p])
        return pb.gradients(first, [p])[0]

    total = twice(second)  # 2 * 12 p**2
    (third,) = pb.gradients(total, [p])
    assert pb.run([total, third], {p: 2.0}, target=target) == [96, 96]


def test_hessians_inside() -> None:
    x = pb.placeholder("f64", (2,), name="x")
    cube = x * x * x
    got = pb.cond(pb.sum(x) > 0.0, lambda: pb.hessians(cube, [x])[0], lambda: pb.zeros((2, 2), "f64"))
    np.testing.assert_array_equal(pb.run(got, {x: [1.0, 2.0]}), [[6, 0], [0, 12]])


def test_a_condition_asks_too() -> None:
    p = scalar()
    q = pb.square(p)
    n = pb.while_loop(lambda i: pb.cast(i, "f64") < pb.gradients(p * q, [p])[0], lambda i: i + 1, [0])
    assert pb.run(n, {p: 2.0}) == [12]


def test_a_gradient_function_of_ones_own_asks_too() -> None:
    p = scalar()
    q = pb.square(p)
    y = pb.custom_gradient(lambda x: (x, lambda dy: dy * pb.gradients(p * q, [p])[0]))(p)
    assert pb.run(pb.gradients(y, [p])[0], {p: 5.0}) == 75


def test_stops_and_zeros() -> None:
    p, z = scalar(), scalar("z")
    q = pb.square(p)

    def term(stops: list[pb.Tensor]) -> pb.Tensor:
        dp, dq, dz = pb.gradients(p * q, [p, q, z], stop_gradients=stops, unconnected_gradients="zero")
        return dp + 1000.0 * dq + dz

    assert pb.run(twice(lambda: term([q])), {p: 5.0, z: 1.0}) == 2 * (25 + 5000)
    assert pb.run(twice(lambda: term([])), {p: 5.0, z: 1.0}) == 2 * (75 + 5000)


@pytest.mark.parametrize("method", ["ADD_N", "TREE", "ACCUMULATE_N", "BALANCED"])
@pytest.mark.parametrize("gate", [False, "op", "graph"])
def test_sums_and_gates(method: str, gate: bool | str) -> None:
    p = scalar()
    q = pb.square(p)

    def term() -> pb.Tensor:
        ys = [p * q, q, q * q, pb.exp(p) * p]
        how = getattr(pb.AggregationMethod, method)
        return pb.gradients(ys, [p], aggregation_method=how, gate_gradients=gate)[0]

    expected = 2 * (3 * 4 + 4 + 4 * 8 + 3 * np.exp(2.0))
    assert pb.run(twice(term), {p: 2.0}, target="cpu") == pytest.approx(expected, rel=1e-12)


# ---- the same anywhere ------------------------------------------------------------------------------------

STEPS: list[Callable[[pb.Tensor, pb.Tensor], pb.Tensor]] = [
    lambda a, b: a * b,
    lambda a, b: pb.sin(a) + b,
    lambda a, b: pb.concat([a, b], 0)[1:3],
    lambda a, b: pb.stop_gradient(a) * b,
    lambda a, b: pb.cond(pb.sum(a) > pb.sum(b), lambda: a * a, lambda: b * a),
    lambda a, b: pb.while_loop(lambda i, *_: i < 2, lambda i, s: (i + 1, s * b * 0.5), [0, a])[1],
    lambda a, b: pb.gather(a, [1, 1]) * b,
]
PLACES = ["here", "branch", "loop"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 9)),
        min_size=1,
        max_size=6,
    ),
    stopped=st.none() | st.integers(0, 9),
)
def test_the_gradient_is_the_same_wherever_it_is_asked_for(
    steps: list[tuple[str, Callable[..., pb.Tensor], int, int]], stopped: int | None
) -> None:
    def grown(
        values: list[pb.Tensor], rest: list[tuple[str, Callable[..., pb.Tensor], int, int]], flat: bool
    ) -> pb.Tensor:
        """Goes on inside of branches and loops; in the end asks for gradients of the last value."""
        if not rest:
            stops = None if stopped is None else [values[stopped % len(values)]]
            found = pb.gradients(values[-1], xs, stop_gradients=stops, unconnected_gradients="zero")
            return pb.stack([*found, values[-1]])
        (place, step, i, j), *rest = rest

        def further() -> pb.Tensor:
            value = step(values[i % len(values)], values[j % len(values)])
            return grown([*values, value], rest, flat)

        if flat or place == "here":
            return further()
        if place == "branch":
            return pb.cond(values[0][0] < 9.0, further, lambda: pb.zeros((3, 2), "f64"))
        none = pb.zeros((3, 2), "f64")
        return pb.while_loop(lambda i, _: i < 1, lambda i, _: (i + 1, further()), [0, none])[1]

    with pb.Graph():
        xs = [pb.placeholder("f64", (2,), name=name) for name in "ab"]
        inside, outside = (grown(list(xs), list(steps), flat) for flat in (False, True))
        got, expected = pb.run([inside, outside], {xs[0]: [0.5, 1.5], xs[1]: [1.25, -0.75]})
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


# ---- a second time around ----------------------------------------------------------------------------------


def test_an_outer_loop_is_seen_with_the_contents_of_its_time() -> None:
    p, w = scalar(), pb.Variable(np.float64(2.0), name="w")
    power = pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * w * p), [0, p])[1]  # p**4 w**3
    update = w.assign(10.0)
    with pb.control_dependencies([update]):
        by_p = twice(lambda: pb.gradients(power, [p])[0])
        by_w = twice(lambda: pb.gradients(power, [w])[0])
    assert pb.run([by_p, by_w, update], {p: 1.0})[:2] == [2 * 4 * 8, 2 * 3 * 4]


@TARGETS
def test_calls_loops_and_gradients_of_ones_own_on_the_way(target: str) -> None:
    p = scalar()
    q = pb.square(p)
    cube = pb.function(lambda v: v * v * v)
    again = pb.recompute_grad(lambda v: pb.tanh(v * q))
    own = pb.custom_gradient(lambda v: (v * q, lambda dy: dy * q))
    called, computed, told = cube(p), again(p), own(p)
    loop = pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * p + q), [0, q])[1]
    y = called * computed + told * loop
    inside = twice(lambda: pb.gradients(y + again(p) * loop, [p])[0])
    total = y + again(p) * loop
    assert pb.run(inside, {p: 0.7}, target=target) == pytest.approx(
        2 * difference(total, p, 0.7, target), rel=1e-7
    )


@TARGETS
def test_a_loop_inside_that_uses_what_is_outside(target: str) -> None:
    p = scalar()
    q = pb.square(p)

    def chain() -> pb.Tensor:
        return pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * p + q), [0, q])[1] * q

    inside = twice(lambda: pb.gradients(chain(), [p])[0])
    slope = difference(chain(), p, 1.3, target)
    assert pb.run(inside, {p: 1.3}, target=target) == pytest.approx(2 * slope, rel=1e-7)
    (second,) = pb.gradients(inside, [p])
    assert pb.run(second, {p: 1.3}) == pytest.approx(difference(inside, p, 1.3, target), rel=1e-7)
