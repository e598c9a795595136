"""Digests of operation classes, without docstrings and comments, to detect changes."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache

from pullback.dialects.graph.examples import ARGUMENTS, spelled_out
from pullback.dialects.graph.op.graph_op import GraphOp


def digest(cls: type[GraphOp]) -> str:
    """A digest of the class and its bases, of what they name in their modules, and of the examples."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith("pullback.")]
    parts = [text for base in bases for text in _with_what_it_names(base.__module__, base.__name__)]
    for example in cls.examples():
        parts += [spelled_out(example), *(line for line in _arguments() if line.split(":")[0] in example)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _arguments() -> list[str]:
    return [f"%{argument.strip(' ,')}" for argument in spelled_out(ARGUMENTS).split("%")[1:]]


def _with_what_it_names(module: str, name: str) -> Iterator[str]:
    """The text of a definition of a module, and of those in the same module that it names, directly or not."""
    definitions = _definitions(module)
    reached, waiting = {name}, [name]
    while waiting:
        text, names = definitions[waiting.pop()]
        yield text
        new = sorted(n for n in names if n in definitions and n not in reached)
        reached.update(new)
        waiting += new


@cache
def _definitions(module: str) -> Mapping[str, tuple[str, frozenset[str]]]:
    """The definitions of a module, by name: the text, and the names that occur in it."""
    source = inspect.getsource(sys.modules[module])
    lines = source.splitlines()
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for statement in ast.parse(source).body:
        names = frozenset(n.id for n in ast.walk(statement) if isinstance(n, ast.Name))
        for name in _defined(statement):
            found[name] = _code(statement, lines), names
    return found


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def _code(statement: ast.stmt, lines: list[str]) -> str:
    """The lines of a statement without strings that are statements, without comments and empty lines."""
    dropped: set[int] = set()
    for node in ast.walk(statement):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            dropped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    kept = (
        lines[n - 1].strip()
        for n in range(statement.lineno, (statement.end_lineno or 0) + 1)
        if n not in dropped
    )
    return "\n".join(line for line in kept if line and not line.startswith("#"))
