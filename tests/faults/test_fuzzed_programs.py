"""Programs in which the fuzzer found a fault, reduced: they mean the same at every level and on every target."""

from __future__ import annotations

import random

import pytest

from pullback.tools.fuzz.check_text import check_meaning

PROGRAMS = {
    # Memory of a constant without axes had one axis on the interpreter of loops.
    "a constant scalar of an operation of the host": """
func.func @main(%x: tensor<f16>) -> tensor<f16> {
  %c = graph.constant dense<1.0> : tensor<f16>
  %y = graph.mul_no_nan %c, %x : tensor<f16>
  func.return %y : tensor<f16>
}
""",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_every_level_agrees(text: str) -> None:
    for seed in range(2):  # the targets take turns in being checked after each pass
        outcome = check_meaning(text, random.Random(seed), lambda phase: None, verify_each=True)
        assert outcome.kind == "same", outcome.detail
