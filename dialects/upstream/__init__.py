"""The upstream MLIR dialects that levels 3 and below are written in, complete enough for our vectors.

xDSL 0.74 lacks some operations and refuses others on vectors. Those are declared here under upstream's names
and syntax, one module per dialect, and take the place of xDSL's. A dialect is imported when a program first needs it:
one that is built, differentiated and evaluated needs few of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import cast

from xdsl.ir import Dialect
from xdsl.irdl import IRDLOperation

UPSTREAM: Mapping[str, tuple[str, str]] = {
    "builtin": ("xdsl.dialects.builtin", "Builtin"),
    "func": ("xdsl.dialects.func", "Func"),
    "arith": ("pullback.dialects.upstream.arith", "Arith"),
    "math": ("pullback.dialects.upstream.math", "Math"),
    "memref": ("pullback.dialects.upstream.memref", "MemRef"),
    "scf": ("pullback.dialects.upstream.scf", "Scf"),
    "vector": ("pullback.dialects.upstream.vector", "Vector"),
    "gpu": ("pullback.dialects.upstream.gpu", "Gpu"),
}
"""The upstream dialects of every level, ours in place of xDSL's: the module and the name of each."""


def upstream_dialect(name: str) -> Dialect:
    """The upstream dialect of a name."""
    module, dialect = UPSTREAM[name]
    return getattr(import_module(module), dialect)


def upstream_dialects() -> tuple[Dialect, ...]:
    """All upstream dialects."""
    return tuple(map(upstream_dialect, UPSTREAM))


@cache
def upstream_operation(name: str) -> type[IRDLOperation]:
    """The class of an upstream operation, by its name as in `arith.addf`; its dialect is imported with the first."""
    operations = {op.name: op for op in upstream_dialect(name.partition(".")[0]).operations}
    return cast("type[IRDLOperation]", operations[name])
