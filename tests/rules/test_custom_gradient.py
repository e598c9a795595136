"""Rules 56 and 57: functions that define their gradients."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.program import Program
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes

X = np.array([-1.0, 0.5, 100.0])


@pb.custom_gradient
def log1pexp(x: pb.Tensor) -> Any:
    """TensorFlow's own example: the ordinary gradient is inf/inf for a large x."""
    e = pb.exp(x)
    return pb.log(1 + e), lambda dy: dy * (1 - 1 / (1 + e))


def test_rule_56_the_gradient_is_what_the_function_says(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    y = log1pexp(x)
    (dx,) = pb.gradients(y, x)
    (plain,) = pb.gradients(pb.log(1 + pb.exp(x)), x)
    for target in ("numpy", "cpu"):
        value, slope = pb.run([y, dx], {x: X}, target=target)
        np.testing.assert_allclose(value, np.logaddexp(0, X))
        np.testing.assert_allclose(slope, 1 / (1 + np.exp(-X)))
    large = np.full(3, 1000.0)
    assert np.isnan(pb.run(plain, {x: large})).all()
    np.testing.assert_array_equal(pb.run(dx, {x: large}), 1)


def test_rule_56_the_gradient_that_arrives_is_passed(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    (dx,) = pb.gradients(log1pexp(2 * x), x, [np.array([1.0, 10.0, 0.0])])
    np.testing.assert_allclose(pb.run(dx, {x: X}), np.array([2, 20, 0]) / (1 + np.exp(-2 * X)))


def test_rule_56_second_order_differentiates_the_gradient_function(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3,), name="x")

    @pb.custom_gradient
    def cube(x: pb.Tensor) -> Any:
        """A first derivative that is wrong on purpose, so that the second can only come from it."""
        return x * x * x, lambda dy: dy * x * x

    (first,) = pb.gradients(cube(x), x)
    (second,) = pb.gradients(first, x)
    np.testing.assert_allclose(pb.run([first, second], {x: X}), [X**2, 2 * X])


def test_rule_56_closed_over_tensors_get_their_gradient(graph: pb.Graph) -> None:
    """Where TensorFlow gives None: the ordinary gradient, through all that the outputs are computed from."""
    x, k = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (), name="k")
    w = pb.Variable(np.array([1.0, 2.0, 3.0]))
    outer = k * k

    @pb.custom_gradient
    def scaled(x: pb.Tensor) -> Any:
        return x * x * w * outer, lambda dy: dy * 1000.0

    y = scaled(x)
    dx, dw, dk, douter = pb.gradients(y, [x, w, k, outer])
    found = pb.run([dx, dw, dk, douter], {x: X, k: 3.0})
    contents = w.numpy()
    for value, expected in zip(found, [1000, 9 * X**2, 6 * (X**2 @ contents), X**2 @ contents], strict=True):
        np.testing.assert_allclose(value, np.broadcast_to(expected, value.shape))


def test_rule_56_an_argument_that_is_closed_over_too(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    y = pb.custom_gradient(lambda a: (a * x, lambda dy: dy * 1000.0))(x)
    np.testing.assert_allclose(pb.run(pb.gradients(y, x)[0], {x: X}), 1000 + X)


def test_rule_56_what_the_arguments_depend_on_is_counted_once(graph: pb.Graph) -> None:
    """w reaches the output through the argument, as the rule has it, and by itself."""
    w = pb.placeholder("f64", (3,), name="w")
    y = pb.custom_gradient(lambda a: (a * w, lambda dy: dy * 1000.0))(w * w)
    np.testing.assert_allclose(pb.run(pb.gradients(y, w)[0], {w: X}), 1000 * 2 * X + X**2)


def test_rule_56_nests_of_arguments_and_outputs(graph: pb.Graph) -> None:
    x, z = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (3,), name="z")
    n = pb.placeholder("i32", (), name="n")

    @pb.custom_gradient
    def pair(arguments: dict[str, pb.Tensor], n: pb.Tensor, shift: float = 0.0) -> Any:
        a, b = arguments["a"], arguments["b"]

        def grad(dsum: pb.Tensor, dn: None, dproduct: pb.Tensor) -> Any:
            assert dn is None
            return {"a": dsum * 10.0, "b": dproduct * 100.0}, None

        return {"sum": a + b + shift, "type": (n + 1, a * b)}, grad

    made = pair({"b": z, "a": x}, n, shift=2.0)
    dx, dz, dn = pb.gradients([made["sum"], made["type"][1]], [x, z, n])
    assert dn is None
    total, count, dx, dz = pb.run([made["sum"], made["type"][0], dx, dz], {x: X, z: X, n: 4})
    np.testing.assert_allclose(total, 2 * X + 2)
    assert count == 5
    np.testing.assert_array_equal([dx, dz], [[10] * 3, [100] * 3])


