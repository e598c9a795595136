"""`check_gradients`: right rules pass, wrong ones are found by name, and the graph stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.checking.check_gradients import CheckGradients
from pullback.driver.checking.report import NotFiniteError
from pullback.passes.gradients import rule_registry


@pytest.fixture(autouse=True)
def graph() -> Iterator[pb.Graph]:
    with pb.Graph() as g:
        yield g


def vector(name: str = "x", dtype: str = "f32") -> pb.Tensor:
    return pb.placeholder(dtype, (3,), name=name)


@contextmanager
def rule(name: str, function: Callable[..., Any]) -> Generator[str]:
    pb.RegisterGradient(name)(function)
    try:
        yield name
    finally:
        rule_registry.unregister(name)


# ---- what is right -------------------------------------------------------------------------------------------


def attention(x: pb.Tensor) -> pb.Tensor:
    scores = x @ pb.transpose(x)
    weights = pb.exp(scores - pb.max(scores, axis=1, keepdims=True))
    return (weights / pb.sum(weights, axis=1, keepdims=True)) @ x


@pytest.mark.parametrize("extent", [4, None])
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16"])
def test_a_program_of_any_real_dtype(dtype: str, extent: int | None) -> None:
    x = pb.placeholder(dtype, (extent, 2), name="x")
    report = pb.check_gradients(attention(x), [x], directions=2)
    assert len(report.comparisons) == 4
    assert {c.order for c in report.comparisons} == {1, 2}
    assert report.dtype == "f64"
    assert report.worst < 1e-7


def test_the_graph_stays_as_it_was(graph: pb.Graph) -> None:
    x, w = vector(), pb.Variable(np.ones(3, np.float32), name="w")
    y = pb.tanh(x * w)
    w.assign(y)
    before = str(graph)
    pb.check_gradients([y, w], [x, w, 2.0])
    assert str(graph) == before
    np.testing.assert_array_equal(w.numpy(), np.ones(3))
    assert pb.tanh(x).name == "tanh_1"


def test_third_order() -> None:
    x = vector()
    report = pb.check_gradients(pb.exp(x) * x * x, [x], order=3)
    assert [c.order for c in report.comparisons] == [1, 2, 3]


def test_loops() -> None:
    x, n = vector(), pb.placeholder("i32", (), name="n")
    y = pb.while_loop(lambda i, p: i < n, lambda i, p: (i + 1, pb.tanh(p * x)), [0, x])[1]
    for turns in (0, 1, 4):
        assert pb.check_gradients(y, [x], {n: turns}).worst < 1e-6


def test_slices_as_gradients_and_as_xs() -> None:
    table = pb.Variable(np.arange(8, dtype=np.float32).reshape(4, 2), name="table")
    rows = pb.gather(table, [1, 1, 3])
    (slices,) = pb.gradients(pb.sum(rows * rows), [table])
    assert isinstance(slices, pb.IndexedSlices)
    assert pb.check_gradients(rows * rows, [table]).worst < 1e-6
    assert pb.check_gradients(slices * slices, [slices]).worst < 1e-6


def test_total_and_partial_derivatives() -> None:
    x = vector()
    h = pb.tanh(x)
    y = pb.exp(h * x)
    assert len(pb.check_gradients(y, [x, h]).comparisons) == 4
    assert len(pb.check_gradients(y, [x, h], stop_gradients=[h]).comparisons) == 4


def test_what_gradients_take_as_constant_is_held() -> None:
    x, w = vector(), pb.Variable(np.full(3, 0.5, np.float32), name="w")
    held = pb.while_loop(
        lambda p: pb.sum(p) < 20.0, lambda p: [p + pb.exp(x * pb.stop_gradient(x))], [pb.stop_gradient(x)]
    )[0]
    constant = pb.while_loop(lambda p: pb.sum(p) < 20.0, lambda p: [p + pb.exp(x)], [x], back_prop=False)[0]
    before = pb.tanh(w * x)
    w.assign(before)
    after = w * x
    pb.check_gradients([held, constant * x, before, after], [x, w])


def test_gradients_of_ones_own() -> None:
    x = vector()

    def log1pexp(factor: float) -> pb.Tensor:
        @pb.custom_gradient
        def function(x: pb.Tensor) -> Any:
            e = pb.exp(x)
            return pb.log(1 + e), lambda dy: factor * dy * (1 - 1 / (1 + e))

        return function(pb.tanh(x))

    assert pb.check_gradients(log1pexp(1.0), [x]).worst < 1e-6
    assert pb.explain(log1pexp(1.0), x).cuts == ()
    with pytest.raises(pb.GradientCheckError, match=r"the rule of graph.custom_gradient '.*' .* is wrong"):
        pb.check_gradients(log1pexp(1.5), [x])


def test_complex_numbers() -> None:
    z = pb.placeholder("complex64", (3,), name="z")
    report = pb.check_gradients(z * z * pb.conj(z), [z])
    assert report.worst < 1e-6


def test_no_gradient_where_nothing_changes() -> None:
    x = vector()
    y = pb.cast(pb.greater(x, 0.0), "f32") * vector("z")
    (comparison,) = pb.check_gradients(y, [x]).comparisons
    assert (comparison.gradient, comparison.difference) == (None, 0.0)


def test_random_inputs_are_positive_where_they_must_be() -> None:
    x = vector()
    assert pb.check_gradients(pb.log(x), [x]).worst < 1e-6
    assert pb.check_gradients(pb.log(x - 3.0), [x], between=(4.0, 5.0)).worst < 1e-6


def test_a_point_where_nothing_is_finite() -> None:
    x = vector()
    with pytest.raises(NotFiniteError, match="'log' is not finite at the point"):
        pb.check_gradients(pb.log(x), [x], {x: [-1.0, -1.0, -1.0]})


@pytest.mark.parametrize("shape", [(0,), (1,), (17,), (0, 3)])
def test_odd_shapes(shape: tuple[int, ...]) -> None:
    x = pb.placeholder("f32", shape, name="x")
    assert pb.check_gradients(pb.tanh(x) * x, [x]).worst < 1e-6


# ---- what is wrong -------------------------------------------------------------------------------------------


def test_a_wrong_rule_is_found_by_name(graph: pb.Graph) -> None:
    x = vector()
    with rule("Twice", lambda op, dy: 2.0 * dy), graph.gradient_override_map({"tanh": "Twice"}):
        y = pb.exp(pb.tanh(x * x, name="wrong"))
        with pytest.raises(pb.GradientCheckError) as raised:
            pb.check_gradients(y, [x])
    text = str(raised.value)
    assert "the gradient with respect to 'x' is not what differences say" in text
    assert "the rule of graph.tanh 'wrong' (override 'Twice') is wrong: for operand 0 it gives " in text
    assert raised.value.op is y.op.operands[0].owner
    assert [c.agrees for c in raised.value.report.comparisons] == [False]


def test_which_x_and_which_operand(graph: pb.Graph) -> None:
    x, z = vector(), vector("z")
    with (
        rule("Right", lambda op, dy: (dy * pb.Tensor(op.operands[1]), dy)),
        graph.gradient_override_map({"multiply": "Right"}),
    ):
        y = x * z
        assert pb.check_gradients(y, [x]).worst < 1e-6
        with pytest.raises(
            pb.GradientCheckError, match=r"with respect to 'z' .* for operand 1 \(rhs\) it gives"
        ):
            pb.check_gradients(y, [x, z])


def test_a_rule_that_gives_none_where_something_changes(graph: pb.Graph) -> None:
    x = vector()
    with rule("Nothing", lambda op, dy: None), graph.gradient_override_map({"tanh": "Nothing"}):
        y = pb.tanh(x)
        with pytest.raises(pb.GradientCheckError) as raised:
            pb.check_gradients(y, [x])
    text = str(raised.value)
    assert text.startswith("no gradient reaches 'x' (at tanh (graph.tanh), operand 0 'x': the rule")
    assert "is wrong: for operand 0 it gives no gradient along a random direction" in text


def test_a_second_order_that_is_wrong(graph: pb.Graph) -> None:
    """The first order is right; in the gradient itself a factor is taken as constant."""
    x = vector()

    def careless(op: Any, dy: Any) -> Any:
        y = pb.Tensor(op.results[0])
        square = y * y
        square.op.attributes[rule_registry.OVERRIDE] = StringAttr("LeftOnly")
        return dy * (1.0 - square)

    def left_only(op: Any, dy: Any) -> Any:
        left, right = map(pb.Tensor, op.operands)
        return dy * right, 0.0 * dy * left

    with (
        rule("LeftOnly", left_only),
        rule("Careless", careless),
        graph.gradient_override_map({"tanh": "Careless"}),
    ):
        y = pb.tanh(x)
        assert pb.check_gradients(y, [x], order=1).worst < 1e-6
        wrong = r"the gradient of order 2 .* the rule of graph.multiply '.*' \(override 'LeftOnly'\) is wrong"
        with pytest.raises(pb.GradientCheckError, match=wrong):
            pb.check_gradients(y, [x])


def test_a_kink_is_called_one() -> None:
    x = vector()
    with pytest.raises(pb.GradientCheckError, match=r"graph\.max 'max' seems to be at a kink for operand 0"):
        pb.check_gradients(pb.max(x), [x], {x: np.ones(3, np.float32)})


def test_a_rule_wrong_inside_of_a_loop(graph: pb.Graph) -> None:
    x = vector()
    with rule("Twice", lambda op, dy: 2.0 * dy), graph.gradient_override_map({"tanh": "Twice"}):
        y = pb.while_loop(lambda p: pb.sum(p * p) > 1.0, lambda p: [pb.tanh(p) * 0.5], [x])[0]
        with pytest.raises(
            pb.GradientCheckError, match=r"rule of graph.while 'while/while' \(loop\) is wrong"
        ):
            pb.check_gradients(y, [x], {x: [2.0, 3.0, 1.5]})


# ---- arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feeds": [1]}, "feeds: expected a dict"),
        ({"feeds": {3: 1.0}}, "feeds: expected placeholders and variables"),
        ({"order": 0}, "order: expected a number from 1 on, got 0"),
        ({"directions": 0}, "directions: expected"),
        ({"ys": 1}, r"ys\[0\] is tensor<i32>: expected floating-point data"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], message: str) -> None:
    x = vector()
    ys = options.pop("ys", pb.tanh(x))
    with pytest.raises(ValueError, match=message):
        pb.check_gradients(ys, [x], **options)


def test_feeds_that_do_not_fit() -> None:
    x = vector()
    y = pb.tanh(x)
    with pytest.raises(ValueError, match=r"feeds\[x\]: shape \(2,\), expected tensor<3xf32>"):
        pb.check_gradients(y, [x], {x: [1.0, 2.0]})
    with pytest.raises(ValueError, match="feeds: expected placeholders"):
        pb.check_gradients(y, [x], {y: [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match=r"xs\[0\] is tensor<3xi32>"):
        pb.check_gradients(y, [vector("i", "i32")])


# ---- the pass ------------------------------------------------------------------------------------------------

PROGRAM = """
func.func @main(%x: tensor<?x3xf32>, %i: tensor<2xi32>) -> tensor<2x3xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<3xf32>>
  %v = graph.read %w : (!graph.ref<tensor<3xf32>>) -> tensor<3xf32>
  %h = graph.tanh %x : tensor<?x3xf32>
  %m = graph.multiply %h, %v : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %y = graph.gather %m, %i : (tensor<?x3xf32>, tensor<2xi32>) -> tensor<2x3xf32>
  REQUEST
  func.return %y : tensor<2x3xf32>
}
"""
REQUEST = (
    "%dx, %dw = graph.gradients of (%y) wrt (%x, %w) : (tensor<2x3xf32>, tensor<?x3xf32>, "
    "!graph.ref<tensor<3xf32>>) -> (tensor<?x3xf32>, tensor<3xf32>)"
)


@pytest.mark.parametrize("request_text", ["", REQUEST])
@pytest.mark.parametrize("order", [1, 2, "both"])
def test_levels_with_and_without_requests(
    request_text: str, order: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    module = parse(context(), PROGRAM.replace("REQUEST", request_text)).module
    before = print_module(module)
    CheckGradients(order=order, report=True).apply(context(), module)
    assert print_module(module) == before
    printed = capsys.readouterr().err
    assert f"gradients of @main: {4 if order == 'both' else 2} comparisons in f64" in printed
