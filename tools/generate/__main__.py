"""`python -m pullback.tools.generate`: everything in the repository that is made from code, written anew."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pullback.tools.files import write_bytes
from pullback.tools.generate import extensions, names
from pullback.tools.generate import operations as document
from pullback.tools.generate import python_reference as reference
from pullback.tools.generate.stubs import stubs

ROOT = Path(__file__).resolve().parents[2]

GENERATED: Mapping[str, Callable[[], str]] = {
    "extend/operations.py": extensions.operations,
    "docs/extend.md": extensions.reference,
    "docs/names.md": names.reference,
    "docs/operations.md": document.reference,
    "docs/python.md": reference.reference,
    "frontend/functions/elementwise.pyi": stubs,
}
"""Each file, and what it should hold."""


def stale() -> list[str]:
    """The files that say something else than the code."""
    return [
        name
        for name, make in GENERATED.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text() != make()
    ]


if __name__ == "__main__":
    for name in stale():
        write_bytes(ROOT / name, GENERATED[name]().encode())
        sys.stdout.write(f"{name}\n")
