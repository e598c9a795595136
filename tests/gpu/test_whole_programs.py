"""Whole programs at level `gpu`: what the host runs, loops, stacks, constants, random numbers, updates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.checking.drawn_inputs import Inputs
from pullback.driver.checking.function_runs import run_function
from pullback.tests.driver.host_cases import OTHERS, dtype_of, numbers, turned

Array = npt.NDArray[Any]
TOLERANCE = 2e-5


def agree(inputs: Sequence[pb.Tensor], outputs: Sequence[pb.Tensor], *arrays: Array) -> pb.Step:
    """The emulator gives what the evaluator gives, each time, and from the text alone."""
    step, oracle = (pb.compile(list(inputs), list(outputs), target=target) for target in ("simt", "numpy"))
    expected = oracle(*arrays)
    text = step.ir("gpu", [array.shape for array in arrays])
    assert text.count("gpu.func @") == text.count("graph.index_bitwidth = 32"), "small programs need no more"
    alone = run_function(parse(context(), text).module, "main", Inputs(arrays, {}))
    for found in (step(*arrays), step(*arrays)):
        for a, b in zip(found, expected, strict=True):
            assert (a.dtype, a.shape) == (b.dtype, b.shape)
            np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=1e-6)
    for a, b in zip(alone.values, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=1e-6)
    return step


# ---- what the host runs ---------------------------------------------------------------------------------


def test_between_kernels() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3, 4), name="x")
        fixed = pb.constant(numbers(3, 4))
        sums = pb.constant(np.triu(np.ones((3, 3), np.float32)))
        y = pb.solve(sums, turned(x * 2.0, axis=0))
        step = agree([x], [y, y + fixed, turned(fixed, axis=0), *pb.gradients(y, x)], numbers(3, 4))
    text = step.ir("gpu")
    assert text.count("func.call @") == 5
    # One copy to the host for each chain of operations, one back; the constant is there.
    assert text.count("gpu.memcpy %host") == 2
    assert len(re.findall(r"gpu.memcpy %\S+, %host", text)) == 3


def test_a_value_that_host_and_kernels_read() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (5,), name="x")
        y = turned(x, axis=0)
        z = turned(y, axis=0) + turned(y * 2.0, axis=0) * y
        step = agree([x], [turned(z + turned(y, axis=0), axis=0)], numbers(5))
    assert step.ir("gpu").count("gpu.memcpy %host") == 3  # x, y * 2, and the sum; y stays on the host


def test_places_on_the_host_are_used_again() -> None:
    with pb.Graph():
        y = x = pb.placeholder("f32", (16,), name="x")
        for _ in range(6):
            y = turned(y, axis=0) * 0.5
        step = agree([x], [y], numbers(16))
    assert "%host_arena: memref<128xi8>" in step.ir("gpu")


@pytest.mark.parametrize("dtype", OTHERS)
def test_every_dtype_that_kernels_do_not_have(dtype: str) -> None:
    kind = dtype_of(dtype)
    with pb.Graph():
        x = pb.placeholder(dtype, (2, 3), name="x")
        agree([x], [x + x, pb.transpose(x) * x.T, x[1]], np.arange(6).reshape(2, 3).astype(kind))


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (33,)])
def test_shapes(shape: tuple[int, ...]) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", shape, name="x")
        y = pb.sort(pb.reshape(x * 2.0, (-1,)), axis=0)
        agree([x], [y, pb.sum(y), pb.reshape(pb.sort(y, axis=0), shape)], numbers(*shape))


def test_linear_algebra_with_gradients() -> None:
    with pb.Graph():
        x = pb.placeholder("f64", (4, 4), name="x")
        factor = pb.cholesky(x @ pb.transpose(x) + 4.0 * pb.eye(4, dtype="f64"))
        agree([x], [factor, *pb.gradients(pb.sum(factor * factor * x), x)], numbers(4, 4).astype(np.float64))


def test_random_numbers() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (65,), name="x")
        y = pb.random_normal((65,), seed=3) * x + pb.random_uniform((65,), seed=4)
        found, expected = (
            [pb.compile([x], [y, *pb.gradients(y, x)], target=target)(numbers(65)) for _ in range(2)]
            for target in ("simt", "numpy")
        )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a[0], b[0], rtol=TOLERANCE, atol=1e-6)
        np.testing.assert_allclose(a[1], b[1], rtol=TOLERANCE, atol=1e-6)


# ---- loops ----------------------------------------------------------------------------------------------


def nested(x: pb.Tensor) -> pb.Tensor:
    """A loop in a loop."""

    def inner(a: pb.Tensor) -> pb.Tensor:
        return pb.while_loop(lambda j, _: j < 2, lambda j, b: (j + 1, pb.tanh(b * x)), [0, a])[1]

    return pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, inner(a) + x), [0, x])[1]


def growing(x: pb.Tensor) -> pb.Tensor:
    """More trips than a stack has room for at first."""
    return pb.while_loop(lambda i, _: i < 35, lambda i, a: (i + 1, pb.tanh(a + x * 0.1)), [0, x])[1]


def sorting(x: pb.Tensor) -> pb.Tensor:
    """What the host runs in the body, and in the condition."""

    def going_on(i: pb.Tensor, a: pb.Tensor) -> pb.Tensor:
        return pb.sort(pb.reshape(a, (-1,)), axis=0)[-1] < 9.0

    return pb.while_loop(going_on, lambda i, a: (i + 1, pb.sort(a * a, axis=1) + 1.5), [0, x])[1]


def swapping(x: pb.Tensor) -> pb.Tensor:
    """Values that change places: one is set aside."""
    a, b, _ = pb.while_loop(lambda a, b, i: i < 3, lambda a, b, i: (b, a * 2.0, i + 1), [x, x + 1.0, 0])
    return a - b * x


def choosing(x: pb.Tensor) -> pb.Tensor:
    """A branch for each sign of the sum."""
    return pb.cond(pb.sum(x) > 0.0, lambda: pb.exp(-x), lambda: turned(x * x, axis=1))


def none_at_all(x: pb.Tensor) -> pb.Tensor:
    """No trip."""
    return pb.while_loop(lambda i, _: i < 0, lambda i, a: (i + 1, a * a * x), [0, x])[1] * x


@pytest.mark.parametrize("build", [nested, growing, sorting, swapping, choosing, none_at_all])
def test_loops_and_their_gradients(build: Callable[[pb.Tensor], pb.Tensor]) -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        y = build(x)
        agree([x], [y, *pb.gradients(y * y, x)], numbers(2, 3))


PUSHES = """
func.func @main(%x: tensor<3xD>, %y: tensor<3xD>) -> (tensor<3xD>, tensor<3xD>, tensor<3xD>) {
  %s = graph.empty_stack : !graph.stack<tensor<3xD>>
  %a = graph.push %s, %x : (!graph.stack<tensor<3xD>>, tensor<3xD>) -> !graph.stack<tensor<3xD>>
  %b = graph.push %a, %y : (!graph.stack<tensor<3xD>>, tensor<3xD>) -> !graph.stack<tensor<3xD>>
  %sum = SUM : !graph.stack<tensor<3xD>>
  %c, %last = graph.pop %sum : (!graph.stack<tensor<3xD>>) -> (!graph.stack<tensor<3xD>>, tensor<3xD>)
  %d, %first = graph.pop %c : (!graph.stack<tensor<3xD>>) -> (!graph.stack<tensor<3xD>>, tensor<3xD>)
  %e, %none = graph.pop %d : (!graph.stack<tensor<3xD>>) -> (!graph.stack<tensor<3xD>>, tensor<3xD>)
  func.return %last, %first, %none : tensor<3xD>, tensor<3xD>, tensor<3xD>
}"""
"""Stacks of one row and of two, and what is popped of a sum of some: below the first row there are zeros."""


@pytest.mark.parametrize("dtype", ["f32", "i1", "f16", "complex<f32>"])
@pytest.mark.parametrize("stacks", ["%b", "%b, %a", "%a, %b, %s, %a"])
def test_sums_of_stacks_of_every_kind(dtype: str, stacks: str) -> None:
    module = pb.parse(PUSHES.replace("SUM", f"graph.add_n {stacks}").replace("D", dtype))
    kind = dtype_of(dtype)
    data = [np.array([1, 0, 1]).astype(kind), np.array([0, 1, 0]).astype(kind)]
    found, expected = (module.run(data, target=target) for target in ("simt", "numpy"))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def lstm(x: pb.Tensor, w: pb.Variable, steps: int) -> pb.Tensor:
    """A recurrent network: a product, gates and a state of two tensors in each trip."""

    def body(i: pb.Tensor, h: pb.Tensor, c: pb.Tensor) -> tuple[pb.Tensor, ...]:
        gates = pb.concat([x[i], h], axis=1) @ w
        i_gate, f_gate, o_gate, new = pb.split(gates, 4, axis=1)
        c = pb.sigmoid(f_gate) * c + pb.sigmoid(i_gate) * pb.tanh(new)
        return i + 1, pb.sigmoid(o_gate) * pb.tanh(c), c

    zero = pb.zeros((2, 5))
    return pb.while_loop(lambda i, h, c: i < steps, body, [0, zero, zero])[1]


def test_training_a_recurrent_network() -> None:
    data, losses = numbers(4, 2, 3), dict[str, list[float]]()
    for target in ("simt", "fibers", "numpy"):
        with pb.Graph():
            x = pb.placeholder("f32", (4, 2, 3), name="x")
            w = pb.Variable(numbers(8, 20) * np.float32(0.3), name="w")
            loss = pb.mean((lstm(x, w, 4) - 0.25) ** 2)
            update = w.assign_sub(pb.gradients(loss, w)[0] * 0.5)
            step = pb.compile([x], [loss, update], target=target)
        losses[target] = [float(step(data)[0]) for _ in range(4)]
    np.testing.assert_allclose(losses["simt"], losses["numpy"], rtol=1e-5)
    np.testing.assert_allclose(losses["fibers"], losses["numpy"], rtol=1e-5)
    assert losses["simt"][-1] < losses["simt"][0]


# ---- memory ---------------------------------------------------------------------------------------------


def test_constants_are_arguments_of_the_device() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (4,), name="x")
        a, b = pb.constant(numbers(4)), pb.constant([1, 2, 3, 4])
        step = agree([x], [x * a, pb.gather(x, b), turned(a, axis=0), pb.reshape(a, (2, 2))], numbers(4))
    assert 'graph.arguments = ["input", "output", "output", "output", "output", ' in step.ir("gpu")
    assert step.ir("gpu").count('"constant:main_constant_') == 3  # a, b, and a in another shape


def test_old_contents_of_a_variable() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (3,), name="x")
        w = pb.Variable(np.array([1, 2, 3], np.float32), name="w")
        before = turned(w.read(), axis=0)
        update = w.assign(w.read() + x)
        after = turned(w.read(), axis=0)
        step = pb.compile([x], [before, update, after, w.read()], target="simt")
    for call in range(2):
        old, _, new, end = step(np.ones(3, np.float32))
        np.testing.assert_array_equal(old, [3 + call, 2 + call, 1 + call])
        np.testing.assert_array_equal(new, [4 + call, 3 + call, 2 + call])
        np.testing.assert_array_equal(end, w.numpy())


def test_functions_that_call_others() -> None:
    text = """
    func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = graph.cumsum %x {axis = 0 : i64, host} : tensor<4xf32>
      %z = graph.add %y, %y : tensor<4xf32>
      func.return %z : tensor<4xf32>
    }
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = func.call @twice(%x) : (tensor<4xf32>) -> tensor<4xf32>
      %z = func.call @twice(%y) : (tensor<4xf32>) -> tensor<4xf32>
      func.return %z : tensor<4xf32>
    }"""
    module, x = pb.parse(text), numbers(4)
    for name in ("twice", "main"):
        found, expected = (module.run([x], function=name, target=target) for target in ("simt", "numpy"))
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
