"""docs/rules.md and these tests have the same rules."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "rules.md"
RULES = set(range(1, 95))


def rows(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]


def rules_under_test() -> set[int]:
    """The numbers in the names of tests: `test_rule_7_…`, `test_rules_61_62_…`, `test_rule_16_and_17_…`."""
    names = re.findall(
        r"def test_rules?_((?:\d+_(?:and_)?)+)", "".join(p.read_text() for p in FOLDER.glob("*.py"))
    )
    return {int(number) for name in names for number in re.findall(r"\d+", name)}


def test_every_rule_has_a_test_or_a_reason() -> None:
    stated, without_subject = PAGE.read_text().split("## Rules without a subject")
    assert sorted(rows(stated) + rows(without_subject)) == sorted(RULES)
    assert rules_under_test() == set(rows(stated))
