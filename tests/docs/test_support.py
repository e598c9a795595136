"""docs/support.md says what runs: each row is found out again."""

from __future__ import annotations

import pytest

from pullback.dialects.graph import OPS
from pullback.dialects.graph.tensor.types import DTYPES
from pullback.passes.gradients.rule_registry import RuleState, state_of
from pullback.tools.generate import support as matrix

LINES = matrix.PATH.read_text().splitlines()


def test_every_operation_has_a_row() -> None:
    rows = [line.split("`")[1] for line in LINES if line.startswith("| `")]
    assert rows == matrix.operations()
    assert matrix.page([line for line in LINES if line.startswith("| `")]).splitlines() == LINES


def test_every_rule_runs_to_the_second_order() -> None:
    cells = {
        line.split("`")[1]: [c.strip() for c in line.split("|")[2:-1]]
        for line in LINES
        if line.startswith("| `")
    }
    f32, complex64 = list(DTYPES).index("f32"), list(DTYPES).index("complex<f32>")
    for name in matrix.operations():
        if state_of(OPS[name]) is RuleState.RULE:
            assert "2" in cells[name][f32] + cells[name][complex64], name


@pytest.mark.parametrize("name", matrix.operations())
@pytest.mark.matrix(8)
def test_row(name: str) -> None:
    assert matrix.row(name) in LINES, "run: python -m pullback.tools.generate.support"
