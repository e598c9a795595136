"""Graphs, variables, optimizers, functions and steps could be neither pickled nor copied."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.tests.faults.copying import COPIES

ONE = np.ones((1, 3), np.float32)


@pytest.fixture(params=COPIES.values(), ids=list(COPIES))
def copied(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return request.param


@pb.RegisterGradient("DoubledInCopies")
def doubled(op: Any, dy: pb.Tensor) -> list[pb.Tensor]:
    """A gradient function of a user."""
    a, b = map(pb.Tensor, op.operands)
    return [2.0 * dy * b, 2.0 * dy * a]


def program() -> dict[str, Any]:
    """A graph with all that one may hold, and handles of what is in it."""
    with pb.Graph() as graph:
        x, n = pb.placeholder("f32", (None, 3), name="x/y"), pb.placeholder("i32", (), name="0")
        w = pb.Variable(np.ones((3, 2), np.float32), name="w")
        h = pb.Variable([1.0, 2.0], name="h", dtype="bf16")
        note = w.assign_add(pb.fill((3, 2), 0.0))
        with pb.device("/cpu:1"), pb.control_dependencies([note]), pb.name_scope("layer"):
            y = pb.tanh(x @ w, name="y")
        with graph.gradient_override_map({"multiply": "DoubledInCopies"}), pb.name_scope("loop"):
            _, total = pb.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 2.0), [0, pb.sum(y)])
        picked = pb.cond(total > 0.0, lambda: total, lambda: -total)
        (dw,) = pb.gradients(picked, w)
        (rows,) = pb.gradients(pb.gather(w, [0, 0]), w)
        group = pb.group(note, h.assign(pb.cast(pb.sum(y, 0), "bf16")))
    return {"graph": graph, "x": x, "n": n, "w": w, "h": h, "y": y, "dw": dw, "rows": rows, "group": group}


def results(p: dict[str, Any], target: str = "numpy") -> Any:
    return pb.run([p["y"], p["dw"], p["rows"], p["group"], p["h"]], {p["x"]: ONE, p["n"]: 3}, target=target)


def test_graphs_keep_all_that_is_in_them(copied: Callable[[Any], Any]) -> None:
    original = program()
    made = copied(original)
    graph = made["graph"]
    assert str(graph) == str(original["graph"]) and graph is not original["graph"]
    assert graph.names._taken == original["graph"].names._taken
    assert made["y"].name == "layer/y" and list(graph.variables) == list(original["graph"].variables)
    for found, expected in zip(results(made), results(original), strict=True):
        assert type(found) is type(expected)
        np.testing.assert_array_equal(getattr(found, "values", found), getattr(expected, "values", expected))
    with graph:  # it may be built on, under names of its own
        assert pb.tanh(made["y"], name="layer/y").name == "layer/y_1"
    assert str(graph) != str(original["graph"])


def test_each_copy_has_contents_of_its_own(copied: Callable[[Any], Any]) -> None:
    original = program()
    made = copied(original)
    with made["graph"]:
        pb.run(made["w"].assign(np.zeros((3, 2), np.float32)))
    assert made["w"].numpy().sum() == 0 and original["w"].numpy().sum() == 6
    assert made["w"].lock is not original["w"].lock


def test_what_is_shared_stays_shared(copied: Callable[[Any], Any]) -> None:
    p = program()
    w, graph, again, y = copied((p["w"], p["graph"], p["w"], p["y"]))
    assert w is again and w is graph.variables["w"] and w.graph is graph
    assert pb.run(y, {graph_input(graph, 0): ONE}).shape == (1, 2)
    alone = copied(p["w"])
    assert alone.graph is not p["graph"] and alone.graph.variables["w"] is alone
    np.testing.assert_array_equal(pb.run(alone * 2.0), 2 * p["w"].numpy())
    tensor = copied(p["y"])
    assert tensor.name == "layer/y" and tensor.shape == (None, 2)


def graph_input(graph: pb.Graph, place: int) -> pb.Tensor:
    return pb.Tensor(graph.body.args[place])


def test_half_a_graph_is_none() -> None:
    p = program()
    made = copy.copy(p["graph"])
    assert made.names is not p["graph"].names
    assert all(made.variables[name].graph is made for name in p["graph"].variables)


def test_what_is_said_of_a_graph_is_copied(copied: Callable[[Any], Any]) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2,))
        y = pb.sum(x * x)
        report = pb.check_gradients(y, [x])
        why = pb.explain(y, x)
    assert copied(report) == report and str(copied(why)) == str(why)
    error = copied(pb.GradientCheckError("wrong", report, y.op))
    assert isinstance(error, pb.GradientCheckError) and error.report == report and str(error) == "wrong"


def test_thousands_of_operations_are_no_recursion(copied: Callable[[Any], Any]) -> None:
    with pb.Graph() as graph:
        x = y = pb.placeholder("f32", ())
        for _ in range(2000):
            y = y + 1.0
    made, x, y = copied((graph, x, y))
    assert len(made.operations) == 4000
    assert pb.run(y, {x: 0.0}) == 2000


def test_steps_are_compiled_again(copied: Callable[[Any], Any]) -> None:
    p = program()
    step = pb.compile(
        [p["x"], p["n"]], {"y": p["y"], "all": (p["group"], [p["w"]])}, target="cpu", kept_shapes=3
    )
    expected = step(ONE, 2)
    again, _ = copied((step, p["w"]))
    found = again(ONE, 2)
    assert found.keys() == expected.keys() and found["all"][0] is None
    np.testing.assert_array_equal(found["y"], expected["y"])
    assert (again.target, again._program.kept_shapes) == ("cpu", 3)
    with pb.Graph():
        v = pb.Variable(0.0)
        counting = pb.compile([], [v.assign_add(1.0), v])
    counting()
    other, mine = copied((counting, v))
    assert other()[1] == 2 and mine.numpy() == 2 and v.numpy() == 1
    assert counting()[1] == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: pb.train.GradientDescentOptimizer(0.1),
        lambda: pb.train.MomentumOptimizer(0.1, 0.9),
        lambda: pb.train.AdamOptimizer(0.1),
        lambda: pb.train.RMSPropOptimizer(0.1, centered=True),
        lambda: pb.train.AdagradOptimizer(0.1),
    ],
)
@pytest.mark.parametrize("dtype", ["f32", "f16"])
def test_optimizers_go_on_where_they_were(
    dtype: str, make: Callable[[], Any], copied: Callable[[Any], Any]
) -> None:
    with pb.Graph() as graph:
        v = pb.Variable([1.0, 2.0], name="v", dtype=dtype)
        optimizer = make()
        update = optimizer.minimize(pb.sum(v * v))
    pb.run(update)
    made, w, other, again = copied((graph, v, optimizer, update))
    assert other.get_slot_names() == optimizer.get_slot_names()
    for name in other.get_slot_names():
        assert other.get_slot(w, name) is made.variables[optimizer.get_slot(v, name).name]
    for _ in range(2):
        pb.run(update)
        pb.run(again)
        np.testing.assert_array_equal(w.numpy(), v.numpy())
    with made:
        before = list(made.variables)
        other.minimize(pb.sum(w))
        assert list(made.variables) == before  # no slots are made anew


def test_random_numbers_go_on_where_they_were(copied: Callable[[Any], Any]) -> None:
    with pb.Graph() as graph:
        x = pb.random_normal((3,))
        pb.set_random_seed(7)
    pb.run(x)
    _, y = copied((graph, x))
    for _ in range(2):
        np.testing.assert_array_equal(pb.run(y), pb.run(x))
    f = pb.function(lambda: pb.random_normal((2,)), target="numpy")
    assert copied(f.graph()).variables.keys() == f.graph().variables.keys()


def test_a_copy_stands_outside_of_all_scopes(copied: Callable[[Any], Any]) -> None:
    with pb.Graph() as graph, pb.name_scope("outer"), pb.device("/gpu:1"):
        pb.tanh(1.0)
        made = copied(graph)
    with made:
        y = pb.tanh(1.0)
    assert y.name == "tanh" and "device" not in y.op.attributes
    with graph, pytest.raises(ValueError, match="copied while a loop or a branch is being built"):
        pb.while_loop(lambda i: i < 3, lambda i: copied(graph) and i, [0])


def test_what_was_erased_is_not_copied(copied: Callable[[Any], Any]) -> None:
    with pb.Graph() as graph:
        kept: list[pb.Tensor] = []
        with graph.tentatively():
            kept.append(pb.tanh(1.0))
    with pytest.raises(ValueError, match="belongs to no graph"):
        copied(kept[0])


def test_another_process_reads_what_was_pickled() -> None:
    p = program()
    step = pb.compile([p["x"], p["n"]], [p["y"], p["dw"]])
    code = (
        "import pickle, sys, numpy as np; step = pickle.load(sys.stdin.buffer);"
        "sys.stdout.buffer.write(pickle.dumps(step(np.ones((1, 3), np.float32), 3)))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(step), stdout=subprocess.PIPE, check=True
    )
    for found, expected in zip(pickle.loads(child.stdout), step(ONE, 3), strict=True):
        np.testing.assert_array_equal(found, expected)
