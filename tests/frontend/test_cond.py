"""`cond`: one branch runs, and both must return the same types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("taken", [True, False])
def test_a_nest_of_results_whose_shape_the_run_tells(target: str, taken: bool) -> None:
    with pb.Graph():
        x, p = pb.placeholder("f32", (None, 3), name="x"), pb.placeholder("i1", (), name="p")
        made = pb.cond(p, lambda: {"y": pb.exp(x), "n": [pb.sum(x)]}, lambda: {"y": -x, "n": [2.0]})
        step = pb.compile([x, p], made, target=target)
    for rows in (0, 1, 5):
        value = np.arange(3 * rows, dtype=np.float32).reshape(rows, 3) / 7
        got = step(value, np.array(taken))
        np.testing.assert_allclose(got["y"], np.exp(value) if taken else -value, rtol=1e-6)
        np.testing.assert_allclose(got["n"][0], value.sum() if taken else 2.0, rtol=1e-6)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_only_the_branch_that_is_taken_updates(target: str) -> None:
    with pb.Graph():
        v, p = pb.Variable(np.float32(1), name="v"), pb.placeholder("i1", (), name="p")

        def add(amount: float) -> pb.Tensor:
            v.assign_add(amount)
            return v.read()

        step = pb.compile([p], pb.cond(p, lambda: add(1.0), lambda: add(10.0)), target=target)
    assert [float(step(np.array(taken))) for taken in (True, False, True)] == [2, 12, 13]


def test_conditionals_in_each_other() -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (), name="x")
        y = pb.cond(x > 0.0, lambda: pb.cond(x > 1.0, lambda: x * x, lambda: x), lambda: -x)
        (dx,) = pb.gradients(y, x)
        step = pb.compile([x], [y, dx], target="numpy")
    for value, expected in ((3.0, (9, 6)), (0.5, (0.5, 1)), (-2.0, (2, -1))):
        np.testing.assert_allclose(step(value), expected)


@pytest.mark.parametrize("rows", [4, None])
def test_each_function_is_called_once(rows: int | None) -> None:
    calls: list[str] = []

    def branch(what: str, y: pb.Tensor, *more: pb.Tensor) -> tuple[pb.Tensor, ...]:
        calls.append(what)
        return y, *more

    with pb.Graph() as g:
        x, p = pb.placeholder("f32", (rows, 3), name="x"), pb.placeholder("i1", (), name="p")
        pb.cond(
            p,
            lambda: branch(
                "true", pb.exp(x), pb.cond(~p, lambda: branch("a", -x), lambda: branch("b", x * x))[0]
            ),
            lambda: branch("false", x, x),
        )
        names = [str(op.location) for op in g.body.walk()]
    assert calls == ["a", "b", "true", "false"]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_gradients_and_conditionals_inside_of_a_branch(target: str) -> None:
    with pb.Graph():
        x, p = pb.placeholder("f32", (None,), name="x"), pb.placeholder("i1", (), name="p")

        def slope() -> pb.Tensor:
            y = pb.cond(pb.sum(x) > 0.0, lambda: x * x, lambda: pb.exp(x))
            return pb.gradients(y, [x])[0]

        step = pb.compile([x, p], pb.cond(p, slope, lambda: x), target=target)
    for value in (np.array([1, 2], np.float32), np.array([-1, -2, 0], np.float32)):
        expected = 2 * value if value.sum() > 0 else np.exp(value)
        np.testing.assert_allclose(step(value, np.array(True)), expected, rtol=1e-6)
        np.testing.assert_allclose(step(value, np.array(False)), value)


def _updating(x: pb.Tensor) -> pb.Tensor:
    pb.Variable(np.float32(1), name="v").assign_add(1.0)
    return x


@pytest.mark.parametrize(
    ("message", "make"),
    [
        ("pred must be a scalar i1", lambda x: pb.cond(x, lambda: x, lambda: x)),
        ("false_fn: expected a function, got Tensor", lambda x: pb.cond(pb.any(x > 0.0), lambda: x, x)),
        ("expected the same form", lambda x: pb.cond(pb.any(x > 0.0), lambda: [x], lambda: (x,))),
        ("cast or reshape", lambda x: pb.cond(pb.any(x > 0.0), lambda: x, lambda: pb.cast(x, "i32"))),
        (
            r"true_fn\(\)\['a'\]: expected a tensor",
            lambda x: pb.cond(pb.any(x > 0.0), lambda: {"a": "b"}, lambda: x),
        ),
        ("give results of known shape", lambda x: pb.cond(pb.any(x > 0.0), lambda: _updating(x), lambda: x)),
    ],
)
def test_refused(message: str, make: Any) -> None:
    with pb.Graph() as g:
        x = pb.placeholder("f32", (None,), name="x")
        with pytest.raises(ValueError, match=message):
            make(x)
        assert "graph.while" not in str(g)
