"""Programs in which the fuzzer found a fault, reduced: each pass of the pipeline that showed it keeps their numbers."""

from __future__ import annotations

import pytest

from pullback.dialects.context import context
from pullback.dialects.ir.source import parse
from pullback.driver.checking.run_after_each_pass import RunAfterEachPass
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes

PROGRAMS = {
    # Memory of a constant without axes had one axis on the interpreter of loops.
    "a constant scalar of an operation of the host": (
        """
func.func @main(%x: tensor<f16>) -> tensor<f16> {
  %c = graph.constant dense<1.0> : tensor<f16>
  %y = graph.mul_no_nan %c, %x : tensor<f16>
  func.return %y : tensor<f16>
}
""",
        "kernels,loops",
    ),
}


@pytest.mark.parametrize(("text", "pipeline"), PROGRAMS.values(), ids=PROGRAMS)
def test_every_pass_keeps_the_numbers(text: str, pipeline: str) -> None:
    module = parse(context(), text).module
    with instrumented(RunAfterEachPass(skipped=pytest.fail)):
        run_passes(context(), module, parse_passes(pipeline))
