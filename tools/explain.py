"""`--explain`: prints the explanations that it asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console

from pullback.passes.explain.explanation import Explanation
from pullback.tools.files import STANDARD, is_terminal


def shown(found: Sequence[Explanation], *, as_json: bool, to: str | None) -> str:
    """The explanations as text: a tree in colours on a terminal, plain lines elsewhere, or JSON."""
    if as_json:
        return json.dumps([e.to_dict() for e in found], indent=2) + "\n"
    if to not in (None, STANDARD) or not is_terminal():
        return "\n".join(f"{e}\n" for e in found)
    console = Console()
    with console.capture() as capture:
        for e in found:
            console.print(e)
    return capture.get()
