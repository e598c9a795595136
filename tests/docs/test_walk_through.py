"""docs/extend.md walks through examples/plugin: what it shows is in the package, and its commands print what it says.

The package is not installed where the other tests run: they read lists of what there is. It is built and unpacked into
a folder that the commands of the page find by PYTHONPATH; its own tests are run by `.ci/run`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from pullback.tests.docs.test_documents import check_in_bash, enter_scratch_folder

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extend.md"
PLUGIN = ROOT / "examples" / "plugin"
SHOWN = re.compile(r"^```(?:python|toml)\n(?!# file: )(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of the page that shows a part of the package."""
FILE = re.compile(r"(?:#|//) file: (?P<name>\S+)\n(?P<text>.*)", re.DOTALL)
"""A block that is written to a file for the commands below it."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and its entry points, as its wheel has them."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(
        PLUGIN, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    )
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(folder)],
        cwd=folder / "source",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


def files() -> dict[str, str]:
    """The files of the package that the page may show."""
    return {
        path.name: path.read_text() for path in (*PLUGIN.glob("shrinkage/*.py"), PLUGIN / "pyproject.toml")
    }


def blocks() -> list[str]:
    return [block["code"] for block in SHOWN.finditer(PAGE.read_text())]


def test_what_is_shown_is_in_the_package() -> None:
    strangers = [code for code in blocks() if not any(code in text for text in files().values())]
    assert strangers == []


def test_all_of_the_package_is_shown() -> None:
    """But for imports, module docstrings, and what pyproject.toml has for packaging."""
    shown = {line.strip() for code in blocks() for line in code.splitlines()}
    sources = {name: text for name, text in files().items() if name.endswith(".py")}
    hidden = [
        f"{name}: {line}"
        for name, text in sources.items()
        for line in text.partition('"""\n')[2].splitlines()
        if line.strip() not in shown and not line.startswith(("from ", "import "))
    ]
    assert hidden == []


def test_it_is_short() -> None:
    lines = sum(len(text.splitlines()) for name, text in files().items() if name.endswith(".py"))
    assert lines < 150


def test_the_commands_print_what_is_shown(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_scratch_folder(tmp_path, monkeypatch)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH")]))
    )
    parsers = [CodeBlockParser("console", check_in_bash)]
    parsers += [CodeBlockParser(language, write_file) for language in ("mlir", "python")]
    for example in Sybil(parsers=parsers).parse(PAGE).examples():
        example.evaluate()


def write_file(example: Example) -> None:
    if file := FILE.match(str(example.parsed)):
        Path(file["name"]).write_text(file["text"])
