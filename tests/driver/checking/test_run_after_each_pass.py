"""Planted faults are found in the pass that has them; where all is right, nothing is, on every FileCheck program."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType, ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.utils.exceptions import DiagnosticException, ParseError

from pullback.dialects.graph.elementwise.basic import Add, Multiply
from pullback.dialects.ir.text import print_module
from pullback.driver.checking.check_gradients import CheckGradients
from pullback.driver.checking.report import GradientCheckError
from pullback.driver.checking.result_changed import ResultChangedError
from pullback.driver.checking.results import ChangedNumber
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.tests.driver.checking.rewritten import THREE, Rewrite, checked
from pullback.tests.levels.filecheck_programs import LARGEST, Section, sections
from pullback.tests.levels.test_filecheck_programs import ROUTES
from pullback.tests.reduce import planted

REQUEST = """
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %y = func.call @square(%x) : (tensor<3xf32>) -> tensor<3xf32>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %z = graph.add %dx, %x : tensor<3xf32>
  func.return %y, %dx, %z : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}
func.func private @square(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = graph.multiply %x, %x : tensor<3xf32>
  func.return %y : tensor<3xf32>
}
"""


def test_a_wrong_fold() -> None:
    product = "%p = graph.multiply %a, %b : tensor<1xf32>\n  %t = graph.subtract %s, %p"
    text = THREE.replace("%t = graph.add %s, %c", product)
    with (
        planted.wrong_fold(),
        pytest.raises(ResultChangedError, match="'canonicalize' changed a number") as caught,
    ):
        checked(text, "canonicalize")
    assert isinstance(caught.value.change, ChangedNumber)
    assert "the first value that differs is '" in str(caught.value)


def leave_the_last_result_out(op: Operation) -> None:
    """A function returns one value less."""
    if isinstance(op, func.ReturnOp):
        function = op.parent_op()
        assert isinstance(function, func.FuncOp)
        op.operands = op.operands[:-1]
        inputs = function.function_type.inputs.data
        function.properties["function_type"] = FunctionType.from_lists(inputs, op.operand_types)


def rename_the_function(op: Operation) -> None:
    """Another name is another function."""
    if isinstance(op, func.FuncOp):
        op.properties["sym_name"] = StringAttr("other")


def remove_the_function(op: Operation) -> None:
    """Removes @main."""
    if isinstance(op, func.FuncOp):
        op.detach()
        op.erase()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (leave_the_last_result_out, "the number of results was 1 and is 0"),
        (rename_the_function, "after 'rewrite' there is no @main any more"),
        (remove_the_function, "after 'rewrite' there is no @main any more"),
    ],
)
def test_what_is_missing(change: Callable[[Operation], None], message: str) -> None:
    with pytest.raises(ResultChangedError, match=message):
        checked(THREE, [Rewrite(change)])


def test_a_wrong_rule_changes_nothing_and_differences_tell() -> None:
    text = """
func.func @main(%x: tensor<3xf64>) -> tensor<3xf64> {
  %y = graph.tanh %x : tensor<3xf64>
  %dx = graph.gradients of (%y) wrt (%x) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  func.return %dx : tensor<3xf64>
}
"""
    with planted.wrong_rule():
        checked(text, "gradients,finish,kernels,loops")
        with pytest.raises(GradientCheckError, match=r"the rule of graph\.tanh"):
            checked(text, [CheckGradients()])


def test_a_wrong_schedule() -> None:
    text = planted.with_short_product(planted.scheduled(planted.program(30, 1)))
    with (
        planted.unchecked_schedules(),
        pytest.raises(ResultChangedError, match=r"'lower-to-loops.*' changed"),
    ):
        checked(text, "lower-to-loops")


class WrongLowering(LowerToLoops):
    """Subtracts where it should add."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        super().apply(ctx, op)
        for inner in list(op.walk()):
            if inner.name == "arith.addf":
                from xdsl.dialects.arith import SubfOp

                block = inner.parent_block()
                assert block is not None
                made = SubfOp(inner.operands[0], inner.operands[1])
                block.insert_op_before(made, inner)
                inner.results[0].replace_all_uses_with(made.result)
                block.erase_op(inner)


