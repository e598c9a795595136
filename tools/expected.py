"""`--verify-diagnostics`: compares errors with those that comments in a file expect, as in MLIR.

A comment `// expected-error {{text}}` expects an error on its own line whose message contains `text`;
`expected-error@+1` and `@-2` shift the line, `expected-error@unknown` takes any line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMMENT = re.compile(r"//.*?expected-error\s*(?:@\s*(?P<line>unknown|[+-]\d+))?\s*\{\{(?P<text>.*?)\}\}")


@dataclass(frozen=True)
class ExpectedError:
    """One expectation: `line` counts from 1 in the file, None for any line."""

    line: int | None
    text: str
    written_at: int


def expected_errors(source: str, line_offset: int = 0) -> list[ExpectedError]:
    """The expectations in a piece of a file that `line_offset` lines precede."""
    found: list[ExpectedError] = []
    for number, line in enumerate(source.splitlines(), start=1 + line_offset):
        for match in _COMMENT.finditer(line):
            shift = match["line"] or "+0"
            where = None if shift == "unknown" else number + int(shift)
            found.append(ExpectedError(where, match["text"], number))
    return found


def unmet(expected: list[ExpectedError], line: int | None, message: str) -> list[ExpectedError] | None:
    """The expectations left after an error, or None where no expectation covers it."""
    for index, error in enumerate(expected):
        if error.line in (None, line) and error.text in message:
            return expected[:index] + expected[index + 1 :]
    return None
