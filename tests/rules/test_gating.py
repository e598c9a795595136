"""Rules 72 to 75: on which device gradients run, and what they wait for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr

import pullback as pb
from pullback.dialects.graph.tensor.location import name_of, role_of


def layers(x: pb.Tensor, weights: list[pb.Variable]) -> pb.Tensor:
    for w in weights:
        x = pb.tanh(x @ w)
    return x


def weights(count: int) -> list[pb.Variable]:
    return [pb.Variable(np.eye(3, dtype=np.float32), name=f"w{i}") for i in range(count)]


def gates(x: pb.Tensor, results: list[pb.Tensor]) -> int:
    return pb.compile([x], results, target="numpy").ir("graph").count("graph.gate ")


def test_rule_72_colocation(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    with pb.device("gpu:1"):
        a = pb.tanh(x, name="a")
    b = pb.exp(a, name="b")
    before = set(graph.operations)
    with pb.device("cpu:0"):
        pb.gradients(b, x, colocate_gradients_with_ops=True)
    devices: dict[str, set[str]] = {}
    for op in graph.operations:
        role = role_of(op)
        if op not in before and role is not None:
            attribute = op.attributes.get("device")
            devices.setdefault(role.forward, set()).add(
                attribute.data if isinstance(attribute, StringAttr) else ""
            )
    assert devices["a"] == {"gpu:1"}
    assert devices["b"] == {"cuda:1"}  # it asks for none, and will be where its operand is


def test_rule_72_seeds_sums_gates_and_zeros_go_where_what_they_serve_is(graph: pb.Graph) -> None:
    """Seeds to their y; sums to what made the value; all else to the operation whose gradient it is."""
    x = pb.placeholder("f32", (2,), name="x")
    with pb.device("gpu:0"):
        a = pb.exp(x, name="a")
    with pb.device("gpu:1"):
        left, right = pb.split(a * a, 2, name="pieces")
    with pb.device("gpu:2"):
        y = pb.multiply(left, 3.0, name="y")
    ops = made_by_gradients(
        graph, lambda: pb.gradients([y, a], [x, left, right, a], colocate_gradients_with_ops=True)
    )
    where = {"y": "gpu:2", "a": "gpu:0", "pieces": "gpu:1", "multiply": "gpu:1"}
    assert {origin for origin, _, _ in ops} == {"seed", "sum", "gate", "gradient", "zero"}
    for _, forward, device in ops:
        assert device == where[forward]


def test_rule_72_a_device_of_a_gradient_function_is_kept(graph: pb.Graph) -> None:
    """A device that a gradient function asks for stays, with colocation, too; what asks for none is colocated."""
    x = pb.placeholder("f32", (2,), name="x")

    def elsewhere(dy: pb.Tensor) -> pb.Tensor:
        with pb.device("gpu:7"):
            return dy * 2.0

    y = pb.custom_gradient(lambda a: (a * 2.0, elsewhere))(x)
    ops = made_by_gradients(graph, lambda: pb.gradients(y, x))
    assert [device for origin, _, device in ops if origin == "gradient"][-1:] == ["gpu:7"]
    with pb.device("cpu:0"):
        z = pb.tanh(y)
    ops = made_by_gradients(graph, lambda: pb.gradients(z, x, colocate_gradients_with_ops=True))
    devices = [(forward, device) for origin, forward, device in ops if origin == "gradient"]
    assert {device for forward, device in devices if forward == "tanh"} == {"cpu:0"}
    assert devices[-1][1] == "gpu:7"


def made_by_gradients(graph: pb.Graph, call: Callable[[], object]) -> list[tuple[str, str, str]]:
    """Origin, forward operation and device of each operation that a call adds."""
    before = set(graph.operations)
    call()
    made: list[tuple[str, str, str]] = []
    for op in graph.operations:
        role, device = role_of(op), op.attributes.get("device")
        if op not in before and role is not None:
            made.append(
                (role.origin.value, role.forward, device.data if isinstance(device, StringAttr) else "")
            )
    return made


def test_rule_72_without_colocation_nothing_is_asked(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    with pb.device("gpu:1"):
        a = pb.tanh(x, name="a")
    before = set(graph.operations)
    pb.gradients(a, x)
    assert not any("device" in op.attributes for op in graph.operations if op not in before)


@pytest.mark.parametrize(
    ("gate", "expected"), [(False, 0), (True, 2), (1, 2), ("op", 2), ("none", 0), ("graph", 1)]
)
def test_rule_73_gates(graph: pb.Graph, gate: bool | str, expected: int) -> None:
    """Three layers: the last two matmuls have two needed gradients each, the first has one, so has each tanh."""
    x = pb.placeholder("f32", (4, 3), name="x")
    ws = weights(3)
    results = pb.gradients(layers(x, ws), ws, gate_gradients=gate)
    assert gates(x, results) == expected
    plain = pb.gradients(layers(x, ws), ws)
    data = np.arange(12, dtype=np.float32).reshape(4, 3) / 10
    for found, known in pb.run(list(zip(results, plain, strict=True)), {x: data}):
        np.testing.assert_array_equal(found, known)


def test_rule_73_only_needed_gradients_count(graph: pb.Graph) -> None:
    x, w = pb.placeholder("f32", (4, 3), name="x"), pb.Variable(np.eye(3, dtype=np.float32))
    y = x @ w
    assert gates(x, pb.gradients(y, [w], gate_gradients=True)) == 0
    assert gates(x, pb.gradients(y, [w, x], gate_gradients=True)) == 1


def test_rule_73_none_stays_none_and_slices_wait_whole(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (4, 2), name="x")
    z = pb.placeholder("f32", (), name="z")
    y = pb.gather(x, np.array([1], np.int32))
    none, slices, dz = pb.gradients(y * z, [pb.constant(1.0), x, z], gate_gradients="graph")
    assert none is None
    assert isinstance(slices, pb.IndexedSlices)
    text = pb.compile([x, z], [slices, dz], target="numpy").ir("graph")
    (gate,) = [line for line in text.splitlines() if "graph.gate " in line]
    assert "!graph.slices" in gate


def test_rule_74_a_gate_is_a_wall_for_updates(graph: pb.Graph) -> None:
    """Both gradients of a product of variables are those of the old contents, though one is updated first."""
    a, b = pb.Variable(np.float32(3), name="a"), pb.Variable(np.float32(5), name="b")
    da, db = pb.gradients(a * b, [a, b], gate_gradients=True)
    pb.run([a.assign_sub(da), b.assign_sub(db)])
    assert (a.numpy(), b.numpy()) == (3 - 5, 5 - 3)


def test_rule_75_tuple_waits_for_all(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    v = pb.Variable(np.zeros(2, np.float32))
    slices = pb.IndexedSlices(pb.ones((1, 2)), pb.constant([1]), (3, 2))
    a, none, b = pb.tuple([pb.tanh(x), None, slices], control_inputs=[v.assign_sub(x)], name="all")
    assert none is None
    assert isinstance(b, pb.IndexedSlices)
    assert isinstance(a, pb.Tensor)
    assert name_of(a.op).startswith("all/")
    pb.run(a, {x: [1.0, 2.0]})
    np.testing.assert_array_equal(v.numpy(), [-1, -2])


def test_rule_75_tuple_of_nothing(graph: pb.Graph) -> None:
    with pytest.raises(ValueError, match="must have at least one Tensor"):
        pb.tuple([None, None])
