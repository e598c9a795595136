"""What `verify-level` has checked is not checked again by the lowering after it, unless someone may have changed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import ScheduleAttr
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import parse
from pullback.passes.kernels.check import verify_kernels
from pullback.passes.loops.lower_to_loops import LowerToLoops
from pullback.passes.pipeline.instrumentation import PassInstrumentation, instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.passes.pipeline.verify_level import VerifyLevel


def kernels() -> ModuleOp:
    """Two kernels that differ, at level kernels."""
    text = """
    func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
      %t = graph.tanh %x : tensor<8x8xf32>
      %p = graph.matmul %t, %x : tensor<8x8xf32>
      func.return %p : tensor<8x8xf32>
    }
    """
    module = parse(context(), text).module
    run_passes(context(), module, parse_passes("form-kernels,plan-memory"))
    return module


def spoil(module: ModuleOp) -> None:
    kernel = next(op for op in module.walk() if isinstance(op, Kernel))
    assert kernel.schedule is not None
    kernel.schedule = ScheduleAttr(replace(kernel.schedule.data, parallel=(3,)))


@dataclass(frozen=True)
class Spoil(ModulePass):
    name = "spoil"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        spoil(op)


class SpoilsAfterPass(PassInstrumentation):
    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        if isinstance(pass_, VerifyLevel):
            spoil(module)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[Kernel]:
    """The kernels whose schedules are checked."""
    found: list[Kernel] = []
    check = verify_kernels.check_schedule

    def noted(kernel: Kernel) -> object:
        found.append(kernel)
        return check(kernel)

    monkeypatch.setattr(verify_kernels, "check_schedule", noted)
    return found


def run(module: ModuleOp, *passes: ModulePass) -> None:
    run_passes(context(), module, passes)


CHECK, LOWER = VerifyLevel("kernels"), LowerToLoops()


def test_a_lowering_relies_on_the_check_before_it(checked: list[Kernel]) -> None:
    module, other = kernels(), kernels()
    run(module, CHECK, LOWER)
    assert len(checked) == 2
    run(other, LOWER)
    assert len(checked) == 4
    assert str(module) == str(other)


@pytest.mark.parametrize(
    "lower",
    [
        lambda module: run(module, CHECK, Spoil(), LOWER),
        lambda module: (run(module, CHECK), spoil(module), run(module, LOWER)),
        lambda module: (run(kernels(), CHECK), run(module, Spoil(), LOWER)),
    ],
    ids=["a pass", "outside", "another module"],
)
def test_what_is_changed_after_the_check_is_found(lower: Callable[[ModuleOp], object]) -> None:
    with pytest.raises(DiagnosticError, match=r"parallel .*\[3\]"):
        lower(kernels())


def test_what_a_hook_changes_after_the_check_is_found() -> None:
    with instrumented(SpoilsAfterPass()), pytest.raises(DiagnosticError, match=r"parallel .*\[3\]"):
        run(kernels(), CHECK, LOWER)
