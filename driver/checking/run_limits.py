"""How large the programs are that are run after each pass, unless told."""

from __future__ import annotations

LARGEST = 1 << 22
"""Elements of a value: interpreting a loop over more takes minutes."""
MOST_OPERATIONS = 1_000_000
"""Operations of one run: on inputs that are drawn, a loop may never end."""
