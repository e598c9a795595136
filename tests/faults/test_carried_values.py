"""Gradients inside of a body whose path continues through carried values of the loop: silently left out before."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import pullback as pb
from pullback.passes.explain.explanation import Reason, Status


@pytest.fixture(autouse=True)
def graph() -> Iterator[pb.Graph]:
    with pb.Graph() as graph:
        yield graph


def scalar(name: str = "p") -> pb.Tensor:
    return pb.placeholder("f64", (), name=name)


def zero() -> pb.Tensor:
    return pb.constant(0.0, "f64")


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
    # The second value of such a loop is no path to p, though the first is.
    start = pb.while_loop(lambda i, *_: i < 3, lambda i, a, b: (i + 1, a * p, b * 2.0), [0, p, z])[2]
    got = carrying(start, lambda s: s + pb.gradients(s * p, [p])[0])
    assert pb.run(got, {z: 1.0, p: 1.0}) == 32


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


def test_a_barrier_passes_each_gradient_by_itself() -> None:
    p, z = scalar(), scalar("z")
    _, second = pb.tuple([p * 2.0, z * 3.0])
    assert pb.gradients(second, [p]) == [None]  # zeros before, which looked like a path


@pytest.mark.parametrize("asked", ["first", "second"])
def test_a_condition_that_asks_about_what_its_loop_carries(asked: str) -> None:
    p = scalar()

    def going_on(i: pb.Tensor, a: pb.Tensor, b: pb.Tensor) -> pb.Tensor:
        y = a * p if asked == "first" else b * p  # b gets what a is, and a starts at p
        return pb.cast(i, "f64") < pb.gradients(y, [p])[0]

    def body(i: pb.Tensor, a: pb.Tensor, b: pb.Tensor) -> list[pb.Tensor]:
        return [i + 1, a, b + a]

    with pytest.raises(ValueError, match=r"inside loop 'while/while': .* only through 'arg"):
        pb.while_loop(going_on, body, [0, p * 2.0, zero()])
    alone = pb.while_loop(
        lambda i, a: pb.cast(i, "f64") < pb.gradients(a * p, [p])[0],
        lambda i, a: (i + 1, a),
        [0, zero() + 3.0],
    )
    assert pb.run(alone[0], {p: 1.0}) == 3


def test_requests_are_remembered_as_long_as_a_loop_around_is_not_complete(graph: pb.Graph) -> None:
    p = scalar()
    power = pb.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s * p), [0, p])[1]

    def inner(s: pb.Tensor) -> pb.Tensor:  # what this one carries starts where the outer one is
        return carrying(s, lambda t: t + pb.gradients(t * power, [p])[0])

    with pytest.raises(ValueError, match="only through"):
        carrying(zero() + 1.0, lambda s: inner(s * 2.0))
    with pytest.raises(
        ValueError, match="only through"
    ):  # the outer one is not told from x until it is complete
        carrying(
            zero() + 1.0,
            lambda s: carrying(s, lambda t: pb.gradients(t * 2.0, [p], unconnected_gradients="zero")[0] + p),
        )
    assert graph.requests == []
    got = carrying(zero() + 1.0, lambda s: carrying(s, lambda t: t + pb.gradients(power * 2.0, [p])[0]))
    assert pb.run(got, {p: 1.0}) == 1 + 4 * 8
    assert graph.requests == []
