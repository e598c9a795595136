"""The gradient of a loop: any number of trips, invariants, nesting, second order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from xdsl.ir import Block

from pullback.dialects.graph.by_index.gather import Gather
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.dialects.graph.gradient.policies import Unconnected
from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.graph.tensor.insertion import insert, inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import DTYPES
from pullback.tests.graphs import Function, build

Step = Callable[..., Sequence[Tensor]]


def repeat(count: Tensor, inits: Sequence[Tensor], step: Step, no_gradient: bool = False) -> list[Tensor]:
    """Runs `step` on the carried values `count` times."""
    loop = While.over([count, *inits], no_gradient)
    condition, body = loop.condition.block, loop.body.block
    _fill(condition, lambda n, *_: Condition.create(operands=[(n > 0).value]))
    _fill(
        body,
        lambda n, *xs: Yield.create(operands=[(n - 1).value, *(t.value for t in step(*xs))]),
    )
    insert(loop)
    return [Tensor(r) for r in loop.results[1:]]


def _fill(block: Block, terminator: Callable[..., Condition | Yield]) -> None:
    with inserting(block.add_op):
        block.add_op(terminator(*(Tensor(a) for a in block.args)))


def check(function: Function, inputs: Sequence[np.ndarray], order: int = 1) -> None:
    """Gradients with respect to the f64 arguments against finite differences."""
    xs = [x for x in function.args if x.dtype == "f64"]
    ys = grads = function.ys
    for _ in range(order):
        ys = grads
        grads = [g for g in function.gradients(ys, xs, unconnected=Unconnected.ZERO) if g is not None]
    got = function(*inputs, results=grads)
    step = 1e-6
    for index, (x, g) in enumerate(zip(inputs, got, strict=False)):
        for at in np.ndindex(x.shape):
            totals = []
            for sign in (1, -1):
                moved = [np.array(a) for a in inputs]
                moved[index][at] += sign * step
                totals.append(sum(float(np.sum(y)) for y in function(*moved, results=ys)))
            assert g[at] == pytest.approx((totals[0] - totals[1]) / (2 * step), rel=1e-5, abs=1e-6)


def power(x: Tensor, w: Tensor, n: Tensor) -> list[Tensor]:
    return repeat(n, [x], lambda v: [Tanh.of(v * w) * v])


INPUTS = [np.array([0.7, 1.3]), np.array([1.1, 0.6])]


@pytest.mark.parametrize("trips", [0, 1, 2, 5])
@pytest.mark.parametrize("order", [1, 2])
def test_any_number_of_trips(trips: int, order: int) -> None:
    function = build(["2xf64", "2xf64", "i32"], power)
    check(function, [*INPUTS, np.array(trips, np.int32)], order)


def test_third_order() -> None:
    function = build(["2xf64", "2xf64", "i32"], power)
    check(function, [*INPUTS, np.array(2, np.int32)], 3)


@pytest.mark.parametrize("order", [1, 2])
def test_nested_loops(order: int) -> None:
    def body(x: Tensor, w: Tensor, n: Tensor) -> list[Tensor]:
        return repeat(n, [x], lambda v: [t * v for t in repeat(n, [v], lambda u: [Tanh.of(u * w) + v * 0.1])])

    function = build(["2xf64", "2xf64", "i32"], body)
    check(function, [*INPUTS, np.array(2, np.int32)], order)


def test_invariants_are_not_stacked() -> None:
    function = build(
        ["2xf64", "2xf64", "i32"], lambda x, w, n: repeat(n, [x, w], lambda v, u: [v * u, u])[:1]
    )
    check(function, [*INPUTS, np.array(3, np.int32)])
    loops = [op for op in function.block.ops if isinstance(op, While)]
    assert len(loops) == 3
    stacks = [r.type for r in loops[1].results if "stack" in str(r.type)]
    assert len(stacks) == 1  # v alone: u is the same on every trip


def test_carried_values_that_swap() -> None:
    function = build(["2xf64", "2xf64", "i32"], lambda x, w, n: repeat(n, [x, w], lambda a, b: [b, a * b]))
    check(function, [*INPUTS, np.array(3, np.int32)], 2)


def test_gather_of_an_invariant() -> None:
    def body(table: Tensor, w: Tensor, n: Tensor, i: Tensor) -> list[Tensor]:
        return repeat(n, [w], lambda v: [v * Gather.of(table, i)])

    function = build(["4xf64", "2xf64", "i32", "2xi32"], body)
    inputs = [np.array([1.0, 2.0, 3.0, 4.0]), INPUTS[1], np.array(3, np.int32), np.array([1, 3], np.int32)]
    check(function, inputs)


def test_the_original_loop_stays_as_it_was() -> None:
    function = build(["2xf64", "2xf64", "i32"], power)
    (loop,) = (op for op in function.block.ops if isinstance(op, While))
    text = str(loop)
    function.gradients(function.ys, function.args[:2])
    assert str(loop) == text


def test_no_gradient_gives_none() -> None:
    function = build(["2xf64", "i32"], lambda x, n: repeat(n, [x], lambda v: [v * v], no_gradient=True))
    assert function.gradients(function.ys, function.args[:1]) == [None]


def test_an_integer_carried_value_has_no_gradient() -> None:
    function = build(["2xf64", "i32"], lambda x, n: [Fill.scalar(1.0, DTYPES["f64"]) * x, n][:1])
    with inserting(function.block.add_op):
        (out,) = repeat(function.args[1], [function.args[1]], lambda k: [k * 2])
    assert function.gradients([out], [function.args[0]]) == [None]
