"""Rules 47 to 55: gradient functions, registered and looked up by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from xdsl.ir import Operation

import pullback as pb
from pullback.dialects.graph.elementwise.trigonometric import Tanh
from pullback.passes.gradients.rule_registry import unregister


class Registrations:
    """Registers functions under fresh names, and takes them back when the test is over."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def add(self, function: Callable[..., Any] | None) -> str:
        name = f"rules/{len(self.names)}"
        self.names.append(name)
        if function is None:
            pb.NotDifferentiable(name)
        else:
            pb.RegisterGradient(name)(function)
        return name


@pytest.fixture
def registered() -> Iterator[Registrations]:
    registrations = Registrations()
    yield registrations
    for name in registrations.names:
        unregister(name)


def overridden(graph: pb.Graph, rule: str, x: pb.Tensor) -> pb.Tensor:
    with graph.gradient_override_map({"tanh": rule}):
        return pb.tanh(x, name="t")


def test_rule_47_registration_is_by_name_and_looked_up_late(
    graph: pb.Graph, registered: Registrations
) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = overridden(graph, "rules/0", x)
    with pytest.raises(LookupError, match=r"No gradient defined for operation 't' \(op type: rules/0\)"):
        pb.gradients(y, x)
    registered.add(lambda op, dy: dy * 7.0)
    assert pb.run(pb.gradients(y, x)[0]) == 7


def test_rule_47_names_are_strings_and_taken_once(registered: Registrations) -> None:
    name = registered.add(lambda op, dy: dy)
    with pytest.raises(KeyError, match="Registering two gradient with name 'rules/0'"):
        pb.RegisterGradient(name)(lambda op, dy: dy)
    with pytest.raises(KeyError, match="Registering two gradient"):
        pb.NotDifferentiable(name)
    for wrong in (3, None, Tanh):
        with pytest.raises(TypeError, match="op_type must be a string"):
            pb.RegisterGradient(wrong)  # pyright: ignore[reportArgumentType]


