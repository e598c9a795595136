"""The walks of form-kernels, one by one, on the examples in their docstrings."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.ir import Block, SSAValue

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.passes.kernels.form.classify import Classified, Computed, Outside, classify
from pullback.passes.kernels.form.grouping import Groups, group
from pullback.passes.kernels.form.legalize import legalize
from pullback.passes.kernels.form.rematerialize import rematerialize

CENTERED = """
func.func @main(%x: tensor<64x10xf32>, %v: tensor<10xf32>, %w: tensor<10x8xf32>) -> tensor<64x8xf32> {
  %b = graph.broadcast_to %v {shape = array<i64: 64, 10>} : (tensor<10xf32>) -> tensor<64x10xf32>
  %h = graph.add %x, %b : tensor<64x10xf32>
  %m = graph.max %h {axes = array<i64: 1>, keepdims = true} : (tensor<64x10xf32>) -> tensor<64x1xf32>
  %d = graph.subtract %h, %m : (tensor<64x10xf32>, tensor<64x1xf32>) -> tensor<64x10xf32>
  %p = graph.matmul %d, %w : (tensor<64x10xf32>, tensor<10x8xf32>) -> tensor<64x8xf32>
  %t = graph.tanh %p : tensor<64x8xf32>
  func.return %t : tensor<64x8xf32>
}
"""
SQUARES = """
func.func @main(%x: tensor<64x10xf32>, %w: tensor<10x8xf32>, %e: tensor<64x10xf32>, %u: tensor<10x10xf32>)
    -> (tensor<64x8xf32>, tensor<64x10xf32>) {
  %y = graph.tanh %x : tensor<64x10xf32>
  %q = graph.square %y : tensor<64x10xf32>
  %p = graph.matmul %y, %w : (tensor<64x10xf32>, tensor<10x8xf32>) -> tensor<64x8xf32>
  %d = graph.matmul %e, %u : (tensor<64x10xf32>, tensor<10x10xf32>) -> tensor<64x10xf32>
  %g = graph.multiply %d, %q : tensor<64x10xf32>
  func.return %p, %g : tensor<64x8xf32>, tensor<64x10xf32>
}
"""
UPDATE = """
func.func @main(%r: tensor<3x4xf32>, %i: tensor<3xi32>) -> tensor<8x4xf32> {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<8x4xf32>>
  %a = graph.read %w : (!graph.ref<tensor<8x4xf32>>) -> tensor<8x4xf32>
  %b = graph.tanh %a : tensor<8x4xf32>
  %s = graph.make_slices %r, %i : (tensor<3x4xf32>, tensor<3xi32>)
      -> !graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<8x4xf32>>
  graph.assign_sub %w, %s
      : !graph.ref<tensor<8x4xf32>>, !graph.slices<tensor<3x4xf32>, tensor<3xi32>, tensor<8x4xf32>>
  func.return %b : tensor<8x4xf32>
}
"""
ROWS = """
func.func @main(%i: tensor<3xi32>, %d: tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<3x4xf32>) {
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<8x4xf32>>
  %a = graph.read %w : (!graph.ref<tensor<8x4xf32>>) -> tensor<8x4xf32>
  %rows = graph.gather %a, %i : (tensor<8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
  %n = graph.exp %a : tensor<8x4xf32>
  %b = graph.subtract %a, %d : tensor<8x4xf32>
  graph.assign %w, %b : !graph.ref<tensor<8x4xf32>>, tensor<8x4xf32>
  %y = graph.tanh %rows : tensor<3x4xf32>
  func.return %n, %y : tensor<8x4xf32>, tensor<3x4xf32>
}
"""
MOMENTUM = """
func.func @main(%g: tensor<33xf32>) {
  %m = graph.variable {variable = "m"} : !graph.ref<tensor<33xf32>>
  %a = graph.read %m : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %b = graph.add %a, %g : tensor<33xf32>
  graph.assign %m, %b : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  %w = graph.variable {variable = "w"} : !graph.ref<tensor<33xf32>>
  %c = graph.read %w : (!graph.ref<tensor<33xf32>>) -> tensor<33xf32>
  %d = graph.subtract %c, %b : tensor<33xf32>
  graph.assign %w, %d : !graph.ref<tensor<33xf32>>, tensor<33xf32>
  func.return
}
"""


def main_block(text: str) -> Block:
    function = parse(context(), text).module.body.block.first_op
    assert isinstance(function, func.FuncOp)
    return function.body.block


def classified(text: str) -> Classified:
    block = main_block(text)
    return classify(block, legalize(block), {})


def name(value: SSAValue) -> str | None:
    return value.name_hint


def members(groups: Groups) -> list[set[str | None] | str]:
    """The values of each group, and the names of the operations outside."""
    return [
        item.op.name if isinstance(item, Outside) else {name(v) for v, g in groups.homes.items() if g is item}
        for item in groups.items
    ]


def test_legalisation_keeps_together_what_an_update_becomes() -> None:
    bundles = legalize(main_block(UPDATE))
    assert [[op.name.removeprefix("graph.") for op in bundle] for bundle in bundles] == [
        ["variable"],
        ["read"],
        ["tanh"],
        ["make_slices"],
        ["densify", "subtract", "assign"],
        ["func.return"],
    ]


def test_classification_looks_through_what_is_deferred() -> None:
    found = classified(CENTERED)
    assert [name(op.results[0]) for op in found.deferred] == ["b"]
    steps = {name(s.value): s for s in found.steps if isinstance(s, Computed)}
    assert {k: {name(a.value): a.axes for a in s.accesses} for k, s in steps.items()} == {
        "h": {"x": (0, 1), "v": (1,)},
        "m": {"h": (0, 1)},
        "d": {"h": (0, 1), "m": (0, None)},
        "p": {"d": None, "w": None},
        "t": {"p": (0, 1)},
    }
    last = found.steps[-1]
    assert isinstance(last, Outside) and list(map(name, last.after)) == ["t"]


def test_what_reads_a_variable_comes_before_its_update() -> None:
    steps = classified(ROWS).steps
    order = [name(s.value) if isinstance(s, Computed) else s.op.name for s in steps]
    assert order == ["graph.variable", "graph.read", "n", "b", "rows", "graph.assign", "y", "func.return"]
    update = steps[5]
    assert isinstance(update, Outside) and set(map(name, update.after)) == {"n", "b", "rows"}


def test_a_row_is_reduced_before_its_elements_are_gone_through_again() -> None:
    groups = group(classified(CENTERED), limit=512)
    assert members(groups) == [{"h", "m", "d"}, {"p", "t"}, "func.return"]
    rows = groups.homes[next(v for v in groups.homes if name(v) == "d")]
    assert (rows.kind, rows.boundary, rows.inner, rows.reductions) == (None, 1, "trailing", {"trailing"})


def test_groups_are_no_larger_than_the_limit() -> None:
    assert members(group(classified(CENTERED), limit=2)) == [{"h", "m"}, {"d"}, {"p", "t"}, "func.return"]


def test_reads_come_before_a_group_and_assignments_after_it() -> None:
    names = ["graph.variable", "graph.variable", "graph.read", "graph.read"]
    assert members(group(classified(MOMENTUM), limit=512)) == [
        *names,
        {"b", "d"},
        "graph.assign",
        "graph.assign",
        "func.return",
    ]


def test_cheap_values_of_a_stored_one_are_computed_again() -> None:
    found = classified(SQUARES)
    groups = group(found, limit=512)
    assert members(groups) == [{"y", "q"}, {"p"}, {"d", "g"}, "func.return"]
    bodies = rematerialize(found, groups)
    computed = [[name(op.results[0]) for op in bodies[g].ops] for g in dict.fromkeys(groups.homes.values())]
    assert computed == [["y"], ["p"], ["q", "d", "g"]]
