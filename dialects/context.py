"""The context in which Pullback's text is read: the graph dialect and the upstream ones below it."""

from __future__ import annotations

from xdsl.context import Context

from pullback.dialects.graph import Graph
from pullback.dialects.upstream import upstream_dialects


def context() -> Context:
    """A new context with every dialect loaded."""
    result = Context()
    for dialect in (*upstream_dialects(), Graph):
        result.load_dialect(dialect)
    return result
