"""Graphs: their text, their names, and errors for tensors of other graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.dialects.verification import verify
from pullback.frontend.graph.unique_names import UniqueNames


def test_the_module_is_valid_text_and_the_graph_goes_on(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (None, 3), name="x")
    y = pb.tanh(x)
    text = str(graph)
    module = parse(context(), text).module
    verify(module)
    assert print_module(module) == text
    z = pb.exp(y)
    verify(graph.module)
    assert str(graph).count("func.return") == 1
    assert pb.run(z, {x: np.zeros((1, 3), np.float32)}).shape == (1, 3)


def test_names_are_unique_under_scopes() -> None:
    names = UniqueNames()
    assert [names.unique("a") for _ in range(3)] == ["a", "a_1", "a_2"]
    assert names.unique("A") == "A_3"
    with names.entered("s") as scope:
        assert scope == "s/"
        assert names.unique("a") == "s/a"
        with names.entered("t"):
            assert names.unique("a") == "s/t/a"
        with names.entered(None) as root:
            assert (root, names.unique("b")) == ("", "b")
    with names.entered("s") as again:
        assert again == "s_1/"
    with names.entered("s/") as same:
        assert (same, names.unique("a")) == ("s/", "s/a_1")


def test_a_name_that_was_made_by_hand_is_not_given_twice() -> None:
    names = UniqueNames()
    assert [names.unique(n) for n in ("a_1", "a", "a")] == ["a_1", "a", "a_2"]


@pytest.mark.parametrize("name", ["", "_a", "a b", "a:b", 3])
def test_what_is_no_name(graph: pb.Graph, name: object) -> None:
    with pytest.raises(ValueError, match="is no name"):
        pb.constant(1.0, name=name)  # pyright: ignore[reportArgumentType]


def test_names_and_scopes_of_operations(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    with pb.name_scope("layer"):
        assert [pb.tanh(x).name, pb.tanh(x).name, pb.exp(x, name="e").name] == [
            "layer/tanh",
            "layer/tanh_1",
            "layer/e",
        ]
    assert pb.Variable(1.0, name="x").name == "x_1"
    assert pb.split(pb.zeros((4,)), 2)[1].name == "split:1"


def test_a_name_that_no_operation_took_is_not_kept(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    assert pb.cast(x, "f32", name="unused").is_same(x)
    assert pb.tanh(x).name == "tanh"


def test_outside_of_a_graph() -> None:
    for make in (lambda: pb.constant(1.0), lambda: pb.placeholder("f32", ())):
        with pytest.raises(ValueError, match="work inside `with"):
            make()


def test_operators_outside_of_a_graph_add_to_that_of_their_tensors() -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (2,), name="x")
        v = pb.Variable([1.0, 2.0], name="v")
    (slope,) = pb.gradients(x * v * 2 + np.float32(1) - (-x).T, x)
    assert pb.run(slope - 1, {x: np.zeros(2, np.float32)}).tolist() == [2.0, 4.0]
    assert pb.run(x > 0.5, {x: [0.0, 1.0]}, graph=g).tolist() == [False, True]
    with pb.Graph(), pytest.raises(ValueError, match="'x' belongs to another graph"):
        pb.run(x + 1)


def test_graphs_may_nest_and_be_entered_again() -> None:
    first, second = pb.Graph(), pb.Graph()
    with first:
        a = pb.constant(1.0)
        with second:
            pb.constant(2.0)
            with first:
                b = a + a
        c = a * b
    assert len(first.operations) == 3
    assert len(second.operations) == 1
    assert pb.run(c) == 2


def test_tensors_of_another_graph(graph: pb.Graph) -> None:
    x = pb.constant(1.0, name="mine")
    with pb.Graph(), pytest.raises(ValueError, match="'mine' belongs to another graph"):
        pb.tanh(x)
    with pb.Graph():
        y = pb.constant(1.0)
    with pytest.raises(ValueError, match=r"fetches\[1\] must be from the same graph as fetches\[0\]"):
        pb.run([x, y])
    with pytest.raises(ValueError, match=r"is not from the graph given as graph="):
        pb.run(y, graph=graph)


def test_a_tensor_has_no_truth_value(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    with pytest.raises(TypeError, match="no truth value"):
        bool(x > 0.0)


@pytest.mark.parametrize(
    ("message", "act"),
    {
        r"a number from x .* run\(\)": float,
    }.items(),
)
def test_an_operator_that_tensors_lack(
    graph: pb.Graph, message: str, act: Callable[[object], object]
) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    with pytest.raises(TypeError, match=message):
        act(x)


FLOATS = np.array([-2.5, 2.0, 3.0], np.float32), np.array([2.0, 2.0, -1.0], np.float32)
INTEGERS = np.array([-5, 2, 7], np.int32), np.array([2, 2, 3], np.int32)
TRUTHS = np.array([True, False, True]), np.array([True, True, False])
OPERATORS: dict[str, tuple[Callable[..., object], object]] = {
    "**": (lambda a, b: (a**b, a**2.0, 2.0**b), FLOATS),
    "integer **": (lambda a, b: (a**b, a**2, 2**b), INTEGERS),
    "//": (lambda a, b: (a // b, a // 2.0, 1.0 // b), FLOATS),
    "integer //": (lambda a, b: (a // b, a // 2, 9 // b), INTEGERS),
    "%": (lambda a, b: (a % b, a % 2.0, 1.0 % b), FLOATS),
    "integer %": (lambda a, b: (a % b, a % 3, 9 % b), INTEGERS),
    "abs": (lambda a, b: (abs(a), abs(b)), FLOATS),
    ">": (lambda a, b: (a > b, a > 2.0, b < 2.0), FLOATS),
    ">=": (lambda a, b: (a >= b, a >= 2.0, b <= 2.0), FLOATS),
    "<": (lambda a, b: (a < b, a < 2.0, b > 2.0), FLOATS),
    "<=": (lambda a, b: (a <= b, a <= 2.0, b >= 2.0), FLOATS),
    "&": (lambda a, b: (a & b, a & True, False & b), TRUTHS),
    "|": (lambda a, b: (a | b, a | False, False | b), TRUTHS),
    "^": (lambda a, b: (a ^ b, a ^ True, True ^ b), TRUTHS),
    "~": (lambda a, b: (~a, ~b), TRUTHS),
    "bits": (lambda a, b: (a & b, a | 3, 3 ^ b, ~a), INTEGERS),
    "<< >>": (lambda a, b: (a << b, a >> 1, 1 << b, 9 >> b), INTEGERS),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_mean_what_they_mean_in_numpy(graph: pb.Graph, name: str) -> None:
    apply, arrays = OPERATORS[name]
    assert isinstance(arrays, tuple)
    found = pb.run(list(apply(*map(pb.constant, arrays))))  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownArgumentType, reportUnknownVariableType]
    expected: list[Any] = list(apply(*arrays))  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownVariableType]
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)
        assert value.dtype == wanted.dtype
