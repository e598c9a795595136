"""docs/extension_api.md and `extend/operations.py`: what extensions import, by `extend/__init__.py` and OPS."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import groupby, pairwise
from pathlib import Path

from pullback import extend
from pullback.dialects.graph.op.graph_op import OPS

HEADER = """# What extensions import

`pullback.extend` has what the recipes use: how to add {recipes}.
It keeps its names while the modules behind it may change. The class of each operation of [the graph
dialect](operations.md) is in `pullback.extend.operations`, `Add` for `graph.add`. This page is made from
`extend/__init__.py` by `python -m pullback.tools.generate`.
"""


DOCS = Path(__file__).resolve().parents[2] / "docs"


class UndocumentedError(Exception):
    """A name that extensions import has no docstring, from which its row of the page is made."""


LINE = re.compile(r"^# ---- (?P<title>.+) ----$|^from (?P<module>[\w.]+) import (?P<name>\w+)", re.MULTILINE)

OPERATIONS = '''"""The class of each operation of the graph dialect. Made by `python -m pullback.tools.generate`."""

'''


def reference() -> str:
    """The page, in Markdown: each name with the first paragraph of its docstring."""
    recipes = (f"[{_recipe(path)}]({path.name})" for path in sorted(DOCS.glob("add-*.md")))
    parts = [HEADER.format(recipes=", ".join(recipes))]
    for line in LINE.finditer(inspect.getsource(extend)):
        if title := line["title"]:
            parts.append(f"## {title}\n\n| name | what it is |\n|---|---|")
        else:
            parts.append(f"| `{line['name']}` | {_summary(line['module'], line['name'])} |")
    return "\n".join(parts).replace("|\n## ", "|\n\n## ") + "\n"


def _recipe(path: Path) -> str:
    """The subject of a recipe, from its title."""
    return path.read_text().partition("\n")[0].removeprefix("# How to add ")


def operations() -> str:
    """The module that has every class of operations."""
    modules = groupby(OPS.ours.values(), key=lambda cls: cls.__module__)
    return OPERATIONS + "".join(
        f"from {module} import {cls.__name__} as {cls.__name__}\n"
        for module, classes in modules
        for cls in classes
    )


def _summary(module: str, name: str) -> str:
    """The first paragraph of what documents a name: its own docstring, or the string under an assignment."""
    value = getattr(extend, name)
    documented = inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)
    text = inspect.getdoc(value) if documented else _under_assignments(module).get(name)
    if not text:
        raise UndocumentedError(f"pullback.extend.{name}: expected a docstring in {module}")
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


@cache
def _under_assignments(module: str) -> dict[str, str]:
    """The strings under the assignments of a module, by the names that are assigned."""
    body = ast.parse(inspect.getsource(import_module(module))).body
    return {
        name: inspect.cleandoc(text.value.value)
        for statement, text in pairwise(body)
        if isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
        for name in _assigned(statement)
    }


def _assigned(statement: ast.stmt) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return (target.id for target in targets if isinstance(target, ast.Name))
