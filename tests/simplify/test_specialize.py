"""Shape specialisation from the arguments' shapes: for every operation, and through loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.context import context
from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.graph_op import OPS, GraphOp
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.ir.source import parse
from pullback.dialects.verification import verify
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.shapes.shape_inference import INFER
from pullback.passes.shapes.specialize_shapes import SpecializationError, specialize

CONTEXT = context()


def module_of(text: str) -> ModuleOp:
    return parse(CONTEXT, text).module


def main_of(module: ModuleOp) -> func.FuncOp:
    return next(op for op in module.ops if isinstance(op, func.FuncOp))


def test_the_types_of_every_operation_can_be_inferred() -> None:
    """An operation infers its types from its operands', names the one that gives its shape, or is in a table."""
    without = [
        op.name
        for op in OPS.values()
        if op.has_results()
        and op not in INFER
        and op.SHAPE_OPERAND is None
        and not issubclass(op, While | Kernel | CustomGradient)
        and op.infer.__func__ is GraphOp.infer.__func__  # pyright: ignore[reportFunctionMemberAccess]
    ]
    assert without == []


LOOP_GRADIENT = """
func.func @main(%x: tensor<?x?xf64>, %w: tensor<?xf64>, %n: tensor<i32>) -> (tensor<?xf64>, tensor<?xf64>) {
  %i, %h = graph.while %n, %x : tensor<i32>, tensor<?x?xf64> {
  ^bb0(%i: tensor<i32>, %h: tensor<?x?xf64>):
    %zero = graph.fill {value = 0 : i32} : tensor<i32>
    %c = graph.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
    graph.condition %c : tensor<i1>
  } do {
  ^bb0(%i: tensor<i32>, %h: tensor<?x?xf64>):
    %one = graph.fill {value = 1 : i32} : tensor<i32>
    %j = graph.subtract %i, %one : tensor<i32>
    %m = graph.multiply %h, %w : (tensor<?x?xf64>, tensor<?xf64>) -> tensor<?x?xf64>
    %t = graph.tanh %m : tensor<?x?xf64>
    graph.yield %j, %t : tensor<i32>, tensor<?x?xf64>
  }
  %dw = graph.gradients of (%h) wrt (%w) : (tensor<?x?xf64>, tensor<?xf64>) -> tensor<?xf64>
  %dww = graph.gradients of (%dw) wrt (%w) : (tensor<?xf64>, tensor<?xf64>) -> tensor<?xf64>
  func.return %dw, %dww : tensor<?xf64>, tensor<?xf64>
}
"""


@pytest.mark.parametrize("shapes", [((2, 3), (3,), ()), ((1, 4), (4,), ()), ((2, 3), (1,), ())])
def test_second_gradients_of_a_loop(shapes: tuple[tuple[int, ...], ...]) -> None:
    module = module_of(LOOP_GRADIENT)
    finish = "aggregate-gradients,gate-gradients,merge-loops,canonicalize,cse,dce"
    run_passes(CONTEXT, module, parse_passes(f"generate-gradients,{finish}"))
    rng = np.random.default_rng(0)
    inputs: list[Any] = [rng.normal(size=shapes[0]), rng.normal(size=shapes[1]), np.asarray(3, np.int32)]
    expected = evaluate(main_of(module), inputs)
    specialize(main_of(module), shapes)
    run_passes(CONTEXT, module, parse_passes("canonicalize,cse,dce,verify-level{level=kernels}"))
    for got, wanted in zip(evaluate(main_of(module), inputs), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    names = {op.name for op in module.walk()}
    assert not names & {"graph.shape_of", "graph.sum_to", "graph.size"}


def test_what_grows_in_a_loop_stays_unknown() -> None:
    module = module_of(
        """
        func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
          %y = graph.while %x : tensor<?xf32> {
          ^bb0(%h: tensor<?xf32>):
            %n = graph.size %h : (tensor<?xf32>) -> tensor<i64>
            %most = graph.fill {value = 9 : i64} : tensor<i64>
            %c = graph.greater %most, %n : (tensor<i64>, tensor<i64>) -> tensor<i1>
            graph.condition %c : tensor<i1>
          } do {
          ^bb0(%h: tensor<?xf32>):
            %d = graph.concat %h, %h {axis = 0 : i64} : tensor<?xf32>
            graph.yield %d : tensor<?xf32>
          }
          func.return %y : tensor<?xf32>
        }
        """
    )
    specialize(main_of(module), [(3,)])
    verify(module)
    run_passes(CONTEXT, module, parse_passes("canonicalize,cse,dce"))
    (result,) = evaluate(main_of(module), [np.ones(3, np.float32)])
    assert result.shape == (12,)


def test_a_shape_that_an_operation_refuses_names_it() -> None:
    module = module_of(
        """
        func.func @main(%x: tensor<?x?xf32>) -> tensor<?x2xf32> {
          %y = graph.reshape %x : (tensor<?x?xf32>) -> tensor<?x2xf32>
          func.return %y : tensor<?x2xf32>
        }
        """
    )
    with pytest.raises(SpecializationError, match="9 elements do not fit") as caught:
        specialize(main_of(module), [(3, 3)])
    assert caught.value.op is not None
    assert caught.value.op.name == "graph.reshape"
