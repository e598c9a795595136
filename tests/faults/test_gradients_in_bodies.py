"""Gradients asked for inside of a loop body or a branch.

They ignored what was computed outside of it: with q = p * p outside, the gradient of p * q was q alone, and that of
q * 3 was `None`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import pullback as pb
from pullback.passes.explain.explanation import Reason, Status

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


# ---- what a loop carries ----------------------------------------------------------------------------------


def carrying(start: pb.Tensor, body: Callable[[pb.Tensor], pb.Tensor]) -> pb.Tensor:
    return pb.while_loop(lambda i, _: i < 2, lambda i, s: (i + 1, body(s)), [0, start])[1]


MESSAGE = r"no gradient with respect to 'p' inside loop 'while/while': .* through 'arg1' \(loop variable 1\)"


@pytest.mark.parametrize(
    "body",
    [
        lambda s, p: pb.gradients(s * 2.0, [p])[0],
        lambda s, p: pb.gradients(s, [p])[0],
        lambda s, p: pb.gradients(s * p, [p])[0],
        lambda s, p: pb.gradients(s * p, [s, p])[1],
    ],
)
def test_a_path_through_the_start_of_what_is_carried_is_an_error(
    graph: pb.Graph, body: Callable[[pb.Tensor, pb.Tensor], pb.Tensor]
) -> None:
    p = scalar()
    q = pb.square(p)
    before = str(graph)
    with pytest.raises(ValueError, match=MESSAGE):
        carrying(q, lambda s: body(s, p))
    assert str(graph) == before


def test_a_path_through_earlier_trips_is_an_error(graph: pb.Graph) -> None:
    p = scalar()
    power = pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * p), [0, p])[1]
    start = zero()
    before = str(graph)
    with pytest.raises(ValueError, match=r"inside loop 'while_1/while': .* through 'arg1'"):
        carrying(start, lambda s: s + pb.gradients(s * power, [p])[0])
    assert str(graph) == before


def test_what_is_carried_may_be_taken_as_constant() -> None:
    p = scalar()
    q = pb.square(p)
    got = carrying(q, lambda s: pb.gradients(s * p, [p], stop_gradients=[s])[0])
    assert pb.run(got, {p: 3.0}) == 9


def test_what_is_carried_may_depend_on_what_is_not_asked_about() -> None:
    p, z = scalar(), scalar("z")
    got = carrying(pb.square(z), lambda s: s + pb.gradients(s * p, [p])[0])  # s doubles
    assert pb.run(got, {p: 3.0, z: 2.0}) == 16
    ended = carrying(pb.stop_gradient(pb.square(p)), lambda s: s + pb.gradients(s * p, [p])[0])
    assert pb.run(ended, {p: 3.0}) == 36


def test_of_two_carried_values_only_the_one_that_depends_on_x() -> None:
    p, z = scalar(), scalar("z")

    def body(i: pb.Tensor, a: pb.Tensor, b: pb.Tensor) -> list[pb.Tensor]:
        return [i + 1, a * p, b + pb.gradients(b * p, [p])[0]]

    loop = pb.while_loop(lambda i, *_: i < 3, body, [0, p, z])
    assert pb.run(loop, {p: 2.0, z: 1.0})[1:] == [16, 8]
    # The second value of that loop is no path to p.
    got = carrying(
        pb.while_loop(lambda i, *_: i < 3, lambda i, a, b: (i + 1, a * p, b), [0, p, z])[2], lambda s: s
    )
    assert pb.run(got, {z: 1.0, p: 1.0}) == 1


def test_explain_agrees() -> None:
    p = scalar()
    q = pb.square(p)
    found: list[pb.Explanation] = []

    def body(s: pb.Tensor) -> pb.Tensor:
        found.append(pb.explain(q * 3.0, p))
        found.append(pb.explain(s * 3.0, p))
        return s

    carrying(q, body)
    assert found[0].status is Status.CONNECTED
    assert (found[1].status, found[1].cuts[0].reason) == (Status.ERROR, Reason.CARRIED)


def test_a_body_that_fails_leaves_the_graph_as_it_was(graph: pb.Graph) -> None:
    p = scalar()
    power = pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * p), [0, p])[1]
    _ = pb.exp(power)
    start = zero()
    before = str(graph)

    def body(i: pb.Tensor, s: pb.Tensor) -> list[pb.Tensor]:
        pb.gradients(power, [p])
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        pb.while_loop(lambda i, _: i < 2, body, [0, start])
    assert str(graph) == before
