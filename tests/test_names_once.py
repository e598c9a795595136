"""A name means one thing: no two classes share one, and no two files outside of those that treat one subject.

A pass is in the file that has its name.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from pullback.tools.passes import own_passes

ROOT = Path(__file__).parents[1]
PACKAGES = ("backends", "dialects", "driver", "frontend", "passes", "process", "tools")

SUBJECTS = ("dialects/graph", "dialects/upstream", "frontend/functions", "passes/simplify/folds")
"""Folders with a file for each subject, called alike in all of them: its operations, its functions, its folds."""

KINDS = ("passes/loops", "passes/gpu")
"""Folders with a file for each kind of kernel, called alike in both: its lowering for one target."""

FILES_ALLOWED: dict[str, str] = {
    "check_gradients": "the pass, and the function that runs it on a graph",
    "custom_gradient": "the operation, and the decorator that adds one",
    "explain": "the function, and the option of the tool",
    "run": "the function, and the tool `pullback-run`",
}
"""Why several files may have one name. For classes there is no such reason yet."""


def sources() -> list[Path]:
    return [path.relative_to(ROOT) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def role(path: Path) -> str:
    """What a file may share its name with one file of: the folder of subjects or kinds that it is in, or itself."""
    folders = [folder for folder in (*SUBJECTS, *KINDS) if path.is_relative_to(folder)]
    return folders[0] if folders else str(path)


def mirrored(paths: list[Path]) -> bool:
    """Whether files of one name are one subject, or one kind, seen from different folders."""
    roles = [role(path) for path in paths]
    return len(set(roles)) == len(roles) and (set(roles) <= set(SUBJECTS) or set(roles) <= set(KINDS))


def test_no_two_files_share_a_name() -> None:
    named: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sources():
        if not path.stem.startswith("__"):
            named[path.stem].append(path)
    shared = {
        name: list(map(str, paths)) for name, paths in named.items() if len(paths) > 1 and not mirrored(paths)
    }
    assert {name: paths for name, paths in shared.items() if name not in FILES_ALLOWED} == {}
    assert set(FILES_ALLOWED) == set(shared), "an exception that is none any more"


def test_the_file_of_a_pass_has_its_name() -> None:
    files = {name: cls().__module__.rpartition(".")[2] for name, cls in own_passes().items()}
    assert len(files) > 10
    assert {name: file for name, file in files.items() if file != name.replace("-", "_")} == {}


def test_no_two_classes_share_a_name() -> None:
    """But for private ones, which mean something in their file alone."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    for path in sources():
        for node in ast.parse((ROOT / path).read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named[node.name].append(str(path))
    assert {name: paths for name, paths in named.items() if len(paths) > 1} == {}
