"""Optimizers against NumPy: dense gradients and rows, both targets, dtypes, hyperparameters that change."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import OpResult, SSAValue

import pullback as pb
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.buffer import BufferAttr, MemorySpace
from pullback.dialects.graph.state.variables import Assign, Read
from pullback.dialects.ir.source import parse
from pullback.frontend.train.optimizer import Optimizer
from pullback.frontend.train.state import VariableState
from pullback.tests.train.reference import (
    Rule,
    Slots,
    adagrad,
    adam,
    by_rows,
    gradient_descent,
    momentum,
    rms_prop,
)

CASES: dict[str, tuple[Callable[[], Optimizer], Rule]] = {
    "gradient_descent": (lambda: pb.train.GradientDescentOptimizer(0.3), gradient_descent(0.3)),
    "momentum": (lambda: pb.train.MomentumOptimizer(0.3, 0.9), momentum(0.3, 0.9)),
    "nesterov": (
        lambda: pb.train.MomentumOptimizer(0.3, 0.9, use_nesterov=True),
        momentum(0.3, 0.9, nesterov=True),
    ),
    "adam": (lambda: pb.train.AdamOptimizer(0.3, 0.8, 0.95, 0.01), adam(0.3, 0.8, 0.95, 0.01)),
    "rms_prop": (lambda: pb.train.RMSPropOptimizer(0.3, 0.8, 0.5, 0.01), rms_prop(0.3, 0.8, 0.5, 0.01)),
    "centered": (
        lambda: pb.train.RMSPropOptimizer(0.3, 0.8, 0.5, 0.01, centered=True),
        rms_prop(0.3, 0.8, 0.5, 0.01, centered=True),
    ),
    "adagrad": (lambda: pb.train.AdagradOptimizer(0.3), adagrad(0.3)),
}
TOLERANCE = {"f64": 1e-12, "f32": 1e-5, "f16": 2e-2}
STEPS = 4


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CASES)
def test_dense(name: str, dtype: str, target: str, rng: np.random.Generator) -> None:
    make, rule = CASES[name]
    array = rng.standard_normal((5, 3)).astype(
        {"f64": np.float64, "f32": np.float32, "f16": np.float16}[dtype]
    )
    with pb.Graph():
        w, g = pb.Variable(array, name="w"), pb.placeholder(dtype, (5, 3), name="g")
        optimizer = make()
        update = optimizer.apply_gradients([(g, w)])
        step = pb.compile([g], update, target=target)
    expected, slots = array.astype(np.float64), Slots()
    for t in range(1, STEPS + 1):
        gradient = rng.standard_normal((5, 3)).astype(array.dtype)
        assert step(gradient) is None
        expected = rule(expected, gradient.astype(np.float64), slots, t)
        check(w, expected, TOLERANCE[dtype])
    for slot_name in optimizer.get_slot_names():
        slot = optimizer.get_slot(w, slot_name)
        assert slot is not None
        check(slot, slots[slot_name], TOLERANCE[dtype])


def check(variable: pb.Variable, expected: Any, tolerance: float) -> None:
    np.testing.assert_allclose(variable.numpy().astype(np.float64), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("dtype", ["i32", "i64"])
@pytest.mark.parametrize("name", CASES)
def test_rows(name: str, dtype: str, target: str, rng: np.random.Generator) -> None:
    """Rows of one index are summed first, those out of range are passed over, and no other row of anything changes."""
    make, rule = CASES[name]
    table = rng.standard_normal((7, 3))
    with pb.Graph():
        w = pb.Variable(table, name="w")
        rows, indices = (
            pb.placeholder("f64", (None, 3), name="rows"),
            pb.placeholder(dtype, (None,), name="i"),
        )
        optimizer = make()
        update = optimizer.apply_gradients([(pb.IndexedSlices(rows, indices, (7, 3)), w)])
        step = pb.compile([rows, indices], update, target=target)
    expected, slots = table.copy(), Slots()
    for t, where in enumerate(([2, 0, 2], [6, 9, -1, 6, 1, 6], [], [3]), start=1):
        at = np.array(where, np.int64).astype({"i32": np.int32, "i64": np.int64}[dtype])
        values = rng.standard_normal((len(at), 3))
        step(values, at)
        dense = np.full((7, 3), np.nan)
        for value, index in zip(values, where, strict=True):
            if 0 <= index < 7:
                dense[index] = np.nan_to_num(dense[index]) + value
        expected = by_rows(rule)(expected, dense, slots, t)
        check(w, expected, 1e-12)
    for slot_name in optimizer.get_slot_names():
        slot = optimizer.get_slot(w, slot_name)
        assert slot is not None
        check(slot, slots[slot_name], 1e-12)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("target", ["numpy", "cpu"])
def test_rows_cost_what_rows_cost(name: str, target: str) -> None:
    """A step on a few rows takes no longer where the table is a thousand times as long."""

    def seconds(length: int) -> float:
        with pb.Graph():
            table = pb.Variable(np.ones((length, 8), np.float32))
            rows = pb.gather(table, np.array([5, 0, 7, 0], np.int32))
            loss = pb.sum(rows * rows)
            step = pb.compile([], [loss, CASES[name][0]().minimize(loss)], target=target)
        step()
        return min(timeit.repeat(step, number=1, repeat=20))

    assert seconds(1_000_000) < 5 * seconds(1_000)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("gate", [0, 1, 2])
def test_a_step_is_made_in_place(name: str, gate: int) -> None:
    """No variable and no slot is copied, whatever waits for what."""
    with pb.Graph():
        x, w = pb.placeholder("f32", (8, 64), name="x"), pb.Variable(np.ones((64, 32), np.float32), name="w")
        b, table = pb.Variable(np.ones(32, np.float32), name="b"), pb.Variable(np.ones((99, 32)), name="t")
        rows = pb.cast(pb.gather(table, [3, 1, 3, 5, 6, 7, 8, 9]), "f32")
        loss = pb.mean(pb.tanh(x @ w + b) * rows)
        update = CASES[name][0]().minimize(loss, gate_gradients=gate)
        step = pb.compile([x], [loss, update], target="cpu")
    ops = list(parse(context(), step.ir("kernels")).module.walk())
    contents = [op.results[0] for op in ops if isinstance(op, Read)]
    contents += [op.operands[1] for op in ops if isinstance(op, Assign)]
    assert contents
    assert {kind_of_buffer(value) for value in contents} == {MemorySpace.VARIABLE}


def kind_of_buffer(value: SSAValue) -> MemorySpace:
    assert isinstance(value, OpResult)
    buffers = value.op.attributes["memory"]
    assert isinstance(buffers, ArrayAttr)
    buffer = buffers.data[value.index]
    assert isinstance(buffer, BufferAttr)
    return buffer.kind


@pytest.mark.parametrize("name", CASES)
def test_one_kernel_updates_a_variable_and_its_slots(name: str) -> None:
    """All in place, without a tensor in between; Adam's two powers have kernels of their own."""
    with pb.Graph():
        w, g = pb.Variable(np.ones(257, np.float32), name="w"), pb.placeholder("f32", (257,), name="g")
        optimizer = CASES[name][0]()
        text = pb.compile([g], optimizer.apply_gradients([(g, w)]), target="cpu").ir("kernels")
    kernels = [line for line in text.splitlines() if "graph.kernel " in line]
    assert len(kernels) == (3 if name == "adam" else 1)
    updated = 1 + len(optimizer.get_slot_names())
    assert kernels[0].count("#graph.buffer<variable, ") == updated
    assert "graph.arena = 0 " in text


