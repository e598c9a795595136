"""Rules 20 to 28: names, origins, and what else in a graph gradients touch."""

from __future__ import annotations

import numpy as np
import pytest
from xdsl.ir import Operation

import pullback as pb
from pullback.dialects.graph.tensor.location import Origin, name_of, role_of


def made_by(graph: pb.Graph, ys: pb.Tensor, xs: list[pb.Tensor], **options: object) -> list[Operation]:
    before = set(graph.operations)
    pb.gradients(ys, xs, **options)  # pyright: ignore[reportArgumentType]
    return [op for op in graph.operations if op not in before]


def scopes(ops: list[Operation]) -> set[str]:
    return {name_of(op).partition("/")[0] for op in ops}


def test_rule_20_scopes_are_unique_and_nest(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    y = pb.tanh(x)
    assert scopes(made_by(graph, y, [x])) == {"gradients"}
    assert scopes(made_by(graph, y, [x])) == {"gradients_1"}
    assert scopes(made_by(graph, y, [x], name=None)) == {"gradients_2"}
    assert scopes(made_by(graph, y, [x], name="train")) == {"train"}
    with pb.name_scope("outer"):
        assert all(name_of(op).startswith("outer/gradients/") for op in made_by(graph, y, [x]))
    with pb.name_scope("foo") as foo:
        assert foo == "foo/"
    assert scopes(made_by(graph, y, [x], name="foo/")) == {"foo"}
    assert scopes(made_by(graph, y, [x], name="")) == {"grad_ys_0", "tanh_grad"}


def test_rule_21_gradients_stand_under_the_name_of_the_operation_they_serve(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    with pb.name_scope("nm"), pb.name_scope("blk"):
        y = pb.tanh(x, name="t")
    names = [name_of(op) for op in made_by(graph, y + y * y, [x])]
    assert any(name.startswith("gradients/nm/blk/t_grad/") for name in names)
    assert "gradients/grad_ys_0" in names
    assert any(name.endswith("/sum") for name in names)


def test_rule_22_every_operation_knows_why_it_is_there(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    y = pb.tanh(x, name="t")
    ops = made_by(graph, y + y * y, [x])
    roles = {(role.origin.value, role.forward) for op in ops if (role := role_of(op)) is not None}
    assert all(role_of(op) is not None for op in ops)
    assert (Origin.GRADIENT.value, "t") in roles
    assert (Origin.SUM.value, "t") in roles
    assert (Origin.SEED.value, "add") in roles


def test_rule_23_nothing_is_cached(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    y = pb.tanh(x) * x
    first, second = made_by(graph, y, [x]), made_by(graph, y, [x])
    assert [op.name for op in first] == [op.name for op in second]
    assert pb.gradients(y, x)[0].value is not pb.gradients(y, x)[0].value


def test_rule_25_the_forward_loop_is_left_as_it_was(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    _, y = pb.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a * x), [0, x])
    before = str(graph).removesuffix("    func.return\n  }\n}\n")
    (dx,) = pb.gradients(y, x)
    assert str(graph).startswith(before)
    assert pb.run([y, dx], {x: 2.0}) == [16, 32]


def test_rule_26_control_dependencies_reach_gradients(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    v = pb.Variable(np.zeros(2, np.float32), name="v")
    y = pb.tanh(x)
    update = v.assign(x)
    with pb.control_dependencies([update]):
        ops = made_by(graph, y, [x])
    needs = [name_of(op) for op in ops if op in graph.control_inputs]
    assert needs[0] == "gradients/grad_ys_0"
    with pb.control_dependencies([update]):
        (dx,) = pb.gradients(y, x)
    pb.run(dx, {x: [1.0, 2.0]})
    np.testing.assert_array_equal(v.numpy(), [1, 2])


def test_rule_26_an_operation_needs_through_its_operands(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    v = pb.Variable(np.zeros(2, np.float32), name="v")
    update = v.assign_sub(x)
    with pb.control_dependencies([update]):
        a = pb.tanh(x)
        b = pb.exp(a)
        with pb.control_dependencies(None):
            free = pb.log(x)
    assert a.op in graph.control_inputs
    assert b.op not in graph.control_inputs
    assert free.op not in graph.control_inputs
    pb.run(free, {x: [1.0, 2.0]})
    np.testing.assert_array_equal(v.numpy(), [0, 0])
    pb.run(b, {x: [1.0, 2.0]})
    np.testing.assert_array_equal(v.numpy(), [-1, -2])


def test_rule_27_an_error_leaves_the_graph_as_it_was(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    with graph.gradient_override_map({"tanh": "nobody registers this"}):
        y = pb.tanh(x)
    z = pb.exp(y)
    before = str(graph)
    with pytest.raises(LookupError, match="No gradient defined for operation 'tanh'"):
        pb.gradients([[z, z]], x)
    assert str(graph) == before
    assert scopes(made_by(graph, z, [y])) == {"gradients"}


def test_rule_27_an_error_inside_a_loop_leaves_the_graph_usable(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")

    def body(i: pb.Tensor, a: pb.Tensor) -> tuple[pb.Tensor, pb.Tensor]:
        with graph.gradient_override_map({"tanh": "nobody registers this"}):
            return i + 1, pb.tanh(a)

    _, y = pb.while_loop(lambda i, _: i < 3, body, [0, x])
    before = str(graph)
    with pytest.raises(LookupError, match="No gradient defined"):
        pb.gradients(y, x)
    assert str(graph) == before
    assert pb.run(y * 2.0, {x: 0.0}) == 0


def test_rule_28_a_device_holds_for_gradients(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    y = pb.tanh(x)
    with pb.device("gpu:0"):
        ops = made_by(graph, y, [x])
        with pb.device(None):
            bare = pb.exp(x)
    assert {str(op.attributes["device"]) for op in ops} == {'"gpu:0"'}
    assert "device" not in bare.op.attributes
