"""The errors of the frontend."""

from __future__ import annotations

from pullback.dialects.graph.types import GraphError


class ArgumentTypeError(GraphError, TypeError):
    """An argument of a kind or dtype that is not accepted: a `ValueError` that is also a `TypeError`."""