def test_a_learning_rate_that_changes() -> None:
    with pb.Graph():
        w, rate = pb.Variable(1.0, name="w", dtype="f64"), pb.Variable(0.5, name="rate", trainable=False)
        factor = pb.placeholder("f32", (), name="factor")
        by_variable = pb.train.GradientDescentOptimizer(rate).minimize(3.0 * w)
        by_tensor = pb.train.MomentumOptimizer(factor * rate, momentum=factor).minimize(2.0 * w)
    pb.run(by_variable)
    assert w.numpy() == 1 - 0.5 * 3
    pb.run(rate.assign(0.25))
    pb.run(by_variable)
    assert w.numpy() == -0.5 - 0.25 * 3
    pb.run(by_tensor, {factor: 0.5})
    assert w.numpy() == -1.25 - 0.125 * 2


def test_slots_and_names() -> None:
    with pb.Graph() as g, pb.name_scope("outer"):
        w, b = pb.Variable([1.0, 2.0], name="w"), pb.Variable(3.0, name="b")
        optimizer = pb.train.MomentumOptimizer(0.1, 0.9)
        assert (optimizer.get_slot_names(), optimizer.get_slot(w, "momentum")) == ([], None)
        pairs = optimizer.compute_gradients(pb.sum(w * b))
        assert [v for _, v in pairs] == [w, b]
        first, second = optimizer.apply_gradients(pairs), optimizer.apply_gradients(pairs, name="again")
    assert optimizer.get_name() == "Momentum"
    assert [v.name for v in optimizer.variables()] == ["outer/b/Momentum", "outer/w/Momentum"]
    assert optimizer.get_slot_names() == ["momentum"]
    assert optimizer.get_slot(w, "momentum") is optimizer.variables()[1]
    assert pb.trainable_variables(g) == [w, b]
    assert (first.name, second.name) == ("outer/Momentum/update", "outer/again/update")


