"""Planted faults are found in the pass that has them; where all is right, nothing is, on every FileCheck program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType, ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import DiagnosticException, ParseError

from pullback.dialects.context import context
from pullback.dialects.graph.elementwise.basic import Add, Divide, Multiply, Negative
from pullback.dialects.graph.elementwise.exponential import Log
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.driver.checking.check_gradients import CheckGradients
from pullback.driver.checking.report import GradientCheckError
from pullback.driver.checking.result_changed import ResultChangedError
from pullback.driver.checking.results import ChangedNumber
from pullback.driver.checking.run_after_each_pass import RunAfterEachPass
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.tests.levels.filecheck_programs import LARGEST, Section, sections
from pullback.tests.levels.test_filecheck_programs import ROUTES
from pullback.tests.reduce import planted

THREE = """
func.func @main(%a: tensor<1xf32>, %b: tensor<1xf32>, %c: tensor<1xf32>) -> tensor<1xf32> {
  %s = graph.add %a, %b : tensor<1xf32>
  %t = graph.add %s, %c : tensor<1xf32>
  func.return %t : tensor<1xf32>
}
"""
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


def checked(text: str, passes: str | Sequence[ModulePass], **options: Any) -> ModuleOp:
    """The module after passes, run after each."""
    module = parse(context(), text).module
    chosen = parse_passes(passes) if isinstance(passes, str) else passes
    with instrumented(RunAfterEachPass(**options)):
        run_passes(context(), module, chosen)
    return module


@dataclass(frozen=True)
class Rewrite(ModulePass):
    """A pass that does one thing to each operation."""

    change: Callable[[Operation], None]
    name = "rewrite"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for inner in list(op.walk()):
            self.change(inner)

    def __str__(self) -> str:
        return self.name


def add_the_last_two_first(op: Operation) -> None:
    """(a + b) + c becomes a + (b + c)."""
    if isinstance(op, func.ReturnOp):
        block = op.parent_block()
        assert block is not None
        a, b, c = block.args
        inner = Add.create(operands=[b, c], result_types=[b.type])
        outer = Add.create(operands=[a, inner.results[0]], result_types=[a.type])
        block.insert_ops_before([inner, outer], op)
        op.operands[0] = outer.results[0]


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


def negate_the_logarithm(op: Operation) -> None:
    """log(x) becomes -log(x): if x is negative, a NaN of the other sign."""
    if isinstance(op, Log):
        block = op.parent_block()
        assert block is not None
        negative = Negative.create(operands=[op.results[0]], result_types=[op.result_types[0]])
        block.insert_op_after(negative, op)
        op.results[0].replace_uses_with_if(negative.results[0], lambda use: use.operation is not negative)


@pytest.mark.parametrize("number", [-2.0, 2.0])
def test_the_sign_of_a_nan_is_open(number: float) -> None:
    """Processors give either sign to a NaN that they make; that of a number is as it is."""
    text = """
    func.func @main(%x: tensor<64xf32>, %y: tensor<64xf32>) -> tensor<64xf32> {
      %l = graph.log %x : tensor<64xf32>
      %s = graph.copysign %y, %l : tensor<64xf32>
      func.return %s : tensor<64xf32>
    }"""
    given = {"x": np.full(64, number, np.float32), "y": np.linspace(1, 2, 64, dtype=np.float32)}
    with pytest.raises(ResultChangedError) if number > 0 else nullcontext():
        checked(text, [Rewrite(negate_the_logarithm)], inputs=given)


def divide_by_less(op: Operation) -> None:
    """a / b becomes a / c."""
    if isinstance(op, Divide):
        block = op.parent_block()
        assert block is not None
        op.operands[1] = block.args[2]


@pytest.mark.parametrize(("ulps", "is_rounding"), [(1, True), (100, False)])
def test_numbers_beside_a_jump(ulps: int, is_rounding: bool) -> None:
    """Each number may take many runs to be rounded across it."""
    text = """
    func.func @main(%a: tensor<256xf32>, %b: tensor<256xf32>, %c: tensor<256xf32>) -> tensor<256xi32> {
      %q = graph.divide %a, %b : tensor<256xf32>
      %i = graph.cast %q : (tensor<256xf32>) -> tensor<256xi32>
      func.return %i : tensor<256xi32>
    }"""
    below = np.float32(2 - ulps * 2.0**-23)
    given = {
        name: np.full(256, number, np.float32) for name, number in (("a", below), ("b", 1), ("c", below / 2))
    }
    with nullcontext() if is_rounding else pytest.raises(ResultChangedError):
        checked(text, [Rewrite(divide_by_less)], inputs=given)


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


@pytest.mark.parametrize(
    ("numbers", "is_rounding"),
    [((1e8, -1e8, 1.0), True), ((1.0, 2.0, 3.0), True), ((1e8, 1.0, -1e8), True)],
)
def test_another_order_is_rounding(numbers: tuple[float, ...], is_rounding: bool) -> None:
    given = {name: np.array([n], np.float32) for name, n in zip("abc", numbers, strict=True)}
    checked(THREE, [Rewrite(add_the_last_two_first)], inputs=given)


def test_what_is_a_little_more_is_not_rounding() -> None:
    def scale(op: Operation) -> None:
        if isinstance(op, func.ReturnOp):
            block = op.parent_block()
            assert block is not None
            made = parse(
                context(), "%s = graph.fill {value = 1.00001 : f32} : tensor<1xf32>"
            ).module.body.block
            (fill,) = made.ops
            fill.detach()
            product = Multiply.create(
                operands=[op.operands[0], fill.results[0]], result_types=[op.operands[0].type]
            )
            block.insert_ops_before([fill, product], op)
            op.operands[0] = product.results[0]

    given = {name: np.array([n], np.float32) for name, n in zip("abc", (1.0, 2.0, 3.0), strict=True)}
    with pytest.raises(ResultChangedError, match="'rewrite' changed a number"):
        checked(THREE, [Rewrite(scale)], inputs=given)
    # Where a sum cancels, as much is lost in rounding it.
    given = {name: np.array([n], np.float32) for name, n in zip("abc", (1e8, -1e8, 1.0), strict=True)}
    checked(THREE, [Rewrite(scale)], inputs=given)


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
