"""Every reason for which a gradient is `None`: distinguished, and named with its operation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pullback as pb
from pullback.passes.explain.explanation import Reason, Status
from pullback.passes.gradients import rule_registry

pytestmark = pytest.mark.usefixtures("graph")


def vector(name: str = "x") -> pb.Tensor:
    return pb.placeholder("f32", (3,), name=name)


def why(ys: Any, x: Any, **options: Any) -> pb.Explanation:
    """The explanation of a gradient that is `None`; also that `gradients` agrees."""
    explanation = pb.explain(ys, x, **options)
    assert explanation.status is Status.NONE
    assert pb.gradients(ys, [x], **options) == [None]
    assert json.loads(explanation.to_json()) == json.loads(json.dumps(explanation.to_dict()))
    return explanation


def only_cut(ys: Any, x: Any, **options: Any) -> Any:
    (cut,) = why(ys, x, **options).cuts
    return cut


# ---- operations that have none -------------------------------------------------------------------------------


def test_an_operation_that_is_not_differentiable() -> None:
    x = vector()
    found = only_cut(pb.tanh(pb.stop_gradient(x)), x)
    assert (found.reason, found.place.op, found.operand, found.value) == (
        Reason.NOT_DIFFERENTIABLE,
        "graph.stop_gradient",
        0,
        "x",
    )
    assert "with no gradient through it" in found.why
    assert found.alone


def test_a_comparison_ends_in_truth_values() -> None:
    x = vector()
    mask = pb.greater(x, 0.0, name="mask")
    found = only_cut(pb.where(mask, 1.0, 2.0), x)
    assert (found.reason, found.place.op, found.operand, found.operand_name) == (
        Reason.DTYPE,
        "graph.where",
        0,
        "condition",
    )
    assert "it is tensor<3xi1>" in found.why
    assert "floating point ends at mask (graph.greater)" in found.why


@pytest.fixture
def declared() -> Iterator[str]:
    pb.NotDifferentiable("Nothing")
    yield "Nothing"
    rule_registry.unregister("Nothing")


def test_an_override_that_says_so(declared: str, graph: pb.Graph) -> None:
    x = vector()
    with graph.gradient_override_map({"tanh": declared}):
        y = pb.tanh(x)
    found = only_cut(y, x)
    assert found.reason is Reason.NOT_DIFFERENTIABLE
    assert "override 'Nothing'" in found.why


def test_a_declaration_for_a_type() -> None:
    x = vector()
    y = pb.transpose(x)
    rule_registry.register("graph.transpose", None)
    try:
        found = only_cut(y, x)
    finally:
        rule_registry.unregister("graph.transpose")
    assert "declared so by NotDifferentiable" in found.why


# ---- rules that give nothing ---------------------------------------------------------------------------------


@pytest.fixture
def left_only() -> Iterator[str]:
    @pb.RegisterGradient("LeftOnly")
    def rule(op: Any, dy: Any) -> Any:
        return dy, None

    yield "LeftOnly"
    rule_registry.unregister("LeftOnly")


def test_a_rule_that_gives_an_operand_none(left_only: str, graph: pb.Graph) -> None:
    x, z = vector(), vector("z")
    with graph.gradient_override_map({"multiply": left_only}):
        y = z * pb.tanh(x)
    found = only_cut(y, x)
    assert (found.reason, found.operand, found.operand_name, found.value) == (Reason.RULE, 1, "rhs", "tanh")
    assert "override 'LeftOnly'" in found.why
    connected = pb.explain(y, z)
    assert connected.path[0].rule == "override 'LeftOnly'"


# ---- dtypes --------------------------------------------------------------------------------------------------


def test_an_integer_y_takes_a_seed_that_goes_nowhere() -> None:
    x = vector()
    y = pb.cast(x, "i32", name="whole")
    found = only_cut(y, x)
    assert found.reason is Reason.DTYPE_OF_Y
    assert "y 'whole' is tensor<3xi32>: it takes a seed" in found.why


def test_an_integer_x() -> None:
    x = pb.placeholder("i32", (3,), name="x")
    found = only_cut(pb.cast(x, "f32"), x)
    assert found.reason is Reason.DTYPE_OF_X
    assert pb.explain(x, x).connected  # unless it is y


def test_a_way_through_integers() -> None:
    x = vector()
    whole = pb.cast(x, "i32", name="whole")
    found = only_cut(pb.cast(whole * whole, "f32", name="back"), x)
    assert (found.reason, found.place.name, found.value) == (Reason.DTYPE, "back", "multiply")
    assert "floating point ends at whole (graph.cast)" in found.why
    assert found.alone


def test_indices() -> None:
    x, table = vector(), pb.placeholder("f32", (4, 2), name="table")
    y = pb.gather(table, pb.cast(x, "i32"))
    found = only_cut(y, x)
    assert (found.reason, found.place.op, found.operand_name) == (Reason.DTYPE, "graph.gather", "indices")
    assert pb.explain(y, table).connected


def test_shapes() -> None:
    x = pb.placeholder("f32", (None,), name="x")
    found = only_cut(pb.cast(pb.size(x, name="count"), "f32"), x)
    assert found.reason is Reason.DTYPE
    assert "floating point ends at count (graph.size)" in found.why


# ---- arguments of the request --------------------------------------------------------------------------------


def test_stop_gradients() -> None:
    x = vector()
    h = pb.tanh(x, name="h")
    found = only_cut(pb.exp(h), x, stop_gradients=[h])
    assert (found.reason, found.place.name) == (Reason.STOPPED, "h")
    assert "one of stop_gradients" in found.why


def test_no_y() -> None:
    assert only_cut([], vector()).reason is Reason.NO_Y


def test_no_way_and_what_there_is() -> None:
    x, z, w = vector(), vector("z"), pb.Variable(np.zeros(3, np.float32), name="w")
    explanation = why(pb.tanh(x * w), z)
    assert explanation.cuts[0].reason is Reason.UNUSED
    assert explanation.inputs == ("x (argument)", "w (variable)")
    assert explanation.users == ()


def test_used_elsewhere() -> None:
    x, z = vector(), vector("z")
    pb.exp(z, name="elsewhere")
    explanation = why(pb.tanh(x), z)
    assert explanation.cuts[0].reason is Reason.ELSEWHERE
    assert [user.name for user in explanation.users] == ["elsewhere"]


def test_ys_and_xs_exchanged() -> None:
    x = vector()
    assert only_cut(x, pb.tanh(x)).reason is Reason.REVERSED


def test_a_number_is_a_constant_of_its_own() -> None:
    x = vector()
    assert only_cut(x * 3.0, 3.0).reason is Reason.CONSTANT


def test_a_placeholder_made_twice() -> None:
    first, second = vector(), vector()
    (hint,) = why(pb.tanh(first), second).hints
    assert "y depends on 'x', which looks the same" in hint


# ---- variables -----------------------------------------------------------------------------------------------


def test_another_read() -> None:
    w = pb.Variable(np.zeros(3, np.float32), name="w")
    first, second = w.read(), w.read()
    explanation = why(pb.tanh(second), first)
    assert explanation.cuts[0].reason is Reason.OTHER_READ
    assert "y reads it by read_1" in explanation.hints[0]
    assert pb.explain(pb.tanh(second), w).connected


def test_an_update_in_between() -> None:
    x, w = vector(), pb.Variable(np.zeros(3, np.float32), name="w")
    w.assign(x * 2.0)
    found = only_cut(pb.tanh(w), x)
    assert (found.reason, found.place.op, found.value) == (Reason.ASSIGNMENT, "graph.assign", "multiply")
    assert "variable 'w' was updated there" in found.why


def test_an_update_of_another_variable_is_no_way() -> None:
    x = vector()
    v, w = (pb.Variable(np.zeros(3, np.float32), name=n) for n in "vw")
    v.assign(x)
    assert why(pb.tanh(w), x).cuts[0].reason is Reason.ELSEWHERE


# ---- loops ---------------------------------------------------------------------------------------------------


def loop(body: Callable[..., Any], start: Any, **options: Any) -> pb.Tensor:
    """Three turns."""
    return pb.while_loop(lambda i, p: i < 3, lambda i, p: (i + 1, body(p)), [0, start], **options)[1]


def test_a_loop_without_gradient() -> None:
    x, z = vector(), vector("z")
    found = only_cut(loop(lambda p: p * x, z, back_prop=False), x)
    assert found.reason is Reason.LOOP_WITHOUT_GRADIENT
    assert "back_prop=False" in found.why


def test_what_only_ends_a_loop() -> None:
    x, z = vector(), vector("z")
    y = pb.while_loop(lambda p: pb.sum(p) < pb.sum(x), lambda p: [p * 2.0], [z])[0]
    (found,) = why(y, x).cuts
    assert found.reason is Reason.LOOP_CONDITION


def test_a_cut_inside_of_a_body() -> None:
    x, z = vector(), vector("z")
    found = only_cut(loop(lambda p: p * pb.stop_gradient(x, name="held"), z), x)
    assert (found.reason, found.place.op) == (Reason.NOT_DIFFERENTIABLE, "graph.stop_gradient")
    assert found.inside == "while/while"
    assert "in the loop while/while" in str(found)


def test_a_carried_value_that_reaches_only_an_integer() -> None:
    x, z = vector(), vector("z")
    y = pb.while_loop(lambda i, p: i < 3, lambda i, p: (i + pb.cast(pb.sum(x), "i32"), p * 2.0), [0, z])[1]
    assert only_cut(y, x).reason is Reason.LOOP_BODY


# ---- several -------------------------------------------------------------------------------------------------


def test_all_cuts_are_found_and_few_are_shown() -> None:
    x = vector()
    y = pb.stop_gradient(x)
    for _ in range(8):
        y = y + pb.stop_gradient(x)
    explanation = why(y, x)
    assert len(explanation.cuts) == 9
    assert "… and 4 more" in str(explanation)


def test_a_cut_behind_a_cut() -> None:
    x = vector()
    found = only_cut(pb.stop_gradient(pb.tanh(pb.cast(pb.cast(x, "i32"), "f32"))), x)
    assert found.reason is Reason.NOT_DIFFERENTIABLE
    assert not found.alone
    assert "it is cut again" in str(found)


def explained_inside(y: Any, x: pb.Tensor, start: pb.Tensor) -> pb.Explanation:
    """What is said of y(p) inside of the body of a loop that carries p."""
    found: list[pb.Explanation] = []

    def body(p: pb.Tensor) -> list[pb.Tensor]:
        found.append(pb.explain(y(p), x))
        return [p * 2.0]

    pb.while_loop(lambda p: pb.sum(p) < 9.0, body, [start])
    return found[0]


def test_the_way_goes_on_outside_of_a_body() -> None:
    x = vector()
    h = pb.tanh(x)
    found = explained_inside(lambda p: h * p, x, vector("z"))
    assert found.connected
    assert [step.place.name for step in found.path] == ["while/multiply", "tanh"]


def test_a_cut_outside_of_a_body() -> None:
    x = vector()
    h = pb.stop_gradient(x)
    (cut,) = explained_inside(lambda p: h * p, x, vector("z")).cuts
    assert (cut.reason, cut.place and cut.place.name) == (Reason.NOT_DIFFERENTIABLE, "stop_gradient")


def test_a_way_through_what_the_loop_carries() -> None:
    x = vector()
    found = explained_inside(lambda p: p * 3.0, x, pb.tanh(x))
    assert found.status is Status.ERROR
    assert found.cuts[0].reason is Reason.CARRIED
    (cut,) = explained_inside(lambda p: p * 3.0, x, pb.stop_gradient(x)).cuts
    assert cut.reason is Reason.CARRIED  # it could go no further in any case