def test_adam_keeps_powers_for_all_variables() -> None:
    with pb.Graph():
        w, b = pb.Variable([1.0, 2.0], name="w"), pb.Variable(3.0, name="b", dtype="f64")
        optimizer = pb.train.AdamOptimizer(beta1=0.5)
        loss = pb.sum(pb.cast(w, "f64") * b)
        pairs = optimizer.compute_gradients(loss)
        updates = [optimizer.apply_gradients(pairs), optimizer.apply_gradients(pairs)]
    names = ["b/Adam", "b/Adam_1", "beta1_power", "beta2_power", "w/Adam", "w/Adam_1"]
    assert [v.name for v in optimizer.variables()] == names
    powers = optimizer.variables()[2:4]
    assert [power.dtype for power in powers] == ["f64", "f64"]
    np.testing.assert_array_equal([power.numpy() for power in powers], [0.5, 0.999])
    pb.run(updates)
    np.testing.assert_allclose([power.numpy() for power in powers], [0.5**3, 0.999**3], rtol=1e-12)


DEFAULTS: list[tuple[Callable[[], Optimizer], str, Rule]] = [
    (lambda: pb.train.GradientDescentOptimizer(0.1), "GradientDescent", gradient_descent(0.1)),
    (lambda: pb.train.MomentumOptimizer(0.1, 0.9), "Momentum", momentum(0.1, 0.9)),
    (lambda: pb.train.AdamOptimizer(), "Adam", adam()),
    (lambda: pb.train.RMSPropOptimizer(0.1), "RMSProp", rms_prop(0.1)),
    (lambda: pb.train.AdagradOptimizer(0.1), "Adagrad", adagrad(0.1)),
]


@pytest.mark.parametrize(("make", "name", "rule"), DEFAULTS, ids=[case[1] for case in DEFAULTS])
def test_defaults(make: Callable[[], Optimizer], name: str, rule: Rule) -> None:
    """TensorFlow's: names, betas, decays, what slots begin with."""
    with pb.Graph():
        w = pb.Variable([1.0, -2.0], name="w", dtype="f64")
        optimizer = make()
        assert optimizer.get_name() == name
        update = optimizer.minimize(pb.sum(w * w * w))
    expected, slots = np.array([1.0, -2.0]), Slots()
    for t in range(1, 4):
        expected = rule(expected, 3 * expected**2, slots, t)
        pb.run(update)
    check(w, expected, 1e-12)


class HeavyBall(Optimizer):
    """As a user would write one: a running mean of gradients."""

    def __init__(self, rate: float, keep: float) -> None:
        super().__init__("HeavyBall", rate=rate, keep=keep)

    def _apply(self, state: VariableState, variable: pb.Variable) -> None:
        gradient, mean = state.gradient, self._slot(variable, "mean")
        rate, keep = (self._number(name, gradient) for name in ("rate", "keep"))
        new = state.write(mean, state.read(mean) * keep + gradient * (1 - keep))
        state.subtract(variable, new * rate)


