"""Nests of loop variables: tuples of tensors became one tensor, dicts were refused, and a bare tensor too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb

TARGETS = pytest.mark.parametrize("target", ["numpy", "cpu"])


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclass
class State:
    position: Any
    speed: Any


@pytest.fixture(autouse=True)
def graph() -> Iterator[pb.Graph]:
    with pb.Graph() as graph:
        yield graph


def below(n: int) -> Callable[..., pb.Tensor]:
    return lambda i, *_: i < n


def test_the_form_comes_back() -> None:
    one = lambda i: i + 1  # noqa: E731
    assert pb.run(pb.while_loop(below(3), one, [0])) == [3]
    assert pb.run(pb.while_loop(below(3), lambda i: [i + 1], (0,))) == (3,)
    assert pb.run(pb.while_loop(below(3), one, 0)) == 3
    assert isinstance(pb.while_loop(below(3), one, pb.constant(0)), pb.Tensor)
    pair = pb.while_loop(below(3), lambda i, s: (i + 1, s * 2.0), Pair(0, 1.0))
    assert pb.run(pair) == Pair(3, 8.0)


@TARGETS
def test_nests_of_tensors(target: str) -> None:
    x = pb.placeholder("f64", (2,), name="x")

    def body(i: pb.Tensor, state: dict[str, Any]) -> tuple[pb.Tensor, dict[str, Any]]:
        left, (up, down) = state["a"], state["b"]
        return i + 1, {"b": (up + 1.0, down * left), "a": left * x}

    loop = pb.while_loop(below(2), body, [0, {"a": x, "b": (pb.constant(0.0, "f64"), x)}])
    assert isinstance(loop, list) and isinstance(loop[1]["b"], tuple)
    (dx,) = pb.gradients(loop[1]["b"][1], [x])  # x * x * x**2
    values, slope = pb.run([loop, dx], {x: [2.0, 3.0]}, target=target)
    np.testing.assert_array_equal(values[1]["a"], [8, 27])
    np.testing.assert_array_equal(values[1]["b"][0], 2)
    np.testing.assert_array_equal(values[1]["b"][1], [16, 81])
    np.testing.assert_array_equal(slope, [32, 108])


def test_one_variable_that_is_a_nest() -> None:
    loop = pb.while_loop(
        lambda s: s["i"] < 2, lambda s: {"i": s["i"] + 1, "p": s["p"] * 2.0}, {"i": 0, "p": 3.0}
    )
    assert pb.run(loop) == {"i": 2, "p": 12}
    falling = pb.while_loop(
        lambda s: s.position > 0.0, lambda s: State(s.position + s.speed, s.speed - 1.0), State(5.0, 0.0)
    )
    assert pb.run(falling) == State(-1.0, -4.0)
    kinds = defaultdict(int, i=pb.constant(0))
    assert pb.run(pb.while_loop(lambda s: s["i"] < 2, lambda s: defaultdict(int, i=s["i"] + 1), kinds)) == {
        "i": 2
    }


def test_a_list_of_plain_numbers_is_one_tensor() -> None:
    _, n, m = pb.while_loop(below(2), lambda i, n, m: (i + 1, n * 2.0, m), [0, [1.0, 2.0], [[1, 2], [3, 4]]])
    assert (n.shape, m.shape, m.dtype) == ((2,), (2, 2), "i32")
    np.testing.assert_array_equal(pb.run(n), [4, 8])


def test_a_list_that_holds_a_tensor_is_a_nest_and_a_tuple_may_stand_for_it() -> None:
    x = pb.placeholder("f32", (2,), name="x")
    loop = pb.while_loop(
        below(2), lambda i, n: (i + 1, (n[0] * 2.0, [n[1][0] + 1.0])), [0, [x, [np.zeros(3, np.float32)]]]
    )
    (_, values) = pb.run(loop, {x: [1.0, 2.0]})
    assert isinstance(values, list) and isinstance(values[1], list)
    np.testing.assert_array_equal(values[0], [4, 8])
    np.testing.assert_array_equal(values[1][0], [2, 2, 2])
    numbers = pb.while_loop(below(2), lambda i, t: (i + 1, (t[1], t[0])), [0, (1.0, 2.0)])[1]
    assert isinstance(numbers, tuple) and [t.shape for t in numbers] == [(), ()]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda s: s["a"], r"loop_vars\[1\] has the form .* the body gives"),
        (lambda s: {"a": s["a"]}, "expected the same form"),
        (lambda s: {"a": s["a"], "b": [s["a"], s["a"]]}, "expected the same form"),
        (lambda s: {"a": s["a"], "b": (s["a"],)}, "expected the same form"),
        (lambda s: {"a": s["a"], "b": (s["a"], "text")}, r"loop_vars\[1\]\['b'\]\[1\]: expected a tensor"),
        (lambda s: {"a": s["a"], "b": (s["a"], 1.0)}, r"loop_vars\[1\]\['b'\]\[1\] begins as tensor<2xf32>"),
    ],
)
def test_a_form_that_changes_is_refused(graph: pb.Graph, made: Callable[[Any], Any], message: str) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    before = str(graph)
    with pytest.raises(ValueError, match=message):
        pb.while_loop(below(2), lambda i, s: (i + 1, made(s)), [0, {"a": x, "b": (x, x)}])
    assert str(graph) == before


def test_none_is_no_loop_variable() -> None:
    with pytest.raises(ValueError, match=r"loop_vars\[1\]: expected a tensor or a nest of tensors, got None"):
        pb.while_loop(below(2), lambda i, s: (i + 1, s), [0, None])