class ForgetfulLowering(LowerToLoops):
    """Writes no results."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        super().apply(ctx, op)
        for inner in list(op.walk()):
            if inner.name in ("memref.store", "vector.store", "vector.maskedstore", "vector.transfer_write"):
                inner.detach()
                inner.erase()


def test_a_wrong_lowering() -> None:
    (kernels,) = (checked(THREE, "kernels"),)
    with pytest.raises(
        ResultChangedError, match=r"changed a number of @main: result 't'\[0\] was "
    ) as caught:
        checked(str(kernels), [WrongLowering()])
    change = caught.value.change
    assert isinstance(change, ChangedNumber)
    assert (change.index, change.count, change.size) == ((0,), 1, 1)
    with pytest.raises(ResultChangedError) as caught:
        checked(str(kernels), [ForgetfulLowering()])
    assert caught.value.function == "main"


@pytest.mark.parametrize("pipeline", ["kernels", "kernels,loops"])
def test_a_reproducer_names_what_each_level_takes(pipeline: str) -> None:
    """On memory the contents of variables are inputs."""
    text = THREE.replace(
        "  func.return",
        """  %w = graph.variable {variable = "w"} : !graph.ref<tensor<1xf32>>
  graph.assign_add %w, %t : !graph.ref<tensor<1xf32>>, tensor<1xf32>
  func.return""",
    )

    def forget(op: Operation) -> None:
        if op.name in ("graph.assign", "graph.assign_add", "memref.store", "vector.store"):
            op.detach()
            op.erase()

    lowered = checked(text, pipeline)
    with pytest.raises(ResultChangedError) as caught:
        checked(print_module(lowered), [Rewrite(forget)])
    reproducer = caught.value.reproducer
    names = [text.partition("=")[0] for text in (*reproducer.inputs, *reproducer.variables)]
    assert names == ["a", "b", "c", "w"]


def test_above_gradients_what_asks_for_none_is_compared() -> None:
    checked(REQUEST, "gradients,finish,kernels,loops", skipped=pytest.fail)

    def add(op: Operation) -> None:
        if isinstance(op, Multiply):
            made = Add.create(operands=op.operands, result_types=op.result_types)
            block = op.parent_block()
            assert block is not None
            block.insert_op_before(made, op)
            op.results[0].replace_all_uses_with(made.results[0])

    with pytest.raises(ResultChangedError, match="'rewrite' changed a number of @main: result 'y'"):
        checked(REQUEST, [Rewrite(add)])


def test_shapes_that_a_pass_fixes() -> None:
    text = THREE.replace("1xf32", "?xf32")
    told: list[str] = []
    checked(text, "specialize-shapes{main=4,4,4},simplify,kernels,loops", skipped=told.append)
    assert told == []


def test_loops_without_end_are_left_out() -> None:
    text = """
func.func @main(%x: tensor<i32>) -> tensor<i32> {
  %r = graph.while %x : tensor<i32> {
  ^bb0(%a: tensor<i32>):
    %c = graph.constant dense<true> : tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%a: tensor<i32>):
    graph.yield %a : tensor<i32>
  }
  func.return %r : tensor<i32>
}
"""
    told: list[str] = []
    checked(text, "canonicalize,kernels,loops", most_operations=1000, skipped=told.append)
    assert told == ["@main is not run: the run takes more operations than it may: does a loop never end?"]


@pytest.mark.matrix(6)
@pytest.mark.parametrize("section", sections(), ids=lambda section: section.name)
@pytest.mark.filterwarnings("ignore:devices are ignored")
def test_nothing_is_found_where_all_is_right(section: Section) -> None:
    for route in [route for route in ROUTES if route.count(",") != 1]:
        try:
            checked(section.text, route, largest=LARGEST, most_operations=10_000)
        except ResultChangedError:
            raise
        except (ParseError, DiagnosticException):
            with suppress(IndexError):
                continue


def test_what_cannot_be_run_is_told_once() -> None:
    told: list[str] = []
    checked(THREE, "canonicalize,cse,dce", largest=0, skipped=told.append)
    assert told == ["@main is not run: a value has 1 elements, more than 0"]
