"""Invariants of the source tree."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE_FOLDERS = ["backends", "dialects", "driver", "extend", "frontend", "passes", "process", "tools"]
LONGEST_FILE = 400


def source_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_package_is_in_the_wheel() -> None:
    """An editable install finds a subpackage that pyproject.toml forgot; a wheel does not."""
    inits = [ROOT / "__init__.py", *(p for p in source_files(*PACKAGE_FOLDERS) if p.name == "__init__.py")]
    found = {".".join(["pullback", *path.parent.relative_to(ROOT).parts]) for path in inits}
    assert found | {"pullback_universe"} == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_module_is_in_a_package() -> None:
    homeless = [p for p in source_files(*PACKAGE_FOLDERS) if not (p.parent / "__init__.py").exists()]
    assert homeless == []


def test_files_stay_small() -> None:
    sources = [
        ROOT / "__init__.py",
        *source_files(*PACKAGE_FOLDERS, "pullback_universe", "tests", "benchmarks", "examples"),
    ]
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in sources}
    assert {path: count for path, count in lines.items() if count > LONGEST_FILE} == {}


def test_the_link_for_type_checkers_stands() -> None:
    assert (ROOT / ".typing" / "pullback").resolve() == ROOT
    assert (ROOT / ".typing" / "pullback_universe").resolve() == ROOT / "pullback_universe"


def test_each_folder_says_what_belongs_there() -> None:
    inits = [p for p in source_files(*PACKAGE_FOLDERS) if p.name == "__init__.py"]
    docstrings = {path: ast.get_docstring(ast.parse(path.read_text())) or "" for path in inits}
    assert [str(path.relative_to(ROOT)) for path, text in docstrings.items() if len(text) < 80] == []
