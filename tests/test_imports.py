"""No module imports itself around a circle, imports inside functions included; import-linter holds the folders."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("backends", "dialects", "driver", "extend", "frontend", "passes", "process", "tools")


def modules(root: Path) -> dict[str, Path]:
    """Every module of the packages, by its name."""
    paths = [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    return {".".join(["pullback", *path.relative_to(root).with_suffix("").parts]): path for path in paths}


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules that a module names in its imports; a package means its `__init__`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if name in known else node.module for name in names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name if name in known else f"{name}.__init__" for name in found} & known.keys()


def test_modules_import_one_way() -> None:
    known = modules(ROOT)
    assert len(known) > 400
    # A failure lists the modules of a circle.
    TopologicalSorter({name: imports(path, known) for name, path in known.items()}).prepare()


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "one.py").write_text("from pullback.tools import two\n")
    (tmp_path / "tools" / "two.py").write_text("def late():\n    from pullback.tools.one import name\n")
    known = modules(tmp_path)
    with pytest.raises(CycleError):
        TopologicalSorter({name: imports(path, known) for name, path in known.items()}).prepare()
