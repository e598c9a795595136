"""`python -m pullback.tools.generate`: everything in the repository that is made from code, written anew.

Rows of docs/support.md are found out by running operations, so those of operations that have not changed are kept;
`--all` makes all of them anew, which takes minutes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pullback.tools.files import FileError, write_bytes
from pullback.tools.generate import (
    extensions,
    names,
    operations,
    plugin_page,
    python_reference,
    support_matrix,
    universe,
)
from pullback.tools.generate.extensions import UndocumentedError
from pullback.tools.generate.plugin_page import NoSuchPluginError
from pullback.tools.generate.stubs import stubs
from pullback.tools.generate.support_rows import MatrixError
from pullback.tools.installed_plugins import load_plugins

ROOT = Path(__file__).resolve().parents[2]

GENERATED: Mapping[str, Callable[[], str]] = {
    "extend/operations.py": extensions.operations,
    "docs/extension_api.md": extensions.reference,
    "docs/names.md": names.reference,
    "docs/operations.md": operations.reference,
    "docs/python.md": python_reference.reference,
    "frontend/functions/elementwise.pyi": stubs,
    "pullback_universe/names.py": universe.names,
}
"""Each file, and what it should hold; beside these there is docs/support.md, which is made from what it holds."""
SUPPORT = "docs/support.md"


def stale() -> list[str]:
    """The files of `GENERATED` that say something else than the code."""
    return [name for name, make in GENERATED.items() if _text(name) != make()]


def _text(name: str) -> str:
    path = ROOT / name
    return path.read_text() if path.exists() else ""


def _write(name: str, text: str) -> None:
    write_bytes(ROOT / name, text.encode())
    sys.stdout.write(f"{name}\n")


def _write_plugin_page(plugin: str, folder: Path) -> None:
    load_plugins("generate")
    path = folder / f"{plugin}.md"
    text = plugin_page.page(plugin)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text.encode())
    sys.stdout.write(f"{path}\n")


def main() -> None:
    """Writes each file that is not up to date, and names it."""
    parser = argparse.ArgumentParser(prog="python -m pullback.tools.generate", description=__doc__)
    parser.add_argument("--all", action="store_true", help=f"make every row of {SUPPORT} anew")
    parser.add_argument("--plugin", metavar="NAME", help="write the page of a plug-in, and none of ours")
    parser.add_argument("--output", metavar="DIR", help="where the page of the plug-in goes (default: here)")
    options = parser.parse_args()
    if options.output is not None and options.plugin is None:
        parser.error("--output is for --plugin: our own pages have their places")
    every: bool = options.all
    try:
        if options.plugin is not None:
            _write_plugin_page(options.plugin, Path(options.output or "."))
            return
        for name in stale():
            _write(name, GENERATED[name]())
        page = _text(SUPPORT)
        if (new := support_matrix.updated(page, every)) != page:
            _write(SUPPORT, new)
    except (UndocumentedError, MatrixError, NoSuchPluginError, FileError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