def test_rule_56_variables_and_numbers_are_arguments(graph: pb.Graph) -> None:
    v = pb.Variable(X)
    y = pb.custom_gradient(lambda a, b: (a * b, lambda dy: (dy * 7.0, None)))(v, 3.0)
    value, dv = pb.run([y, pb.gradients(y, v)[0]])
    np.testing.assert_allclose(value, 3 * X)
    np.testing.assert_array_equal(dv, [7, 7, 7])


def test_rule_56_variables_are_read_where_the_outputs_are_computed(graph: pb.Graph) -> None:
    v = pb.Variable(np.float64(3))
    x = pb.placeholder("f64", (), name="x")
    y = pb.custom_gradient(lambda a: (a * v, lambda dy: dy * v))(x)
    update = v.assign(100.0)
    (dx,) = pb.gradients(y, x)
    found = pb.run([y, update, dx], {x: 2.0})
    assert (found[0], found[2]) == (6, 3)


def test_rule_56_rows_of_variables_too(graph: pb.Graph) -> None:
    """By indices from outside, and by such as the gradient function computes."""
    v = pb.Variable(np.array([[3.0], [5.0], [7.0]]))
    x, n = pb.placeholder("f64", (1, 1), name="x"), pb.placeholder("i32", (1,), name="n")
    y = pb.custom_gradient(lambda a: (a * 2.0, lambda dy: dy * pb.gather(v, n) + pb.gather(v, n + 1)))(x)
    update = v.assign(np.zeros((3, 1)))
    (dx,) = pb.gradients(y, x)
    assert pb.run([update, dx], {x: [[1.0]], n: [1]})[1] == 5 + 7


def test_rule_56_slices_may_be_returned(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3, 1), name="x")
    one = pb.IndexedSlices(pb.ones((1, 1), "f64"), pb.constant([1]), (3, 1))
    (dx,) = pb.gradients(pb.custom_gradient(lambda a: (a * 2.0, lambda dy: one))(x), x)
    assert isinstance(dx, pb.IndexedSlices)
    np.testing.assert_array_equal(pb.run(dx).dense(), [[0], [1], [0]])


def test_rule_56_inside_a_loop(graph: pb.Graph) -> None:
    x, k = pb.placeholder("f64", (), name="x"), pb.placeholder("f64", (), name="k")
    slope = pb.custom_gradient(
        lambda a: (a * a * k, lambda dy: dy * a)
    )  # half of the ordinary one, without k
    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, slope(a)), [0, x])
    dx, dk = pb.gradients(y, [x, k])
    x0, k0 = 1.1, 0.9
    a = [x0]
    for _ in range(3):
        a.append(a[-1] ** 2 * k0)
    expected_k = a[2] ** 2 + a[2] * a[1] ** 2 + a[2] * a[1] * a[0] ** 2
    for target in ("numpy", "cpu"):
        found = pb.run([y, dx, dk], {x: x0, k: k0}, target=target)
        np.testing.assert_allclose(found, [a[3], a[0] * a[1] * a[2], expected_k])


def test_rule_56_nothing_of_it_is_left_in_a_step(graph: pb.Graph) -> None:
    """Not even a placeholder that only the gradient needs."""
    x, z = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (3,), name="z")
    y = pb.custom_gradient(lambda a: (a * 2.0, lambda dy: dy * z))(x)
    np.testing.assert_array_equal(pb.run(y, {x: X}), 2 * X)
    (dx,) = pb.gradients(y, x)
    np.testing.assert_array_equal(pb.run(dx, {z: X}), X)


def test_rule_56_text_holds_the_gradient(graph: pb.Graph) -> None:
    """A request in text is answered by what Python said."""
    log1pexp(pb.placeholder("f64", (3,), name="x"))
    text = str(graph)
    (y,) = re.findall(r"(%\w+) = graph.custom_gradient", text)
    types = "tensor<3xf64>, tensor<3xf64>"
    request = f"%dx = graph.gradients of ({y}) wrt (%x) : ({types}) -> tensor<3xf64>\n"
    text = text.replace(") {", ") -> tensor<3xf64> {", 1)
    text = text.replace("func.return", f"{request} func.return %dx : tensor<3xf64>")
    module = parse(context(), text).module
    run_passes(context(), module, parse_passes("gradients,finish"))
    assert "graph.custom_gradient" not in print_module(module)
    for target in ("numpy", "cpu"):
        (dx,) = Program(module, target)([X], {})
        np.testing.assert_allclose(dx, 1 / (1 + np.exp(-X)))


WRONG: list[tuple[Callable[..., Any], str]] = [
    (lambda x: x * 2.0, "must return its outputs and a gradient function"),
    (lambda x: (x * 2.0, x), "must return its outputs and a gradient function"),
    (lambda x: ("two", lambda dy: dy), "outputs: expected a tensor.* got str"),
    (
        lambda x: (x * 2.0, lambda dy: (dy, dy)),
        "gives 2 gradients for 1 tensors and numbers among the arguments",
    ),
    (lambda x: (x * 2.0, lambda dy: pb.sum(dy)), r"the gradient of args\[0\] has type tensor<f64>, expected"),
    (lambda x: (x * 2.0, lambda dy: pb.cast(dy, "f32")), r"the gradient of args\[0\] has type tensor<3xf32>"),
    (lambda x: (x * 2.0, lambda dy: "dy"), r"the gradient of args\[0\]: expected a tensor"),
]


