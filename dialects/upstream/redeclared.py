"""Replacement of xDSL's operation classes in a dialect by our redeclared ones."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Attribute, Dialect, Operation
from xdsl.irdl import IRDLOperation

from pullback.dialects.ir.verified_once import verified_once

TWINS: dict[type[Operation], type[Operation]] = {}
"""xDSL's class of an operation -> the class in this package that takes its place.

A table keyed by operation class adds one row per entry to serve code that still builds xDSL's own class.
"""


def with_operations(
    dialect: Dialect, *operations: type[Operation], attributes: Sequence[type[Attribute]] = ()
) -> Dialect:
    """Copies `dialect` with `operations` in place of those of the same name, or added."""
    ours = {operation.name: operation for operation in operations}
    kept: list[type[Operation]] = []
    for original in dialect.operations:
        if original.name in ours:
            TWINS[original] = ours[original.name]
        else:
            kept.append(original)
    return Dialect(
        dialect.name,
        [*kept, *operations],
        [*dialect.attributes, *attributes],
        dialect._interfaces,  # pyright: ignore[reportPrivateUsage] Dialect has no public list of them
    )


def each_verified_once(dialect: Dialect) -> Dialect:
    """Has equal operations of a dialect verified once; see `verified_once`."""
    for operation in dialect.operations:
        if issubclass(operation, IRDLOperation):
            verified_once(operation)
    return dialect
