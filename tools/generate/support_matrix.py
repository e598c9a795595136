"""docs/support.md: what runs where. A row is made by running an operation, and kept until the operation changes.

Changed means: the class, a base of it, what both name in their modules, or an example reads otherwise than when the row
was made; docstrings and comments aside. What a change of a pass or of another operation does to a row is not seen here:
`tests/docs/test_support.py` runs rows again, each in `make test-all`, and `--all` makes all of them anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.console import Console
from rich.progress import track

import pullback.dialects.graph as dialect
from pullback.dialects.graph.examples import EXAMPLES
from pullback.dialects.graph.op.graph_op import OPS
from pullback.dialects.graph.tensor.types import DTYPES
from pullback.tools.generate.digests import digest
from pullback.tools.generate.support_rows import row

OUTSIDE = ("state", "gradient", "kernel")
"""Folders of which no operation computes on tensors by itself; tests of their own run them."""

HEADER = """# What runs where

Every operation on tensors, in every dtype that it takes; a cell is blank for a dtype that the operation refuses.

- The number says up to which order gradients run: `2` for values and gradients of both orders, `0` where there is no
  gradient.
- Two letters say what computes them, on target `cpu` and on GPUs (targets `simt`, `fibers` and `cuda`): `k` kernels,
  `h` a *host operation*, a call of its NumPy meaning. On `cpu` it runs between native phases, on memory as it is; on
  GPUs its operands are copied to the host, and its results back. Of `cholesky`, `triangular_solve`, `matrix_solve`,
  `matrix_inverse`, `determinant`, `slogdet`, small `qr` and `cofactors`, `cpu` has native loops for `f32` and `f64`,
  which ask the host for exceptions alone.

Target `numpy` runs all of it. `python -m pullback.tools.generate` makes this page: it runs each cell of the operations
that have changed on `numpy`, `cpu` and `simt`, and compares them; with `--all` each cell of all. Tests run rows again,
some of them as CUDA text and on `cuda`.
"""
ROW = re.compile(r"^\| `(?P<name>graph\.\w+)` \|.*$", re.MULTILINE)
MADE_FROM = re.compile(r"^(?P<name>graph\.\w+) (?P<digest>[0-9a-f]{12})$", re.MULTILINE)


def operations() -> list[str]:
    """The operations that the page has, in the order of their families."""
    outside = tuple(f"{dialect.__name__}.{folder}." for folder in OUTSIDE)
    return [
        name for name, op in OPS.ours.items() if not op.__module__.startswith(outside) and name in EXAMPLES
    ]


def rows_of(page: str) -> dict[str, str]:
    """The rows of a page, by operation."""
    return {found["name"]: found[0] for found in ROW.finditer(page)}


def digests_of(page: str) -> dict[str, str]:
    """Reads the digest from which each row of a page was made."""
    return {found["name"]: found["digest"] for found in MADE_FROM.finditer(page)}


def changed(page: str) -> list[str]:
    """The operations whose row is not there, or was made from something else."""
    rows, made_from = rows_of(page), digests_of(page)
    return [name for name in operations() if name not in rows or made_from.get(name) != digest(OPS[name])]


def updated(page: str, every: bool = False) -> str:
    """The page with the rows of operations that have changed, or with `every` one, made anew.

    Raises:
        MatrixError: an example does not run, or the targets disagree.
    """
    names = operations() if every else changed(page)
    console = Console(stderr=True)
    steps = track(names, "running operations", console=console, disable=not console.is_terminal or not names)
    made = {name: row(name) for name in steps}
    new = {name: digest(OPS[name]) for name in names}
    return written(rows_of(page) | made, digests_of(page) | new)


def written(rows: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """The whole page, from the rows of its table and what they were made from."""
    names = operations()
    titles = f"| operation | {' | '.join(f'`{d}`' for d in DTYPES)} |"
    table = [titles, "|---" * (len(DTYPES) + 1) + "|", *(rows[name] for name in names)]
    made_from = ["<!-- What each row was made from:", *(f"{name} {digests[name]}" for name in names), "-->"]
    return "\n".join([HEADER, *table, "", *made_from, ""])