def test_an_optimizer_of_ones_own() -> None:
    with pb.Graph():
        w, table = pb.Variable(1.0, name="w"), pb.Variable(np.ones((3, 1), np.float32), name="table")
        loss = 2.0 * w + pb.sum(pb.gather(table, [1, 1])) * 0.5
        for target in ("numpy", "cpu"):
            pb.run(HeavyBall(0.5, 0.75).minimize(loss), target=target)
    assert w.numpy() == 1 - 2 * 0.5 * 0.25 * 2
    np.testing.assert_array_equal(table.numpy()[:, 0], [1, 1 - 2 * 0.5 * 0.25 * 1, 1])


class Broken(HeavyBall):
    def _finish(self, graph: pb.Graph) -> list[pb.Operation]:
        raise RuntimeError("after all variables")


def test_a_failure_leaves_graph_and_optimizer_as_they_were() -> None:
    with pb.Graph() as g:
        w = pb.Variable(1.0, name="w")
        loss, optimizer = w * 2.0, Broken(0.5, 0.75)
        pairs = optimizer.compute_gradients(loss)
        before = str(g)
        with pytest.raises(RuntimeError, match="after all variables"):
            optimizer.apply_gradients(pairs)
    assert str(g) == before
    assert (optimizer.variables(), pb.global_variables(g)) == ([], [w])


def test_what_has_no_gradient_stays() -> None:
    with pb.Graph():
        w, other = pb.Variable(1.0, name="w"), pb.Variable(2.0, name="other")
        optimizer = pb.train.MomentumOptimizer(1.0, 0.0)
        pb.run(optimizer.minimize(w * 3.0))
    assert (w.numpy(), other.numpy()) == (-2, 2)
    assert optimizer.get_slot(other, "momentum") is None


def test_gradients_may_be_anything_that_fits() -> None:
    with pb.Graph():
        w, source = pb.Variable([1.0, 2.0], name="w"), pb.Variable([10.0, 20.0], name="source")
        optimizer = pb.train.GradientDescentOptimizer(0.5)
        pairs = [(np.array([2, 4], np.float32), w), (source, w), ([1.0, 1.0], w)]
        pb.run(optimizer.apply_gradients(iter(pairs)))
    np.testing.assert_array_equal(w.numpy(), [1 - 1 - 5 - 0.5, 2 - 2 - 10 - 0.5])


def test_gradients_of_old_contents_whatever_is_updated_first() -> None:
    """Each of the two is the other's gradient."""
    with pb.Graph():
        a, b = pb.Variable(3.0, name="a"), pb.Variable(5.0, name="b")
        for gate in (0, 1, 2):
            for target in ("numpy", "cpu"):
                a.array[...], b.array[...] = 3, 5
                update = pb.train.GradientDescentOptimizer(1.0).minimize(a * b, gate_gradients=gate)
                pb.compile([], update, target=target)()
                assert (a.numpy(), b.numpy()) == (3 - 5, 5 - 3)


def test_global_step() -> None:
    with pb.Graph() as g:
        w = pb.Variable(1.0)
        step = pb.train.get_or_create_global_step()
        assert pb.train.get_or_create_global_step(g) is step
        assert (step.dtype, step.trainable, step.name) == ("i64", False, "global_step")
        update = pb.train.GradientDescentOptimizer(0.1).minimize(w * w, global_step=step)
        for _ in range(3):
            pb.run(update)
    assert step.numpy() == 3


@pytest.mark.parametrize("shape", [(0,), (1,), (17,), (2, 0, 3)])
def test_odd_shapes(shape: tuple[int, ...]) -> None:
    with pb.Graph():
        w = pb.Variable(np.ones(shape), name="w")
        update = pb.train.MomentumOptimizer(0.5, 0.5).minimize(pb.sum(w * 2.0))
        for target in ("numpy", "cpu"):
            pb.run(update, target=target)
    np.testing.assert_array_equal(w.numpy(), np.full(shape, 1 - 1 - 1.5))
