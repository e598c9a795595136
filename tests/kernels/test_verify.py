"""The checks of level `kernels`: they take every plan that the passes make."""

from __future__ import annotations

from hypothesis import given
from xdsl.context import Context

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.source import parse
from pullback.passes.kernels.check.verify_kernels import verify_scheduled
from pullback.passes.kernels.form.form_kernels import FormKernels
from pullback.passes.kernels.memory.plan_memory import PlanMemory
from pullback.tests.kernels.programs import Program, programs


@given(programs())
def test_what_the_passes_make_is_right(program: Program) -> None:
    FormKernels().apply(Context(), program.module)
    PlanMemory().apply(Context(), program.module)
    verify_scheduled(program.module)


def test_two_results_do_not_take_one_operand() -> None:
    module = parse(
        context(),
        """
        func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
          %a = graph.exp %x : tensor<8xf32>
          %g = graph.gate %a : tensor<8xf32>
          %unused, %y = graph.kernel %g schedule<kind = pointwise, parallel = [8]>
              : (tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
          ^bb0(%i: tensor<8xf32>):
            %t = graph.tanh %i : tensor<8xf32>
            %u = graph.exp %t : tensor<8xf32>
            graph.yield %t, %u : tensor<8xf32>, tensor<8xf32>
          }
          %h = graph.gate %y : tensor<8xf32>
          %z = graph.tanh %h : tensor<8xf32>
          func.return %z : tensor<8xf32>
        }
        """,
    ).module
    FormKernels().apply(Context(), module)
    PlanMemory().apply(Context(), module)
    verify_scheduled(module)
    kernel = next(op for op in module.walk() if isinstance(op, Kernel) and len(op.results) == 2)
    places = kernel.attributes["memory"]
    assert len(set(places)) == 2  # pyright: ignore[reportArgumentType] an array of buffers


def test_what_rides_on_a_product_that_nobody_needs() -> None:
    module = parse(
        context(),
        """
        func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
          %t = graph.tanh %x : tensor<4x4xf32>
          %p = graph.matmul %x, %x : tensor<4x4xf32>
          %unused = graph.add %t, %p : tensor<4x4xf32>
          func.return %t : tensor<4x4xf32>
        }
        """,
    ).module
    FormKernels().apply(Context(), module)
    verify_scheduled(module)
    (kernel,) = (op for op in module.walk() if isinstance(op, Kernel))
    assert kernel.schedule is not None
    assert kernel.schedule.data.kind == "pointwise"
