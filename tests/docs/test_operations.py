"""docs/operations.md says what the classes say."""

from __future__ import annotations

from pathlib import Path

from pullback.dialects.graph import OPS
from pullback.tools.document import constraints, reference

PAGE = Path(__file__).parents[2] / "docs/operations.md"


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "run: python -m pullback.tools.document > docs/operations.md"


def test_every_operation_is_there_once() -> None:
    headings = [line for line in reference().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(f"### `{name}`" for name in OPS)


def test_constraints_are_read_from_verifiers() -> None:
    found = constraints(OPS["graph.matmul"])
    assert found["inner_c1"] == "inner extents … and … differ"
    assert found["dtype_c1"] == "needs a floating-point dtype"
    assert set(constraints(OPS["graph.while"])) == {"while_c1", "while_c2", "while_c3"}
