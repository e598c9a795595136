"""The line of Python at which each operation is written: recorded, kept by copies, printed on request, read back."""

from __future__ import annotations

import inspect
import pickle
import threading
import tomllib
import weakref
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.ir import Operation

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.tensor.location import name_of
from pullback.dialects.ir.positions import COMPILER, place_in
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module


@pytest.fixture
def graph() -> Iterator[pb.Graph]:
    with pb.Graph() as graph:
        yield graph


def here() -> int:
    """The line that calls this."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def line_of(op: Operation | pb.Tensor) -> int:
    place = place_in((op.op if isinstance(op, pb.Tensor) else op).location)
    assert place is not None and place.file == __file__
    return place.line


def test_operators_and_functions(graph: pb.Graph) -> None:
    x, line = pb.placeholder("f32", (3,), name="x"), here()
    (argument,) = (place_in(argument.location) for argument in graph.body.args)
    assert argument is not None and argument.line == line
    made = [
        (x + 1, here()),
        (1 - x, here()),
        (-x, here()),
        (x[0], here()),
        (pb.tanh(x), here()),
        (pb.tanh(x, name="named"), here()),
        (pb.sum(x), here()),
        (pb.matmul(pb.reshape(x, (1, 3)), pb.reshape(x, (3, 1))), here()),
        (pb.where(x > 0, x, 0.0), here()),
        (pb.constant(2.0), here()),
        (pb.softmax(x), here()),
    ]
    assert [line_of(tensor) for tensor, _ in made] == [line for _, line in made]
    assert all(line_of(op) in range(made[0][1], made[-1][1] + 1) for op in graph.operations)


def test_the_column_is_that_of_the_expression(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    y = 2.0 * pb.tanh(x)
    (tanh,) = (op for op in graph.operations if op.name == "graph.tanh")
    place, source = place_in(tanh.location), Path(__file__).read_text().splitlines()
    assert place is not None and source[place.line - 1][place.column - 1 :].startswith("pb.tanh(x)")
    product = place_in(y.op.location)
    assert product is not None and source[product.line - 1][product.column - 1 :].startswith(
        "2.0 * pb.tanh(x)"
    )


def test_what_a_user_calls_back_has_its_own_line(graph: pb.Graph) -> None:
    """However few functions of Pullback lie between the user's code and the insertion."""
    x = pb.placeholder("f32", (3,), name="x")

    def emitted(value: pb.Tensor) -> pb.Tensor:
        return pb.Tensor(Tanh.emit([value.value]).results[0])

    line = inspect.getsourcelines(emitted)[1] + 1
    assert line_of(emitted(x)) == line
    lines: list[int] = []

    def body(i: pb.Tensor, h: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
        emitted(h)
        lines.append(here() + 1)
        return i + 1, pb.tanh(h)

    (loop, *_) = [pb.while_loop(lambda i, h: i < 3, body, [pb.constant(0), x])[1].op]
    inside = {op.name: line_of(op) for op in loop.walk() if op.name in ("graph.add", "graph.less")}
    assert inside["graph.add"] == lines[0]
    assert inside["graph.less"] == line_of(loop) == lines[0] + 2
    assert sorted({line_of(op) for op in loop.walk() if op.name == "graph.tanh"}) == [line, lines[0]]


def test_a_function_that_is_traced() -> None:
    @pb.function
    def f(x: Any) -> Any:
        return pb.tanh(x)

    f(np.ones(3, np.float32))
    line = inspect.getsourcelines(f)[1] + 2
    with pb.Graph() as graph:
        f(pb.placeholder("f32", (3,), name="x"))
    assert line in {line_of(op) for op in graph.module.walk() if op.name == "graph.tanh"}


def test_gradients_have_the_line_of_what_they_serve(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    y, line = pb.tanh(x), here()
    z, after = pb.sum(y), here()
    before = len(graph.operations)
    (_,) = pb.gradients(z, [x])
    found = {name_of(op): line_of(op) for op in graph.operations[before:]}
    assert {line for name, line in found.items() if "tanh_grad" in name} == {line}
    assert {line for name, line in found.items() if "sum_grad" in name or "grad_ys" in name} == {after}


def test_a_custom_gradient_has_the_lines_of_its_function(graph: pb.Graph) -> None:
    lines: list[int] = []

    @pb.custom_gradient
    def clipped(x: pb.Tensor) -> Any:
        def gradient(dy: pb.Tensor) -> pb.Tensor:
            lines.append(here() + 1)
            return pb.minimum(dy, 1.0)

        return pb.tanh(x), gradient

    x = pb.placeholder("f32", (3,), name="x")
    (dx,) = pb.gradients(pb.sum(clipped(x)), [x])
    found = [op for op in graph.module.walk() if op.name == "graph.minimum"]
    assert {line_of(op) for op in found} == {lines[0]}
    assert dx is not None


def test_recording_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(**options: Any) -> set[object]:
        with pb.Graph(**options) as graph:
            pb.tanh(pb.placeholder("f32", (3,)))
        return {place_in(op.location) for op in graph.operations}

    assert lines(record_lines=False) == {None}
    assert None not in lines()
    monkeypatch.setenv("PULLBACK_RECORD_LINES", "0")
    assert lines() == {None}
    assert None not in lines(record_lines=True)


@pytest.mark.parametrize("copied", [deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
def test_copies_keep_file_and_line(graph: pb.Graph, copied: Any) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    y = pb.tanh(x) + 1.0
    text = print_module(graph.module, debuginfo=True)
    made = copied(graph)
    assert print_module(made.module, debuginfo=True) == text
    assert str(made) == str(graph)
    assert f":{line_of(y)}:" in text


def test_text_has_lines_on_request_alone_and_reads_them_back(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    (dx,) = pb.gradients(pb.sum(pb.tanh(x)), [x])
    step = pb.compile([x], dx, target="numpy")
    for level in ("gradients", "graph", "kernels"):
        assert __file__ not in step.ir(level)
        text = step.ir(level, debuginfo=True)
        assert f'loc("tanh"("{__file__}":' in text
        module = parse(context(), text).module
        assert print_module(module) == text  # what a text says is printed without being asked for
        assert print_module(module, debuginfo=True).count(__file__) == text.count(__file__)
    assert step.ir("llvm", debuginfo=True) == step.ir("llvm")


def test_all_packages_of_the_compiler_are_inside() -> None:
    root = Path(__file__).parents[2]
    layers = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    packages = {name.removeprefix("pullback.") for layer in layers for name in layer.split(" | ")}
    assert packages | {"__init__.py"} == COMPILER


def test_no_frame_is_kept_alive() -> None:
    class Held:
        pass

    def build() -> tuple[pb.Graph, weakref.ref[Held]]:
        held = Held()
        with pb.Graph() as graph:
            pb.tanh(pb.placeholder("f32", (3,)))
        return graph, weakref.ref(held)

    graph, held = build()
    assert held() is None
    assert line_of(graph.operations[0]) == inspect.getsourcelines(build)[1] + 3


def test_threads_record_their_own_lines() -> None:
    def first(x: pb.Tensor) -> pb.Tensor:
        return pb.tanh(x)

    def second(x: pb.Tensor) -> pb.Tensor:
        return pb.tanh(x)

    found: dict[Any, set[int]] = {}

    def build(function: Any) -> None:
        with pb.Graph() as graph:
            x = pb.placeholder("f32", (3,))
            for _ in range(200):
                function(x)
        found[function] = {line_of(op) for op in graph.operations}

    threads = [threading.Thread(target=build, args=[function]) for function in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {f: {inspect.getsourcelines(f)[1] + 1} for f in (first, second)}


def test_equal_operations_on_two_lines_are_one_operation(graph: pb.Graph) -> None:
    """Simplification, kernels and caches do not see lines."""
    x = pb.placeholder("f32", (3,), name="x")
    y = pb.tanh(x)
    z = pb.tanh(x)
    text = pb.compile([x], y + z).ir("graph")
    assert text.count("graph.tanh") == 1
