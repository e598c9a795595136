"""Encodes the random states of the graphs that a checkpoint's variables are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from pullback.dialects.graph.op.graph_op import Array
from pullback.frontend.graph.graph import Graph
from pullback.frontend.handles.random_state import RandomState, known_random_state, random_state

STATE = "random_state/"
"""The prefix of the states' numbers in a file's metadata."""


def encoded_states(graphs: Iterable[Graph]) -> dict[str, str]:
    """The states of these graphs, of those that have one, as metadata. Graphs are numbered in their order."""
    import json  # by who saves or restores, as below

    known = enumerate(map(known_random_state, _distinct(graphs)))
    return {f"{STATE}{i}": json.dumps(state.numpy().tolist()) for i, state in known if state is not None}


def decoded_states(graphs: Iterable[Graph], metadata: Mapping[str, str]) -> list[tuple[RandomState, Array]]:
    """The state of each of these graphs, with what it is to be; those that the metadata does not have are left out.

    Raises:
        ValueError: what the metadata has is no state.
    """
    found: list[tuple[RandomState, Array]] = []
    for i, graph in enumerate(_distinct(graphs)):
        if (text := metadata.get(f"{STATE}{i}")) is not None:
            found.append((random_state(graph), _decoded(text, f"{STATE}{i}")))
    return found


def _distinct(graphs: Iterable[Graph]) -> list[Graph]:
    """One graph for each state, in order of their first appearance."""
    kept: list[Graph] = []
    for graph in graphs:
        alone = not graph.draws.shared or not any(other.draws.shared for other in kept)
        if alone and graph not in kept:
            kept.append(graph)
    return kept


def _decoded(text: str, name: str) -> Array:
    import json

    try:
        words = json.loads(text)
        if isinstance(words, list) and len(words) == 2 and all(type(word) is int for word in words):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            return np.array(words, np.int64)
    except (ValueError, OverflowError, RecursionError):
        pass
    raise ValueError(f"'{name}' is no state of random numbers: expected two integers of 64 bits")