@pytest.mark.parametrize(("function", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_rule_56_what_is_wrong_is_said_at_the_call(
    graph: pb.Graph, function: Callable[..., Any], message: str
) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    before = str(graph)
    with pytest.raises(ValueError, match=f"custom_gradient: '<lambda>'.*{message}"):
        pb.custom_gradient(function)(x)
    assert str(graph) == before


def test_rule_56_a_gradient_may_not_update_variables(graph: pb.Graph) -> None:
    x, v = pb.placeholder("f64", (3,), name="x"), pb.Variable(X)

    def updating(dy: pb.Tensor) -> pb.Tensor:
        v.assign(dy)
        return dy

    with pytest.raises(ValueError, match="its gradient updates a variable"):
        pb.custom_gradient(lambda a: (a * 2.0, updating))(x)


def test_rule_56_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="custom_gradient: expected a function of tensors, got int"):
        pb.custom_gradient(3)  # pyright: ignore[reportArgumentType]


def test_rule_57_recompute_grad_keeps_nothing(graph: pb.Graph) -> None:
    x, w = pb.placeholder("f64", (3,), name="x"), pb.Variable(np.array([0.1, 0.2, 0.3]))

    def layer(x: pb.Tensor, depth: int) -> pb.Tensor:
        for _ in range(depth):
            x = pb.tanh(x * w)
        return x

    plain = layer(x, 3)
    again = pb.recompute_grad(layer)(x, depth=3)
    expected, found = pb.gradients(plain, [x, w]), pb.gradients(again, [x, w])
    for target in ("numpy", "cpu"):
        for f, e in zip(*pb.run([found, expected], {x: X}, target=target), strict=True):
            np.testing.assert_allclose(f, e, rtol=1e-12)
    text = pb.compile([x], [again, *found], target="numpy").ir("graph")
    assert text.count("graph.tanh") == 2 * 3
    before, _, after = text.partition("graph.gate")
    forward = {line.split(" = ")[0].strip() for line in before.splitlines() if "graph.tanh" in line}
    used = {word.strip(",") for line in after.splitlines() if "return" not in line for word in line.split()}
    assert not forward & used


def test_rule_57_recompute_grad_takes_less_memory(graph: pb.Graph) -> None:
    """Sixteen layers in four blocks: what is kept is the blocks' inputs, and one block at a time."""
    x, w = pb.placeholder("f32", (128, 16), name="x"), pb.placeholder("f32", (16, 16), name="w")

    def block(x: pb.Tensor) -> pb.Tensor:
        for _ in range(4):
            x = pb.tanh(x @ w)
        return x

    def arena(layers: Callable[[pb.Tensor], pb.Tensor]) -> int:
        y = x
        for _ in range(4):
            y = layers(y)
        step = pb.compile([x, w], pb.gradients(y, [x, w]))
        return int(re.findall(r"graph.arena = (\d+)", step.ir("kernels", [(128, 16), (16, 16)]))[0])

    assert arena(pb.recompute_grad(block)) < 0.6 * arena(block)


def test_rule_57_recompute_grad_to_second_order(graph: pb.Graph) -> None:
    x, k = pb.placeholder("f64", (3,), name="x"), pb.placeholder("f64", (), name="k")
    y = pb.recompute_grad(lambda x: pb.exp(x * k))(x)
    (first,) = pb.gradients(y, x)
    second, mixed = pb.gradients(first, [x, k])
    x0 = [*X[:2].tolist(), 1.0]
    expected = np.exp(np.multiply(x0, 2))
    np.testing.assert_allclose(pb.run([first, second], {x: x0, k: 2.0}), [2 * expected, 4 * expected])
    np.testing.assert_allclose(pb.run(mixed, {x: x0, k: 2.0}), np.sum((1 + np.multiply(x0, 2)) * expected))


def test_rule_57_grad_pass_through(graph: pb.Graph) -> None:
    x = pb.placeholder("f64", (3,), name="x")
    truncated = pb.grad_pass_through(lambda x: pb.cast(pb.cast(x, "i32"), "f64"))
    (dx,) = pb.gradients(truncated(x) * 3.0, x)
    np.testing.assert_array_equal(pb.run([truncated(x), dx], {x: X}), [np.trunc(X), [3, 3, 3]])
    with pytest.raises(ValueError, match="gives 2 gradients for 1 tensors"):
        pb.grad_pass_through(lambda x: (x, x))(x)
    with pytest.raises(ValueError, match=r"the gradient of args\[0\] has type"):
        pb.grad_pass_through(pb.sum)(x)
