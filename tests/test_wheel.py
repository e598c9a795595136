"""The wheel has every module and data file of the source tree, and imports without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
NOT_SHIPPED = ("tests", "benchmarks", "examples", "docs", "build", "dist")
SHIPPED = (".py", ".pyi", ".typed", ".h", ".cpp")
UNIVERSE = "pullback_universe"
"""The package beside `pullback`, which stock `xdsl-opt` imports at each start."""


def shipped_files(root: Path) -> set[str]:
    """What a wheel must have of a source tree, as paths within it."""
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.suffix in SHIPPED and path.relative_to(root).parts[0] not in NOT_SHIPPED
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree, since builds leave files behind, which the next one would ship."""
    copy = tmp_path_factory.mktemp("wheel") / "tree"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", *NOT_SHIPPED)
    # The root alone: the package has folders of its own that bear these names.
    shutil.copytree(
        ROOT, copy, ignore=lambda folder, names: ignored(folder, names) if folder == str(ROOT) else []
    )
    return copy


@pytest.fixture(scope="module")
def installed(tree: Path) -> Path:
    """The contents of the wheel, built offline by the setuptools that is here."""
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tree.parent)], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tree.parent.glob("*.whl")
    folder = tree.parent / "installed"
    ZipFile(wheel).extractall(folder)
    return folder


def test_the_wheel_has_what_the_tree_has(tree: Path, installed: Path) -> None:
    there = shipped_files(installed / "pullback") | {
        f"{UNIVERSE}/{path}" for path in shipped_files(installed / UNIVERSE)
    }
    assert shipped_files(tree) - there == set(), "is the package in pyproject.toml?"
    folders = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert folders == {"pullback", UNIVERSE}
    assert not (installed / "pullback" / UNIVERSE).exists()


def test_the_wheel_imports_without_the_tree(installed: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "wheel_smoke.py"), str(installed)],
        cwd=installed.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
