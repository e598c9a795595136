"""The search: with a test on the text alone, every kind of program shrinks to what the test asks for."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.context import context
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.dialects.verification import verify
from pullback.driver.run_pipeline import lowered
from pullback.tests.kernels.programs import programs
from pullback.tests.reduce.planted import operations, program, scheduled
from pullback.tools.reduce.search import Candidate, Search

LOOP = """
!V = tensor<4xf32>
func.func @main(%x: !V, %n: tensor<i32>) -> (!V, !V) {
  %z = graph.fill {value = 0 : i32} : tensor<i32>
  %k, %y, %w = graph.while %z, %x, %x : tensor<i32>, !V, !V {
  ^bb0(%i: tensor<i32>, %a: !V, %b: !V):
    %c = graph.less %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %a: !V, %b: !V):
    %o = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.add %i, %o : tensor<i32>
    %e = graph.exp %a : !V
    %f = graph.tanh %b : !V
    %g = graph.multiply %e, %f : !V
    graph.yield %j, %g, %b : tensor<i32>, !V, !V
  }
  func.return %y, %w : !V, !V
}
"""
CALLS = """
!V = tensor<?x4xf64>
func.func private @f(%x: !V) -> !V {
  %y = graph.tanh %x : !V
  func.return %y : !V
}
func.func @other(%x: !V) -> !V {
  %y = func.call @f(%x) : (!V) -> !V
  func.return %y : !V
}
func.func @main(%x: !V, %y: !V) -> (!V, !V) {
  %a = func.call @f(%x) : (!V) -> !V
  %b = func.call @f(%a) : (!V) -> !V
  %c = graph.concat %a, %b, %y {axis = 0 : i64} : (!V, !V, !V) -> !V
  %dx, %dy = graph.gradients of (%b, %c) wrt (%x, %y) : (!V, !V, !V, !V) -> (!V, !V)
  func.return %c, %dx : !V, !V
}
"""
STATE = """
!V = tensor<5x7xf64>
func.func @main(%x: !V) -> !V {
  %w = graph.variable {variable = "w"} : !graph.ref<!V>
  %c = graph.constant dense<[1.25, 2.5, 3.75, 4.0, 5.0, 6.0, 7.0]> : tensor<7xf64> loc("weights")
  %v = graph.read %w : (!graph.ref<!V>) -> !V
  %y = graph.multiply %v, %c : (!V, tensor<7xf64>) -> !V
  %s = graph.add %y, %x {device = "gpu"} : !V
  graph.assign_sub %w, %s : !graph.ref<!V>, !V
  %r = graph.read %w : (!graph.ref<!V>) -> !V
  %t = graph.reshape %r : (!V) -> tensor<35xf64>
  %u = graph.sum %t {axes = array<i64: 0>} : (tensor<35xf64>) -> tensor<f64>
  %z = graph.add %r, %u : (!V, tensor<f64>) -> !V
  func.return %z : !V
}
"""


def search(text: str, *wanted: str) -> Search:
    """A search for a program with these words, each candidate of which is checked once more as text."""

    def test(module: ModuleOp, text: str) -> bool:
        verify(parse(context(), text).module)
        return all(word in text for word in wanted)

    made = Search(parse(context(), text).module, test)
    assert test(made.best.module, made.best.text)
    made.run()
    return made


def smallest(text: str, *wanted: str) -> str:
    return search(text, *wanted).best.text


@pytest.mark.parametrize(
    ("text", "word", "count"),
    [
        (LOOP, "graph.tanh", 1),  # its body in place of the loop
        (LOOP, "graph.while", 2),  # and the condition
        (CALLS, "graph.gradients", 1),
        (CALLS, "graph.concat", 1),
        (CALLS, "graph.tanh", 1),
        (STATE, "graph.sum", 1),
        (STATE, "graph.assign_sub", 2),
        (STATE, "graph.read", 2),
        (STATE, "graph.reshape", 1),
        (STATE, "graph.constant", 1),
    ],
)
def test_one_operation_is_left(text: str, word: str, count: int) -> None:
    made = smallest(text, word)
    assert operations(made) == count, made
    assert "loc(" not in made and "device" not in made


def test_a_call_is_left_where_it_is_asked_for() -> None:
    made = smallest(CALLS, "func.call", "graph.tanh")
    assert made.count("func.func") == 2
    assert made.count("func.call") == 1


def test_nothing_is_left_of_what_no_one_asks_for() -> None:
    for text in (LOOP, CALLS, STATE, program(5, 0), scheduled(program(5, 0))):
        assert operations(smallest(text)) == 0


def test_shapes_constants_and_dtypes() -> None:
    made = smallest(STATE, "graph.multiply", "graph.constant")
    assert "5x7" not in made and "1.25" not in made
    assert "dense<0.000000e+00>" in made
    assert "f32" in smallest(
        "func.func @main(%x: tensor<4xf64>, %y: tensor<4xf16>, %z: tensor<f32>) { func.return }",
        "%x",
        "%y",
        "%z",
    )
    assert "?" not in smallest(CALLS, "graph.tanh")


def test_schedules_and_memory_plans() -> None:
    text = scheduled(program(10, 2))
    assert "vector = " in text and "memory = " in text
    made = smallest(text, "schedule<kind = rows")
    assert operations(made) <= 1
    assert "vector" not in made and "memory" not in made and "arena" not in made
    assert "unroll = 4" in smallest(text, "unroll = 4")


@pytest.mark.parametrize("pipeline", ["finish,kernels,loops", "finish,kernels,gpu"])
def test_lowered_programs_shrink_too(pipeline: str) -> None:
    """Of functions on memory arguments and results stay, and what nothing uses goes."""
    text = print_module(lowered(parse(context(), program(3, 1, pointwise=True)).module, pipeline))
    made = smallest(text, "math.tanh")
    assert len(made) < len(text) / 3


def test_the_same_search_finds_the_same() -> None:
    text = program(8, 2)
    first, second = search(text, "graph.tanh"), search(text, "graph.tanh")
    assert (first.best.text, first.counts) == (second.best.text, second.counts)


def test_long_chains() -> None:
    """As long as they are, nothing is removed by recursion."""
    lines = [f"  %{i + 1} = graph.tanh %{i} : tensor<f32>" for i in range(700)]
    head = "func.func @main(%0: tensor<f32>) -> tensor<f32> {"
    text = "\n".join(
        [head, *lines, "  %s = graph.sin %1 : tensor<f32>", "  func.return %s : tensor<f32>", "}"]
    )
    assert operations(smallest(text.replace("%s : ", "%700 : "), "graph.sin")) == 1
    assert operations(smallest(text, "graph.tanh")) == 1


def test_no_candidate_is_tested_twice() -> None:
    seen: list[str] = []

    def test(module: ModuleOp, text: str) -> bool:
        seen.append(text)
        return "graph.tanh" in text

    module = parse(context(), program(8, 2)).module
    before = print_module(module)
    made = Search(module, test)
    made.run()
    assert len(seen) == len(set(seen)) == made.counts.tested
    assert print_module(module) == before


def test_sizes_fall() -> None:
    sizes = [Candidate.of(parse(context(), STATE).module).size]

    def test(module: ModuleOp, text: str) -> bool:
        size = Candidate.of(module).size
        if "graph.sum" not in text:
            return False
        assert size < sizes[-1]
        sizes.append(size)
        return True

    Search(parse(context(), STATE).module, test).run()
    assert sizes[-1].operations == 1


@given(st.data())
@settings(max_examples=4)
def test_random_programs_shrink_to_one_kind_of_operation(data: st.DataObject) -> None:
    """With loops, variables, slices and kernels: every candidate is a program, and little is left."""
    made = data.draw(programs()).module
    pipeline = data.draw(st.sampled_from(["", "finish", "finish,kernels"]))
    text = print_module(lowered(made, pipeline) if pipeline else made)
    names = {f" {op.name} " for op in parse(context(), text).module.walk() if op.name in OPS}
    assume(any("yield" not in name for name in names))
    wanted = data.draw(st.sampled_from(sorted(n for n in names if n in text and "yield" not in n)))
    assert operations(smallest(text, wanted)) <= 4
