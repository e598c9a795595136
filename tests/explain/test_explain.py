"""`explain` where there is a gradient, or an error; and that it leaves the graph unchanged."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from xdsl.dialects.builtin import UnregisteredOp

import pullback as pb
from pullback.passes.explain.explanation import Reason, Status
from pullback.passes.gradients import rule_registry

pytestmark = pytest.mark.usefixtures("graph")


def vector(name: str = "x") -> pb.Tensor:
    return pb.placeholder("f32", (3,), name=name)


def test_a_path_with_rules_operands_and_broadcasting() -> None:
    x, b = vector(), pb.placeholder("f32", (2, 3), name="b")
    y = pb.sum(b * pb.tanh(x), axis=1)
    explanation = pb.explain(y, x)
    assert explanation.connected
    assert [(s.place.op, s.operand, s.value, s.summed_from) for s in explanation.path] == [
        ("graph.sum", 0, "multiply", None),
        ("graph.multiply", 1, "tanh", "tensor<2x3xf32>"),
        ("graph.tanh", 0, "x", None),
    ]
    assert {s.rule for s in explanation.path} == {"class"}
    assert explanation.path[1].operand_name == "rhs"
    assert (explanation.paths, explanation.terms, explanation.cuts) == (1, 1, ())


def test_paths_are_counted_not_walked() -> None:
    x = vector()
    y = x
    for _ in range(100):
        y = y + y
    explanation = pb.explain(y, x)
    assert explanation.paths == 2**100
    assert len(explanation.path) == len(explanation.operations) == 100


def test_a_chain_of_5000_operations() -> None:
    x = y = vector()
    for _ in range(5000):
        y = pb.tanh(y)
    explanation = pb.explain(y, x)
    assert len(explanation.path) == 5000


def test_a_shortest_path_and_the_terms_of_x() -> None:
    x = vector()
    explanation = pb.explain(pb.exp(pb.tanh(x)) + x, x)
    assert [s.place.op for s in explanation.path] == ["graph.add"]
    assert (explanation.paths, explanation.terms) == (2, 2)
    assert "2 paths through 3 operations" in str(explanation)
    assert "one of 2 terms" in str(explanation)


def test_x_is_y() -> None:
    x = vector()
    assert "the seed itself" in str(pb.explain(x, x))


def test_dependent_ys() -> None:
    x = vector()
    y = pb.tanh(x)
    explanation = pb.explain([pb.exp(y), y], x)
    assert explanation.paths == 2
    assert explanation.ys == ("exp", "tanh")
    assert str(explanation).startswith("d (exp + tanh) / d x: 2 paths")


def test_a_variable_and_what_is_made_of_numbers() -> None:
    w = pb.Variable(np.ones(3, np.float32), name="w")
    assert [s.place.op for s in pb.explain(w * 2.0, w).path] == ["graph.multiply", "graph.read"]
    assert pb.explain([3.0, w], w).paths == 1


def test_other_ways_that_are_cut() -> None:
    x = vector()
    explanation = pb.explain(x * pb.stop_gradient(x), x)
    assert explanation.connected
    assert [cut.reason for cut in explanation.cuts] == [Reason.NOT_DIFFERENTIABLE]
    assert "other ways end before x" in str(explanation)


def test_loops_and_slices() -> None:
    table = pb.placeholder("f32", (4, 2), name="table")
    rows = pb.gather(table, [1, 1])
    z = pb.while_loop(lambda p: pb.sum(p) < 9.0, lambda p: [p * rows], [rows])[0]
    explanation = pb.explain(z, table)
    assert [s.rule for s in explanation.path] == ["loop", "class"]
    assert explanation.paths == 2


def test_operations_of_an_earlier_request_and_their_roles() -> None:
    x = vector()
    y = pb.tanh(x)
    (dx,) = pb.gradients(y, [x])
    first = pb.explain(y, x)
    assert [(m.origin, m.op) for m in first.seeds] == [("seed", "graph.fill")]
    assert {m.origin for m in first.path[0].made} == {"gradient"}
    second = pb.explain(dx, x)
    assert second.path[0].role == "gradient of tanh"


def test_it_adds_nothing(graph: pb.Graph) -> None:
    x, w = vector(), pb.Variable(np.ones(3, np.float32), name="w")
    y = pb.while_loop(lambda p: pb.sum(p) < 9.0, lambda p: [p * x], [pb.tanh(w)])[0]
    before = str(graph)
    for target in (x, w, 3.0):
        pb.explain([y, w, 2.0], target)
    assert str(graph) == before
    assert pb.tanh(x).name == "tanh_1"  # names are free again


def test_given_gradients_of_ys(graph: pb.Graph) -> None:
    z = pb.placeholder("complex<f32>", (3,), name="z")
    y, part = z * z, pb.real(z)
    wrong = [[None, None], pb.ones((4,), "complex<f32>"), pb.ones((3,))]
    before = str(graph)
    with pytest.raises(ValueError, match="must set grad_ys"):
        pb.explain(y, z)
    assert pb.explain(y, z, grad_ys=np.ones(3, np.complex64)).paths == 2
    assert pb.explain([y, part], z, grad_ys=[[1j, 1.0, 2.0], None]).paths == 3
    for grad_ys in wrong:
        with pytest.raises(ValueError, match="grad_ys"):
            pb.explain(y, z, grad_ys=grad_ys)
    assert str(graph) == before


# ---- errors --------------------------------------------------------------------------------------------------


def missing(x: pb.Tensor, graph: pb.Graph) -> pb.Tensor:
    op = UnregisteredOp.with_name("other.op").create(operands=[x.value], result_types=[x.type])
    graph.insert(op)
    return pb.Tensor(op.results[0])


def test_a_missing_rule_and_how_to_define_it(graph: pb.Graph) -> None:
    x = vector()
    y = pb.exp(missing(pb.tanh(x), graph))
    with pytest.raises(LookupError):
        pb.gradients(y, [x])
    explanation = pb.explain(y, x)
    assert explanation.status is Status.ERROR
    assert [s.place.op for s in explanation.path] == ["graph.exp"]
    assert "op type: other.op" in (explanation.error or "")
    assert 'pb.RegisterGradient("other.op")' in str(explanation)
    assert 'pb.NotDifferentiable("other.op")' in str(explanation)


def test_a_missing_rule_behind_a_cut_is_no_error(graph: pb.Graph) -> None:
    x = vector()
    y = missing(pb.stop_gradient(x), graph)
    assert pb.gradients(y, [x]) == [None]
    explanation = pb.explain(y, x)
    assert explanation.status is Status.NONE
    assert [(c.reason, c.alone) for c in explanation.cuts] == [(Reason.FAILURE, False)]


@pytest.fixture
def wrong() -> Iterator[str]:
    @pb.RegisterGradient("WrongNumber")
    def rule(op: Any, dy: Any) -> Any:
        return dy, dy

    yield "WrongNumber"
    rule_registry.unregister("WrongNumber")


def test_a_rule_that_returns_what_it_must_not(wrong: str, graph: pb.Graph) -> None:
    x = vector()
    with graph.gradient_override_map({"tanh": wrong}):
        y = pb.tanh(x)
    explanation = pb.explain(y, x)
    assert explanation.status is Status.ERROR
    assert "Num gradients 2" in str(explanation)


def test_a_loop_that_updates_a_variable() -> None:
    x, w = vector(), pb.Variable(np.ones(3, np.float32), name="w")

    def body(p: pb.Tensor) -> list[pb.Tensor]:
        w.assign(p)
        return [p * x]

    y = pb.while_loop(lambda p: pb.sum(p) < 9.0, body, [x])[0]
    assert "its body updates a variable" in (pb.explain(y, x).error or "")


@pytest.mark.parametrize(
    ("ys", "x", "message"),
    [
        (lambda x: x > 0.0, None, r"ys\[0\] .* is i1"),
        (lambda x: x, "text", "x: expected a tensor"),
        (lambda x: None, None, r"ys\[0\]: expected a tensor"),
    ],
)
def test_wrong_arguments(ys: Any, x: Any, message: str) -> None:
    tensor = vector()
    with pytest.raises(ValueError, match=message):
        pb.explain(ys(tensor), tensor if x is None else x)


def test_a_graph_that_fails_after_a_loop_is_as_it_was(graph: pb.Graph) -> None:
    x = vector()
    y = pb.while_loop(lambda p: pb.sum(p) < 9.0, lambda p: [p * x], [missing(x, graph)])[0]
    before = str(graph)
    with pytest.raises(LookupError):
        pb.gradients(y, [x])
    assert str(graph) == before
    assert pb.explain(y, x).status is Status.ERROR
    assert str(graph) == before


def test_a_tree_for_terminals() -> None:
    x = vector()
    y = pb.stop_gradient(x)
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=100).print(pb.explain(y, x))
    assert "└── at stop_gradient" in out.getvalue()
    assert "\x1b[" in out.getvalue()
