"""Messages about an operation name the line of Python at which the user wrote it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.driver.run_pipeline import lowered

THIS = __file__.rpartition("/")[2]


@pytest.fixture
def graph() -> Iterator[pb.Graph]:
    with pb.Graph() as graph:
        yield graph


def here() -> int:
    """The line that calls this."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def notes_of(kind: type[BaseException], function: Callable[[], Any]) -> list[str]:
    with pytest.raises(kind) as raised:
        function()
    return [note.rpartition("/")[2] for note in getattr(raised.value, "__notes__", []) if THIS in note]


def note(line: int, op: str) -> str:
    return f"{THIS}:{line}: {op} comes from here"


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_a_run_that_fails(graph: pb.Graph, target: str) -> None:
    x = pb.placeholder("f32", (None, None), name="x")
    inverse, line = pb.inv(pb.tanh(x)), here()
    step = pb.compile([x], pb.exp(inverse), target=target)
    zeros = np.zeros((2, 2), np.float32)
    assert notes_of(ValueError, lambda: step(zeros)) == [note(line, "graph.matrix_inverse")]


@pytest.mark.parametrize("target", ["numpy", "cpu", "simt"])
def test_shapes_that_do_not_fit(graph: pb.Graph, target: str) -> None:
    x, y = pb.placeholder("f32", (None,), name="x"), pb.placeholder("f32", (None,), name="y")
    total, line = pb.tanh(x) + y, here()
    step = pb.compile([x, y], total, target=target)
    arrays = np.ones(2, np.float32), np.ones(3, np.float32)
    assert notes_of(ValueError, lambda: step(*arrays)) == [note(line, "graph.add")]


@pytest.mark.parametrize("target", ["cpu", "simt"])
def test_what_a_target_does_not_support(graph: pb.Graph, target: str) -> None:
    x = pb.placeholder("f32", (2,), name="x")

    def inner(a: pb.Tensor) -> pb.Tensor:
        return pb.while_loop(lambda j, _: j < 2, lambda j, b: (j + 1, pb.tanh(b) * b), [0, a])[1]

    _, y = pb.while_loop(lambda i, _: i < 2, lambda i, a: (i + 1, inner(a)), [0, x])
    line = here() - 1
    (first,) = pb.gradients(y * y, x)
    step = pb.compile([x], pb.gradients(first * first, x), target=target)
    assert notes_of(Exception, lambda: step(np.ones(2, np.float32))) == [note(line, "graph.empty_stack")]


def test_extents_that_no_kernel_can_have(graph: pb.Graph) -> None:
    x, shape = pb.placeholder("f32", (None,), name="x"), pb.placeholder("i64", (2,), name="shape")
    table, line = pb.reshape(x, shape), here()
    step = pb.compile([x, shape], pb.tanh(table))
    arrays = np.ones(4, np.float32), np.array([2, 2])
    assert notes_of(Exception, lambda: step(*arrays)) == [note(line, "graph.reshape")]


def test_gradients_that_cannot_be_had(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    with graph.gradient_override_map({"tanh": "NoSuchRule"}):
        y, line = pb.tanh(x), here()
    assert notes_of(LookupError, lambda: pb.gradients(y, [x])) == [note(line, "graph.tanh")]
    z, line = pb.prevent_gradient(x), here()
    assert notes_of(LookupError, lambda: pb.gradients(z, [x])) == [note(line, "graph.prevent_gradient")]


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (lambda op, dy: pb.sum(dy), ValueError),
        (lambda op, dy: [dy, dy], ValueError),
        (lambda op, dy: 3, TypeError),
    ],
)
def test_rules_that_are_wrong(graph: pb.Graph, rule: Any, error: type[Exception]) -> None:
    from pullback.passes.gradients.rule_registry import register, unregister

    register("Wrong", rule)
    try:
        x = pb.placeholder("f32", (3,), name="x")
        with graph.gradient_override_map({"tanh": "Wrong"}):
            y, line = pb.tanh(x), here()
        assert notes_of(error, lambda: pb.gradients(y, [x])) == [note(line, "graph.tanh")]
    finally:
        unregister("Wrong")


def test_a_gradient_that_differences_refute(graph: pb.Graph) -> None:
    from pullback.passes.gradients.rule_registry import register, unregister

    register("Doubled", lambda op, dy: dy * 2.0)
    try:
        x = pb.placeholder("f32", (3,), name="x")
        with graph.gradient_override_map({"tanh": "Doubled"}):
            y, line = pb.tanh(x), here()
        assert notes_of(pb.GradientCheckError, lambda: pb.check_gradients(y, [x])) == [
            note(line, "graph.tanh")
        ]
        assert str(pb.explain(y, x)).endswith(f"{THIS}:{line}]")
    finally:
        unregister("Doubled")


def test_tensors_used_where_they_are_not(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    inner: list[tuple[pb.Tensor, int]] = []

    def body(i: pb.Tensor, h: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
        inner.append((h * 2.0, here()))
        return i + 1, h

    pb.while_loop(lambda i, h: i < 3, body, [pb.constant(0), x])
    tensor, line = inner[0]
    assert notes_of(ValueError, lambda: tensor + 1.0) == [note(line, "graph.multiply")]
    assert notes_of(ValueError, lambda: pb.compile([x], tensor)) == [note(line, "graph.multiply")]
    y, line = pb.tanh(x), here()
    assert notes_of(ValueError, lambda: pb.compile([], y)) == [note(line, "graph.tanh")]
    with pb.Graph():
        assert notes_of(ValueError, lambda: pb.exp(y)) == [note(line, "graph.tanh")]


def test_what_is_refused_while_it_is_written_has_a_traceback_and_no_note(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    assert notes_of(ValueError, lambda: x + pb.constant(np.ones(4, np.float32))) == []


def test_without_lines_there_are_no_notes() -> None:
    with pb.Graph(record_lines=False):
        x = pb.placeholder("f32", (None, None), name="x")
        step = pb.compile([x], pb.inv(x), target="numpy")
    assert notes_of(ValueError, lambda: step(np.zeros((2, 2), np.float32))) == []


def test_reports_of_memory_and_hazards(graph: pb.Graph, capsys: pytest.CaptureFixture[str]) -> None:
    x = pb.placeholder("f32", (64,), name="x")
    v = pb.Variable(np.ones(64, np.float32), name="v")
    y, product = pb.sum(pb.tanh(x * v), name="y"), here()
    (dv,) = pb.gradients(y, [v])
    update, line = v.assign_sub(dv), here()
    graph_text = pb.compile([x], [y, update]).module("graph").op
    lowered(graph_text, "form-kernels,plan-memory{report=hazards}")
    report = capsys.readouterr().err
    assert re.search(rf"v +in place +operation 1 .*{THIS}:{product}$", report, re.MULTILINE)
    assert re.search(rf"v +copy +operation 3 .*{THIS}:{line}$", report, re.MULTILINE)
    lowered(graph_text, "form-kernels,plan-memory{report=memory}")
    report = capsys.readouterr().err
    assert re.search(r"buffer +bytes +operations +values +line$", report, re.MULTILINE)
    assert re.search(rf"%read +\S*{THIS}:{product}$", report, re.MULTILINE)
    assert re.search(rf"%kernel:0 +\S*{THIS}:{product}$", report, re.MULTILINE)
    assert re.search(rf"%kernel:1 +\S*{THIS}:{line}$", report, re.MULTILINE)
    assert re.search(rf"%x +\S*{THIS}:{product - 2}$", report, re.MULTILINE)
