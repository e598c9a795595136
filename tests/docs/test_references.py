"""docs/operations.md and docs/python.md say what the classes and docstrings say."""

from __future__ import annotations

from pathlib import Path

import pullback
from pullback.dialects.graph import OPS
from pullback.frontend import reference as python
from pullback.tools import document as operations

DOCS = Path(__file__).parents[2] / "docs"


def test_operations_are_up_to_date() -> None:
    command = "python -m pullback.tools.document > docs/operations.md"
    assert (DOCS / "operations.md").read_text() == operations.reference(), f"run: {command}"


def test_python_is_up_to_date() -> None:
    command = "python -m pullback.frontend.reference > docs/python.md"
    assert (DOCS / "python.md").read_text() == python.reference(), f"run: {command}"


def test_every_operation_is_there_once() -> None:
    headings = [line for line in operations.reference().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(f"### `{name}`" for name in OPS)


def test_every_public_name_is_there() -> None:
    assert python.documented() == set(pullback.__all__)


def test_constraints_are_read_from_verifiers() -> None:
    found = operations.constraints(OPS["graph.matmul"])
    assert found["inner_c1"] == "inner extents … and … differ"
    assert found["dtype_c1"] == "needs a floating-point dtype"
    assert set(operations.constraints(OPS["graph.while"])) == {"while_c1", "while_c2", "while_c3"}
