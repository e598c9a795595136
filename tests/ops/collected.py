"""All cases of all families: each module of this folder that states `CASES` (and `BROKEN`, for verifiers)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from pullback.tests.ops.case import Case

MODULES: list[ModuleType] = [
    import_module(f"pullback.tests.ops.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in ("case", "collected", "__init__") and not path.stem.startswith("test_")
]

CASES: dict[str, list[Case]] = {}
for module in MODULES:
    for op, cases in getattr(module, "CASES", {}).items():
        CASES.setdefault(op, []).extend(cases)

BROKEN: list[tuple[str, str, str]] = [
    broken for module in MODULES for broken in getattr(module, "BROKEN", [])
]
"""Wrong programs: the label that refuses it, the function's arguments, the operation."""

BY_ID = {
    f"{name.removeprefix('graph.')}-{i}": case
    for name, cases in CASES.items()
    for i, case in enumerate(cases)
}
PARAMETERS = [pytest.param(case, id=id_) for id_, case in BY_ID.items()]
