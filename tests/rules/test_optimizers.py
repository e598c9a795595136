"""Rules 73 to 75 for optimizers: what gradients wait for, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.frontend.train.optimizer import Optimizer


def network() -> tuple[pb.Tensor, pb.Tensor, list[pb.Variable]]:
    """Three layers: two matmuls have two needed gradients each, the first one has one."""
    x = pb.placeholder("f32", (4, 3), name="x")
    weights = [pb.Variable(np.eye(3, dtype=np.float32), name=f"w{i}") for i in range(3)]
    y = x
    for w in weights:
        y = pb.tanh(y @ w)
    return x, pb.sum(y), weights


def optimizer() -> Optimizer:
    return pb.train.GradientDescentOptimizer(0.1)


@pytest.mark.parametrize(
    ("gate", "gates"),
    [(None, 2), (Optimizer.GATE_NONE, 0), (Optimizer.GATE_OP, 2), (Optimizer.GATE_GRAPH, 1)],
)
def test_rules_73_and_75_what_waits_for_what(graph: pb.Graph, gate: int | None, gates: int) -> None:
    """Operation by operation, unless told otherwise."""
    x, loss, weights = network()
    chosen: Any = {} if gate is None else {"gate_gradients": gate}
    pairs = optimizer().compute_gradients(loss, **chosen)
    assert [v for _, v in pairs] == weights
    found = [gradient for gradient, _ in pairs]
    assert pb.compile([x], found, target="numpy").ir("graph").count("graph.gate ") == gates
    data = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
    for got, expected in pb.run(list(zip(found, pb.gradients(loss, weights), strict=True)), {x: data}):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("target", ["numpy", "cpu"])
@pytest.mark.parametrize("gate", [0, 1, 2])
def test_rule_74_updates_do_not_disturb_gradients(graph: pb.Graph, gate: int, target: str) -> None:
    x, loss, weights = network()
    pairs = optimizer().compute_gradients(loss, gate_gradients=gate)
    data = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
    gradients = pb.run([g for g, _ in pairs], {x: data})
    update = optimizer().minimize(loss, gate_gradients=gate)
    pb.run([loss, update], {x: data}, target=target)
    for w, gradient in zip(weights, gradients, strict=True):
        np.testing.assert_allclose(w.numpy(), np.eye(3) - 0.1 * gradient, rtol=1e-5, atol=1e-6)


def test_rule_75_grad_loss_and_aggregation(graph: pb.Graph) -> None:
    w = pb.Variable([1.0, 2.0], name="w")
    loss = w * w + w
    method = pb.AggregationMethod.TREE
    ((gradient, _),) = optimizer().compute_gradients(
        loss, w, grad_loss=np.array([1, 10], np.float32), aggregation_method=method
    )
    np.testing.assert_array_equal(pb.run(gradient), [3, 50])
    with pytest.raises(ValueError, match="invalid value 'none'"):
        optimizer().compute_gradients(loss, aggregation_method="none")
    with pb.device("gpu:1"):
        y = pb.tanh(w, name="y")
    optimizer().compute_gradients(y, colocate_gradients_with_ops=True)


def test_rule_75_var_list(graph: pb.Graph) -> None:
    a, b, c = (pb.Variable(float(i), name="abc"[i]) for i in range(3))
    fixed = pb.Variable(1.0, trainable=False)
    loss = a * b * c * fixed
    assert [v for _, v in optimizer().compute_gradients(loss)] == [a, b, c]
    assert [v for _, v in optimizer().compute_gradients(loss, [c, [a, (fixed,)]])] == [c, a, fixed]
    assert [v for _, v in optimizer().compute_gradients(loss, b)] == [b]
    with pb.Graph():
        assert [v for _, v in optimizer().compute_gradients(loss)] == [a, b, c]


def refuses(match: str, *args: Any, kind: type[Exception] = ValueError, **kwargs: Any) -> None:
    with pytest.raises(kind, match=match) as error:
        optimizer().compute_gradients(*args, **kwargs)
    assert isinstance(error.value, ValueError)


def test_rule_75_what_compute_gradients_refuses(graph: pb.Graph) -> None:
    w, whole = pb.Variable(1.0, name="w"), pb.Variable(1, name="n")
    loss = pb.identity(w * 2.0, name="loss")
    before = str(graph)
    for gate in (3, -1, "op", None, 0.5):
        refuses(
            "gate_gradients must be one of Optimizer.GATE_NONE, .*GATE_OP, .*GATE_GRAPH",
            loss,
            gate_gradients=gate,
        )
    refuses("Invalid type i32 for loss 'n', expected one of f32, f64", whole, kind=TypeError)
    refuses("loss: expected a tensor, got float", 1.0, kind=TypeError)
    refuses("loss: expected a tensor, got function", lambda: loss, kind=TypeError)
    refuses("No variables to optimize", loss, [])
    refuses(
        r"var_list\[1\]: expected a variable or a list of them, got Tensor", loss, [w, loss], kind=TypeError
    )
    refuses("must have at least one Tensor", loss, whole, gate_gradients=Optimizer.GATE_GRAPH)
    refuses("grad_ys", loss, grad_loss=[1.0, 2.0])
    with pb.Graph():
        other = pb.Variable(1.0)
    refuses("must be from the same graph", loss, [other])
    assert str(graph) == before


def test_rule_75_no_variables_in_the_graph(graph: pb.Graph) -> None:
    refuses("No variables to optimize", pb.constant(1.0))


def test_rule_75_no_gradients(graph: pb.Graph) -> None:
    w = pb.Variable(1.0, name="w")
    with pytest.raises(
        ValueError, match=r"No gradients provided for any variable, check your graph .* 'w' and loss 'y'"
    ):
        optimizer().minimize(pb.constant(1.0, name="y"))
    with pytest.raises(ValueError, match="No gradients provided for any variable: 'w'"):
        optimizer().apply_gradients([(None, w)])
    with pytest.raises(ValueError, match="No variables provided"):
        optimizer().apply_gradients([])


def test_rule_75_what_apply_gradients_refuses(graph: pb.Graph) -> None:
    w, whole = pb.Variable([1.0, 2.0], name="w"), pb.Variable(1, name="n")
    g = pb.constant([1.0, 2.0])
    with pb.Graph():
        foreign = pb.constant([1.0, 2.0])
        count = pb.Variable(0, "count", trainable=False)
    momentum = pb.train.MomentumOptimizer(0.1, 0.9)
    wrong: Any
    for wrong, match, kind in (
        (3, "grads_and_vars: expected pairs, got int", TypeError),
        ([w], r"grads_and_vars\[0\]: expected a pair of a gradient and a variable", TypeError),
        ([(g, w), (g, g)], r"grads_and_vars\[1\]: expected a variable to change, got Tensor", TypeError),
        ([(g, w), (pb.constant(1), whole)], "Invalid type i32 for variable 'n'", TypeError),
        ([(g, w), ("g", w)], r"grads_and_vars\[1\]: expected a tensor.*got str", TypeError),
        (
            [(pb.ones((3,)), w)],
            r"grads_and_vars\[0\]: variable 'w' holds tensor<2xf32>, its gradient is tens",
            ValueError,
        ),
        ([(pb.ones((2,), "f64"), w)], "its gradient is tensor<2xf64>", TypeError),
        (
            [(pb.IndexedSlices(pb.ones((1,)), pb.constant([0]), (3,)), w)],
            "its gradient is tensor<3xf32>",
            ValueError,
        ),
        ([(foreign, w)], "must be from the same graph", ValueError),
    ):
        before = str(graph)
        with pytest.raises(kind, match=match) as error:
            momentum.apply_gradients(wrong)
        assert isinstance(error.value, ValueError)
        assert str(graph) == before
    for wrong, match in (
        (1, "global_step: expected a variable, got int"),
        (w, "global_step: expected a variable of integers"),
        (count, "must be from the same graph"),
    ):
        with pytest.raises(ValueError, match=match):
            momentum.apply_gradients([(g, w)], global_step=wrong)
    assert str(graph) == before
    assert momentum.variables() == []


def test_rule_75_hyperparameters(graph: pb.Graph) -> None:
    wrong: Any
    for wrong in ("0.1", None, True, pb.constant([0.1]), pb.constant(1)):
        with pytest.raises(TypeError, match="learning_rate: expected a number") as error:
            pb.train.GradientDescentOptimizer(wrong)
        assert isinstance(error.value, ValueError)
    with pytest.raises(TypeError, match="momentum: expected a number"):
        pb.train.MomentumOptimizer(0.1, "0.9")  # pyright: ignore[reportArgumentType]
    for beta in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="beta2: expected a number from 0 up to, but not including, 1"):
            pb.train.AdamOptimizer(beta2=beta)
        with pytest.raises(ValueError, match="decay: expected a number from 0 up to, but not including, 1"):
            pb.train.RMSPropOptimizer(0.1, decay=beta)
    wrong = pb.constant(0.9)
    with pytest.raises(TypeError, match="beta1: expected a number, got Tensor"):
        pb.train.AdamOptimizer(beta1=wrong)
    for initial in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="initial_accumulator_value must be positive"):
            pb.train.AdagradOptimizer(0.1, initial)
    with pytest.raises(ValueError, match="is no name"):
        pb.train.GradientDescentOptimizer(0.1, name="")
    with pb.Graph():
        rate = pb.constant(0.1)
    w = pb.Variable(1.0)
    with pytest.raises(ValueError, match="learning_rate must be from the same graph"):
        pb.train.GradientDescentOptimizer(rate).minimize(w * 2.0)