def test_rule_47_the_name_of_an_operation_registers_for_all_of_them(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = pb.tanh(x)

    @pb.gradient_of(Tanh)
    def doubled(op: Operation, dy: pb.Tensor) -> pb.Tensor:
        assert isinstance(op, Tanh)
        return dy * 2.0

    try:
        assert doubled(y.op, y) is not None
        assert pb.run(pb.gradients(y, x)[0]) == 2
    finally:
        unregister("graph.tanh")
    assert pb.run(pb.gradients(y, x)[0], {x: 0.0}) == 1


def test_rule_48_not_differentiable_gives_none(graph: pb.Graph, registered: Registrations) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = overridden(graph, registered.add(None), x)
    assert pb.NoGradient is pb.NotDifferentiable
    assert pb.gradients(y, x) == [None]
    assert pb.run(pb.gradients(y + x, x)[0]) == 1


def test_rule_49_operations_without_inputs_need_no_gradient(graph: pb.Graph) -> None:
    with graph.gradient_override_map({"constant": "nobody registers this", "fill": "nor this"}):
        c, f = pb.constant([1.0, 2.0]), pb.ones((2,))
    dc, df = pb.gradients(c * f, [c, f])
    np.testing.assert_array_equal(pb.run(dc), [1, 1])
    np.testing.assert_array_equal(pb.run(df), [1, 2])


def test_rule_50_a_path_through_an_operation_without_a_gradient(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    with pb.name_scope("layer"):
        t = overridden(graph, "nobody registers this", x)
    with pytest.raises(LookupError, match=r"No gradient defined for operation 'layer/t' \(op type: nobody"):
        pb.gradients(t * 0.0, x)
    assert pb.gradients(pb.cast(pb.cast(t, "i32"), "f32"), x) == [None]
    assert pb.run(pb.gradients(t * 3.0, t)[0]) == 3


def test_rule_51_one_gradient_per_input(graph: pb.Graph, registered: Registrations) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = overridden(graph, registered.add(lambda op, dy: (dy, dy)), x)
    with pytest.raises(
        ValueError, match=r"Num gradients 2 generated for op 't' .* do not match num inputs 1"
    ):
        pb.gradients(y, x)


@pytest.mark.parametrize("wrong", [3.0, np.ones(3, np.float32), "dy", {}])
def test_rule_52_gradients_are_tensors_slices_or_none(
    graph: pb.Graph, registered: Registrations, wrong: object
) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    y = overridden(graph, registered.add(lambda op, dy: wrong), x)
    with pytest.raises(ValueError, match=rf"'t' .* input 0 must be a tensor.*{type(wrong).__name__}"):
        pb.gradients(y, x)


def test_rule_52_exceptions_pass_unchanged(graph: pb.Graph, registered: Registrations) -> None:
    def fails(op: Operation, dy: pb.Tensor) -> pb.Tensor:
        pb.negative(dy)  # an operation that must be taken back
        raise ZeroDivisionError("mine")

    x = pb.placeholder("f32", (3,), name="x")
    y = overridden(graph, registered.add(fails), x)
    before = str(graph)
    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        pb.gradients(y, x)
    assert str(graph) == before


def test_rule_52_slices_and_variables_may_be_returned(graph: pb.Graph, registered: Registrations) -> None:
    x = pb.placeholder("f32", (3, 2), name="x")

    def one_row(op: Operation, dy: pb.Tensor) -> pb.IndexedSlices:
        return pb.IndexedSlices(pb.ones((1, 2)), pb.constant([1]), (3, 2))

    y = overridden(graph, registered.add(one_row), x)
    (dx,) = pb.gradients(y, x)
    assert isinstance(dx, pb.IndexedSlices)
    np.testing.assert_array_equal(pb.run(dx).dense(), [[0, 0], [1, 1], [0, 0]])


def test_rule_53_a_gradient_has_the_shape_of_its_input(graph: pb.Graph, registered: Registrations) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    y = overridden(graph, registered.add(lambda op, dy: pb.sum(dy)), x)
    with pytest.raises(
        ValueError, match="Incompatible shapes between op input and calculated input gradient"
    ) as e:
        pb.gradients(y, x)
    for part in ("Forward operation: t.", "Input index: 0.", "tensor<3xf32>", "tensor<f32>"):
        assert part in str(e.value)


def test_rule_53_dtypes_are_checked_too(graph: pb.Graph, registered: Registrations) -> None:
    x = pb.placeholder("f32", (3,), name="x")
    y = overridden(graph, registered.add(lambda op, dy: pb.cast(dy, "f64")), x)
    with pytest.raises(ValueError, match="Incompatible types between op input and calculated input gradient"):
        pb.gradients(y, x)


def test_rule_54_overrides_bind_when_an_operation_is_created(
    graph: pb.Graph, registered: Registrations
) -> None:
    x = pb.placeholder("f32", (), name="x")
    ten, twenty = registered.add(lambda op, dy: dy * 10.0), registered.add(lambda op, dy: dy * 20.0)
    before = pb.tanh(x)
    with graph.gradient_override_map({"tanh": ten}):
        first = pb.tanh(x)
        with graph.gradient_override_map({"graph.tanh": twenty}):
            second = pb.tanh(x)
        third = pb.tanh(x)
        at_gradients_time = pb.gradients(before, x)[0]
    assert pb.run([pb.gradients(y, x)[0] for y in (first, second, third)]) == [10, 20, 10]
    assert pb.run(at_gradients_time, {x: 0.0}) == 1


def test_rule_54_an_override_may_name_another_operation(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = overridden(graph, "identity", x)
    assert pb.run(pb.gradients(y, x)[0], {x: 3.0}) == 1


@pytest.mark.parametrize("wrong", [[("tanh", "a")], {"tanh": 3}, {3: "a"}], ids=str)
def test_rule_54_overrides_are_a_dict_of_strings(graph: pb.Graph, wrong: object) -> None:
    with pytest.raises(TypeError, match="gradient_override_map: expected"):
        graph.gradient_override_map(wrong)  # pyright: ignore[reportArgumentType]


def test_rule_54_unknown_operations_are_refused(graph: pb.Graph) -> None:
    with pytest.raises(ValueError, match="no operation is called 'Tanh'"):
        graph.gradient_override_map({"Tanh": "a"})


def test_rule_55_stop_gradient(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (), name="x")
    y = pb.stop_gradient(x * x) * x
    assert pb.run(pb.gradients(y, x)[0], {x: 3.0}) == 9


def test_rule_55_prevent_gradient(graph: pb.Graph) -> None:
    x = pb.placeholder("f32", (2,), name="x")
    y = pb.prevent_gradient(x * x, message="not defined at kinks")
    with pytest.raises(LookupError, match=r"Gradient explicitly disabled\. Reason: not defined at kinks"):
        pb.gradients(y, x)
    assert pb.gradients(y, [y])[0] is not None
    np.testing.assert_array_equal(pb.compile([x], [y], target="cpu")(np.array([2, 3], np.float32))[0], [4, 9])
