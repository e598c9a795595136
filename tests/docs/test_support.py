"""Each row of docs/support.md, computed again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pullback.dialects.graph import OPS
from pullback.dialects.graph.elementwise.basic import Add
from pullback.dialects.graph.tensor.types import DTYPES
from pullback.passes.gradients.rule_registry import RuleState, state_of
from pullback.tools.generate import support_matrix, support_rows
from pullback.tools.generate.digests import digest

PAGE = (Path(__file__).parents[2] / "docs" / "support.md").read_text()
ROWS = support_matrix.rows_of(PAGE)


def test_every_operation_has_a_row() -> None:
    assert list(ROWS) == support_matrix.operations()
    assert support_matrix.written(ROWS, support_matrix.digests_of(PAGE)) == PAGE


def test_every_rule_runs_to_the_second_order() -> None:
    f32, complex64 = list(DTYPES).index("f32"), list(DTYPES).index("complex<f32>")
    for name, row in ROWS.items():
        cells = [c.strip() for c in row.split("|")[2:-1]]
        if state_of(OPS[name]) is RuleState.RULE:
            assert "2" in cells[f32] + cells[complex64], name


@pytest.mark.parametrize("name", support_matrix.operations())
@pytest.mark.matrix(8)
def test_row(name: str) -> None:
    assert support_rows.row(name) == ROWS[name], "run: python -m pullback.tools.generate --all"


@pytest.mark.parametrize("on_gpus", ["fibers"])
@pytest.mark.parametrize("name", support_matrix.operations())
@pytest.mark.matrix(4)
def test_cell_as_cuda_text(name: str, on_gpus: str) -> None:
    cell = support_rows.cell(name, "f32", on_gpus)
    assert str(cell or "") == ROWS[name].split("|")[2].strip()


def test_every_cell_names_what_computes_it() -> None:
    for name, row in ROWS.items():
        for cell in row.split("|")[2:-1]:
            assert re.fullmatch(r" ([02] [kh]/[kh] )? ?", cell), name


def test_rows_of_what_has_not_changed_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support_matrix, "row", lambda name: f"| `{name}` | anew |")
    up_to_date = support_matrix.written(ROWS, {name: digest(OPS[name]) for name in ROWS})
    assert support_matrix.updated(up_to_date) == up_to_date
    changed = up_to_date.replace(f"graph.add {digest(Add)}", f"graph.add {'0' * 12}")
    assert [
        r for r in support_matrix.rows_of(support_matrix.updated(changed)).values() if r not in ROWS.values()
    ] == ["| `graph.add` | anew |"]
    without = up_to_date.replace(ROWS["graph.add"] + "\n", "")
    assert support_matrix.changed(without) == ["graph.add"]
    assert support_matrix.updated(up_to_date, every=True).count("anew") == len(ROWS)
