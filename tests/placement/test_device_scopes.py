"""Devices from Python: variables stay where they were made, updates go to them, and remarks say the rest."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.dialects.graph.state.copy_to import CopyTo
from pullback.dialects.graph.state.variables import Update, VariableOp
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.placement.device_requests import operations_in
from pullback.passes.placement.device_warnings import DeviceWarning

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def placed(step: pb.Step) -> list[tuple[str, str]]:
    """The operations of a step and their devices, after `place-devices` for GPUs."""
    module = pb.pipeline("place-devices{device=cuda}")(step.module("graph")).op
    (function,) = module.ops
    found: list[tuple[str, str]] = []
    for op in operations_in(function.regions[0].block):
        label = op.label if isinstance(op, VariableOp) else op.name.removeprefix("graph.")
        found.append((label, str(op.attributes.get("device", "")).strip('"')))
    return found


def test_a_variable_is_read_where_it_was_made() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        with pb.device("/cpu:0"):
            w = pb.Variable(np.ones((3, 2), np.float32), name="w")
        with pb.device("/gpu:1"):
            y = pb.tanh(x @ w)
            rows = pb.sum(w.sparse_read([0, 1]))
        assert w.device == "/cpu:0" and "device" not in w.read().op.attributes
        step = pb.compile([x], [y, rows], target="numpy")
    found = placed(step)
    assert {("w", "cpu:0"), ("read", "cpu:0"), ("matmul", "cuda:1"), ("tanh", "cuda:1")} <= {*found}
    assert {op: device for op, device in found if op in ("read_rows", "sum")} == {
        "read_rows": "cpu:0",
        "sum": "cuda:1",
    }
    np.testing.assert_allclose(step(X)[0], np.tanh(X @ np.ones((3, 2))), rtol=1e-6)


def test_optimizers_work_where_their_variables_are() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        with pb.device("/cpu:0"):
            w = pb.Variable(np.ones(3, np.float32), name="w")
            count = pb.Variable(0, name="count")
        with pb.device("/gpu:1"):
            v = pb.Variable(np.ones(3, np.float32), name="v")
            loss = pb.sum(x * w * v)
        optimizer = pb.train.AdamOptimizer(0.1)
        with pb.device("/gpu:2"):  # nothing of this is there
            update = optimizer.minimize(loss, count, colocate_gradients_with_ops=True)
        slots = {
            optimizer.get_slot(variable, name) for variable in (w, v) for name in optimizer.get_slot_names()
        }
        step = pb.compile([x], [loss, update], target="numpy")
    assert sorted(str(s.device) for s in slots if s is not None) == ["/cpu:0"] * 2 + ["/gpu:1"] * 2
    found = placed(step)
    assert "cuda:2" not in {device for _, device in found}
    where = dict(found)
    assert [where[name] for name in ("w/Adam", "v/Adam", "count", "beta1_power")] == [
        "cpu:0",
        "cuda:1",
        "cpu:0",
        "cuda:0",
    ]
    assert (
        sum(op == "copy_to" for op, _ in found) == 6
    )  # w there, its gradient back; two powers to two variables


def test_an_update_elsewhere_is_an_error_at_its_line() -> None:
    with pb.Graph():
        with pb.device("/gpu:1"):
            w = pb.Variable(0.0, name="w")
        with pb.device("/gpu:0"):
            update = w.assign_add(1.0)
        step = pb.compile([], [update], target="simt")
    message = r"'graph.assign_add' asks for variable 'w' on cuda:0, and 'graph.variable' \(.*py:\d+\) for it on cuda:1"
    with pytest.raises(DiagnosticError, match=message):
        step()


def test_functions_use_variables_where_these_are() -> None:
    with pb.Graph():
        with pb.device("/gpu:1"):
            w = pb.Variable([1.0, 2.0, 3.0], name="w")

        @pb.function
        def scaled(x: pb.Tensor) -> pb.Tensor:
            with pb.device("/gpu:2"):
                return x * w

        x = pb.placeholder("f32", (3,), name="x")
        with pb.device("/cpu:0"):
            y = scaled(x)
        step = pb.compile([x], [y], target="numpy")
    where = dict(placed(step))
    assert (where["w"], where["read"], where["multiply"]) == ("cuda:1", "cuda:1", "cuda:2")


def test_one_remark_says_that_devices_are_ignored() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        with pb.device("/gpu:1"):
            y = pb.tanh(x)
        with pb.device("/gpu:0"):
            z = pb.exp(y)
        step = pb.compile([x], [z])
    with pytest.warns(DeviceWarning, match=r"^devices are ignored: 'graph.tanh' asks for cuda:1") as caught:
        step(X)
    assert [w.filename for w in caught] == [__file__]
    step(X)  # it was compiled before


def test_soft_placement_is_asked_for_by_a_pass() -> None:
    with pb.Graph():
        x = pb.placeholder("f32", (2, 3), name="x")
        with pb.device("/gpu:7"):
            y = pb.tanh(x)
        with pb.device("/cpu:0"):
            z = pb.exp(y)
        there = 'place-devices{available="cuda:0"}'
        hard, soft = (
            pb.compile([x], [z], target="simt", pipeline=text)
            for text in (there, there.replace("}", " soft}"))
        )
    with pytest.raises(
        DiagnosticError, match=r"'graph.tanh' is to run on cuda:7, which is not there: there are cpu:0"
    ):
        hard(X)
    with pytest.warns(DeviceWarning, match=r"^cuda:7 is not there: 'graph.tanh' runs on cuda:0"):
        (found,) = soft(X)
    np.testing.assert_allclose(found, np.exp(np.tanh(X)), rtol=1e-6)


def test_towers_train_as_on_one_device() -> None:
    """Two GPUs share a variable of the host; each sums its gradients, and one sum of each goes there."""
    losses: dict[str, list[float]] = {}
    for target in ("numpy", "simt"):
        with pb.Graph():
            x = pb.placeholder("f32", (2, 3), name="x")
            with pb.device("/cpu:0"):
                w = pb.Variable(np.full((3, 1), 0.5, np.float32), name="w")
            towers: list[pb.Tensor] = []
            for number in range(2):
                with pb.device(f"/gpu:{number}"):
                    y = x[number : number + 1] @ w
                    towers += [pb.sum(y * y), pb.sum(pb.tanh(y @ pb.transpose(w)))]
            with pb.device("/cpu:0"):
                loss = pb.add_n(towers)
            update = pb.train.GradientDescentOptimizer(0.01).minimize(loss, colocate_gradients_with_ops=True)
            step = pb.compile([x], [loss, update], target=target)
        losses[target] = [float(step(X)[0]) for _ in range(2)]
        if target == "simt":
            main = step.module("kernels", [(2, 3)]).op.body.block.first_op
            assert main is not None
            ops = list(operations_in(main.regions[0].block))
            assert {str(op.attributes["device"]) for op in ops if isinstance(op, Update)} == {'"cpu:0"'}
            # w to both, x to the second; four losses to the host, as many seeds back; one sum of gradients from each
            assert sum(isinstance(op, CopyTo) for op in ops) == 13
    np.testing.assert_allclose(losses["simt"], losses["numpy"], rtol=1e-5)
