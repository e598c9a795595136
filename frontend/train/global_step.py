"""The variable that counts training steps."""

from __future__ import annotations

from pullback.frontend.graph.graph import Graph, current_graph
from pullback.frontend.handles.variable import Variable

__all__ = ["get_or_create_global_step"]

NAME = "global_step"


def get_or_create_global_step(graph: Graph | None = None) -> Variable:
    """The graph's variable `global_step` (i64, from 0, not trainable), which is made if there is none.

    Args:
        graph: the current one unless given.

    Raises:
        ValueError: outside of a graph, if none is given.
    """
    home = current_graph() if graph is None else graph
    known = home.variables.get(NAME)
    if isinstance(known, Variable):
        return known
    with home.current(), home.names.entered(None):
        return Variable(0, NAME, "i64", trainable=False)
