"""Files, folders and modules that documents, docstrings and comments mention exist."""

from __future__ import annotations

import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "backends",
    "benchmarks",
    "dialects",
    "docs",
    "driver",
    "examples",
    "frontend",
    "passes",
    "tests",
    "tools",
)

FILE = re.compile(r"(?<![\w./*<{-])(?P<path>(?:[\w-]+/)*[\w-]+\.(?:py|pyi|md|toml))\b(?![\w({*])")
FOLDER = re.compile(rf"(?<![\w./*-])(?P<path>(?:{'|'.join(FOLDERS)})(?:/[\w-]+)+)/?(?![\w./*<{{-])")
MODULE = re.compile(r"(?<![\w./-])pullback(?:\.[a-zA-Z_]\w*)+")

INVENTED = frozenset(
    {
        *(
            "layer.py",
            "main.py",
            "one.py",
            "two.py",
            "pullback.tools.one",
            "double_by_adding.py",
            "memory.py",
            "sparse.py",
            "again.py",
            "shrinkage.md",
            "model.py",
            "old_canonicalize.py",
        ),
        "pullback.plugins",  # a group of entry points
    }
)
"""Files and modules that tests and recipes only talk about."""


@cache
def tracked() -> frozenset[str]:
    """The files of the repository, those not yet committed included, and the folders above them, as POSIX paths."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    files = [
        Path(f) for f in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    ]
    present = [f for f in files if (ROOT / f).exists()]
    return frozenset(p.as_posix() for f in present for p in (f, *f.parents))


@cache
def endings() -> frozenset[str]:
    """Every way to name a file or folder by its last components: `gather.py`, `by_index/gather.py`, …"""
    parts = [path.split("/") for path in tracked()]
    return frozenset("/".join(p[i:]) for p in parts for i in range(len(p)))


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a document, or the comments and strings of a module, with their numbers."""
    if path.suffix == ".md":
        yield from enumerate(path.read_text().splitlines(), 1)
        return
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                for offset, line in enumerate(token.string.splitlines()):
                    yield token.start[0] + offset, line


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        try:
            if find_spec(module) is None:
                continue
        except ModuleNotFoundError:
            continue
        found: object = import_module(module)
        for attribute in parts[end:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def missing(line: str) -> list[str]:
    """What a line mentions that does not exist."""
    paths = [match["path"] for pattern in (FILE, FOLDER) for match in pattern.finditer(line)]
    names = [name for name in MODULE.findall(line) if name not in INVENTED]
    gone = [p for p in paths if p not in endings() and p not in INVENTED]
    return gone + [name for name in names if not is_there(name)]


def sources() -> list[Path]:
    here = Path(__file__).relative_to(ROOT).as_posix()
    return [ROOT / path for path in sorted(tracked()) if path.endswith((".py", ".md")) and path != here]


def test_what_is_mentioned_exists() -> None:
    gone = [
        f"{path.relative_to(ROOT)}:{number}: {name}"
        for path in sources()
        for number, line in prose(path)
        for name in missing(line)
    ]
    assert not gone


def test_it_finds_what_is_gone() -> None:
    assert (
        missing("see `dialects/graph/by_index/gather.py`, `gather.py` and pullback.dialects.graph.by_index")
        == []
    )
    assert missing("see `passes/no_such_folder` and `no_such_file.py`") == [
        "no_such_file.py",
        "passes/no_such_folder",
    ]
    assert missing("pullback.dialects.no_such_module") == ["pullback.dialects.no_such_module"]


def tree() -> set[str]:
    """The folders in the tree of docs/design.md, by the indentation of its lines."""
    text = (ROOT / "docs" / "design.md").read_text()
    block = text[text.index("```text\n") + len("```text\n") :]
    found, above = set[str](), list[str]()
    for line in block[: block.index("```")].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = [name.rstrip("/") for name in takewhile(lambda word: word.endswith("/"), line.split())]
        if names:
            above[depth:] = names[:1]
            found |= {"/".join([*above[:depth], name]) for name in names}
    return found


def test_the_tree_in_the_design_is_the_tree() -> None:
    packages = {path.removesuffix("/__init__.py") for path in tracked() if path.endswith("/__init__.py")}
    shown = tree()
    assert not shown - packages
    assert not {p for p in packages - shown if p.count("/") < 2 and not p.startswith("tests")}
    assert not {p for p in packages - shown if p.startswith("dialects/graph/")}
