"""Programs that are run after each pass, and passes that change one operation after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.checking.run_after_each_pass import RunAfterEachPass
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes

THREE = """
func.func @main(%a: tensor<1xf32>, %b: tensor<1xf32>, %c: tensor<1xf32>) -> tensor<1xf32> {
  %s = graph.add %a, %b : tensor<1xf32>
  %t = graph.add %s, %c : tensor<1xf32>
  func.return %t : tensor<1xf32>
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
