"""`function`: when it traces, valid arguments and results, and errors for others."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

import pullback as pb
from pullback.frontend.trace import function as function_module


@dataclass
class Layer:
    w: Any
    b: Any
    kind: str = field(default="tanh", metadata={"static": True})


@dataclass(frozen=True, slots=True)
class Pair:
    left: Any
    right: Any

    def __post_init__(self) -> None:
        if isinstance(self.left, pb.Tensor):
            raise AssertionError("copies are made without a call of the constructor")


class Point(NamedTuple):
    x: Any
    y: Any


def traced(calls: list[Any], **options: Any) -> pb.Function:
    """A function that notes each of its traces."""

    def doubled(x: Any) -> Any:
        calls.append(x)
        return 2 * x

    return pb.function(doubled, **options)


# ---- traces -------------------------------------------------------------------------------------------------


def test_one_trace_for_each_dtype_and_shape() -> None:
    calls: list[Any] = []
    f = traced(calls)
    for x in (np.ones(3), np.zeros(3), np.ones(3, np.float32), np.ones((3, 1)), np.ones(3)):
        np.testing.assert_array_equal(f(x), 2 * x)
    assert [c.shape for c in calls] == [(3,), (3,), (3, 1)]
    assert [c.dtype for c in calls] == ["f64", "f32", "f64"]


def test_one_trace_for_each_form() -> None:
    traces: list[Any] = []

    @pb.function
    def total(nest: Any) -> Any:
        traces.append(nest)
        return sum(nest.values()) if isinstance(nest, dict) else sum(nest)

    one = np.ones(2)
    for nest in ([one, one], (one, one), {"a": one, "b": one}, {"b": one, "a": one}, [one, one], [one]):
        np.testing.assert_array_equal(total(nest), len(nest) * one)
    assert [type(t) for t in traces] == [list, tuple, dict, list]


def test_the_latest_traces_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_module, "KEPT_TRACES", 2)
    calls: list[Any] = []
    f = traced(calls)
    for n in (1, 2, 1, 3, 1, 2):
        f(np.ones(n))
    assert [c.shape[0] for c in calls] == [1, 2, 3, 2]


@pytest.mark.parametrize("target", ["cpu", "numpy"])
def test_targets(target: str) -> None:
    f = pb.function(lambda x: pb.tanh(x), target=target)
    np.testing.assert_allclose(f(np.ones(3)), np.tanh(1))
    assert target in repr(f)


def test_every_level_can_be_seen() -> None:
    @pb.function
    def f(params: dict[str, pb.Tensor], x: pb.Tensor) -> pb.Tensor:
        return pb.tanh(x @ params["w"])

    arguments = {"w": np.ones((3, 2))}, np.ones((4, 3))
    assert "graph.tanh" in str(f.graph(*arguments))
    assert "%params_w: tensor<3x2xf64>" in f.ir("graph", *arguments)
    assert "graph.kernel" in f.ir("kernels", *arguments)
    assert "define" in f.ir("llvm", *arguments)


def test_inside_of_a_graph_it_adds_to_that() -> None:
    calls: list[Any] = []
    f = traced(calls)
    with pb.Graph() as g:
        x = pb.placeholder("f64", (3,), name="x")
        y = f(f(x))
        z = f(np.ones(3))
    w = f(x)
    assert isinstance(y, pb.Tensor)
    assert str(g).count("graph.multiply") == 4
    np.testing.assert_array_equal(pb.run([y, z, w], {x: [1.0, 2.0, 3.0]}), [[4, 8, 12], [2, 2, 2], [2, 4, 6]])


def test_functions_call_functions() -> None:
    inner = pb.function(lambda x: x * x)
    outer = pb.function(lambda x: inner(x) + inner(2 * x))
    np.testing.assert_array_equal(outer(np.array([1.0, 3.0])), [5, 45])


# ---- arguments and results ----------------------------------------------------------------------------------


def test_nests_of_every_kind_come_and_go() -> None:
    @pb.function
    def f(layer: Layer, pair: Pair, point: Point, rest: Any) -> Any:
        assert layer.kind == "relu"
        moved = Point(point.x + 1.0, point.y)
        return Layer(layer.w * 2.0, None, layer.kind), pair, moved, OrderedDict(z=rest[0], a=[(), {}])

    one = np.ones(2)
    layer, pair, point, ordered = f(
        Layer(one, None, "relu"), Pair(one, {"k": 3 * one}), Point(one, [one]), [one]
    )
    assert (type(layer), layer.b, layer.kind) == (Layer, None, "relu")
    np.testing.assert_array_equal(layer.w, 2 * one)
    np.testing.assert_array_equal(pair.right["k"], 3 * one)
    assert isinstance(point, Point)
    np.testing.assert_array_equal([point.x, point.y[0]], [2 * one, one])
    assert list(ordered) == ["z", "a"]
    assert ordered["a"] == [(), {}]


def test_static_fields_are_part_of_the_form() -> None:
    f = pb.function(lambda layer: pb.tanh(layer.w) if layer.kind == "tanh" else layer.w)
    np.testing.assert_allclose(f(Layer(1.0, None)), np.tanh(1), rtol=1e-6)
    assert f(Layer(1.0, None, "linear")) == 1
    with pytest.raises(TypeError, match="static field 'kind' of Layer must be hashable"):
        f(Layer(1.0, None, []))  # pyright: ignore[reportArgumentType]


def test_numbers_have_the_dtypes_of_tensors() -> None:
    found = pb.function(lambda nest: nest)([True, 3, 2.5, np.float64(1.0), np.int64(7)])
    assert [str(x.dtype) for x in found] == ["bool", "int32", "float32", "float64", "int64"]
    assert all(x.shape == () for x in found)


def test_results_may_be_constants_inputs_and_nothing() -> None:
    x = np.array([1.0, 2.0])
    same, number, array, nothing = pb.function(lambda x: [x, 3, np.ones(2), None])(x)
    np.testing.assert_array_equal(same, x)
    same[:] = 7
    np.testing.assert_array_equal(x, [1, 2])
    assert (number.dtype, int(number), nothing) == (np.int32, 3, None)
    np.testing.assert_array_equal(array, [1, 1])
    assert pb.function(lambda: None)() is None
    assert pb.function(lambda: 1.5)() == 1.5


def test_keyword_arguments_defaults_and_rest() -> None:
    @pb.function
    def f(x: Any, *more: Any, scale: Any = 2.0, **named: Any) -> Any:
        return scale * (x + sum(more)) + named.get("shift", 0.0)

    assert f(1.0) == 2
    assert f(1.0, 2.0, scale=3.0, shift=0.5) == 9.5
    text = f.ir("graph", 1.0, 2.0, shift=0.5)
    assert all(name in text for name in ('loc("x")', 'loc("more_0")', 'loc("shift")'))


def test_static_arguments() -> None:
    calls: list[Any] = []

    @pb.function(static=["depth", "mode"])
    def f(x: Any, depth: int, y: Any = 0.0, *, mode: str = "plain") -> Any:
        calls.append((depth, mode))
        for _ in range(depth):
            x = x * x
        return x + y if mode == "plain" else -x

    assert [f(2.0, 1), f(2.0, 2, 1.0), f(2.0, depth=1), f(2.0, 1, mode="minus"), f(3.0, 2, 1.0)] == [
        4,
        17,
        4,
        -4,
        82,
    ]
    assert calls == [(1, "plain"), (2, "plain"), (1, "plain"), (1, "minus")]
    assert pb.grad(f)(3.0, 2) == 4 * 27
    with pytest.raises(TypeError, match="static argument 'mode' must be hashable, got list"):
        f(2.0, 1, mode=[])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="static: no argument is called 'dept', there are x, depth"):
        pb.function(static=["dept"])(lambda x, depth: x)
    with pytest.raises(TypeError, match="static: expected a list of names, got the string 'mode'"):
        pb.function(static="mode")(lambda mode: mode)


WRONG: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: pb.function(lambda x: x)("one"),
        r"<lambda>: x: expected an array or a number, got str: .* static=",
    ),
    (lambda: pb.function(lambda x: x)({"a": [object()]}), r"<lambda>: x\['a'\]\[0\]: expected .* got object"),
    (lambda: pb.function(lambda x: x)(np.array(["a"])), r"<lambda>: x: expected numbers or an array"),
    (lambda: pb.function(lambda x: "one")(1.0), r"<lambda>\(…\): expected a tensor.* got str"),
    (
        lambda: pb.function(lambda x: {"y": object()})(1.0),
        r"<lambda>\(…\)\['y'\]: expected a tensor.* got object",
    ),
    (lambda: pb.function(3), "function: expected a function of tensors, got int"),  # pyright: ignore[reportArgumentType, reportCallIssue]
    (lambda: pb.function(lambda x: x, target="tpu")(1.0), "target 'tpu' is not known"),
    (lambda: pb.function(lambda x: x)(np.ones((1,) * 9)), "up to 8 extents"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_what_is_wrong_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_a_tensor_of_another_call_is_refused() -> None:
    leaked: list[Any] = []
    pb.function(lambda x: leaked.append(x) or x)(1.0)
    with pytest.raises(
        ValueError, match="'x' belongs to another graph; build it in this graph, or pass its value"
    ):
        pb.function(lambda x: x + leaked[0])(1.0)
    with pytest.raises(
        ValueError, match="'x' belongs to another graph: return what is computed from the arguments"
    ):
        pb.function(lambda x: leaked[0])(1.0)


def test_an_error_while_tracing_leaves_the_function_usable() -> None:
    f = pb.function(lambda x, y: x + y)
    with pytest.raises(ValueError, match="operands must have one dtype"):
        f(np.ones(2), 1.0)
    np.testing.assert_array_equal(f(np.ones(2), np.float64(1)), [2, 2])
