"""`run`: computes values of a graph now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.graph.graph import Graph, common_graph
from pullback.frontend.nests.nest import Nest
from pullback.frontend.trace.fetches import anchors_of, leaves_of
from pullback.frontend.trace.step import Step
from pullback.process.locks import Lock

__all__ = ["run"]

KEPT_STEPS = 32
"""The number of latest different runs of a graph that are kept compiled."""
_keeping = Lock()
"""Held while a graph's steps are looked up and made."""


def run(
    fetches: Any,
    feeds: Mapping[Tensor, Any] | None = None,
    graph: Graph | None = None,
    target: str = "numpy",
) -> Any:
    """Computes tensors and runs operations, in the order in which the graph was built.

    Args:
        fetches: a nest of tensors, slices, variables (their contents afterwards) and operations.
        feeds: values for placeholders, or for any other tensors, which are then not computed. Numbers and
            lists take the tensor's dtype, arrays must have it.
        graph: checked to be that of the fetches, if given.
        target: `"numpy"` for the evaluator, or any target of `compile`.

    Returns:
        The fetches' values in the same nest; `None` for an operation.

    Raises:
        ValueError: for a placeholder that is needed and not fed, and whatever `compile` and a step refuse.
    """
    given: Mapping[Tensor, Any] = {} if feeds is None else feeds
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"feeds: expected a dict from tensors to values, got {type(given).__name__}")
    for key in given:
        if not isinstance(key, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(f"feeds: expected tensors as keys, got {type(key).__name__}")
    return _step(fetches, list(given), graph, target)(*given.values())


def _step(fetches: Any, fed: Sequence[Tensor], graph: Graph | None, target: str) -> Step:
    """The step for these fetches and feeds, which the graph keeps."""
    nest = Nest.of(fetches, none_is_leaf=True)
    wanted = leaves_of(nest, "fetches")
    anchors = anchors_of(wanted)
    own = common_graph([*anchors, *(("feeds", t.value) for t in fed)])
    if own is None:
        return Step(fed, fetches, target)
    if graph is not None and own is not graph:
        raise ValueError(f"{anchors[0][0] if anchors else 'feeds'} is not from the graph given as graph=")
    key = (
        target,
        nest.key(),
        tuple((type(leaf), leaf.anchors) for leaf in wanted),
        tuple(t.value for t in fed),
    )
    with _keeping:
        step = own.steps.pop(key, None)
        if not isinstance(step, Step):
            step = Step(fed, fetches, target, labels=("feeds", "fetches"))
        own.steps[key] = step
        while len(own.steps) > KEPT_STEPS:
            own.steps.pop(next(iter(own.steps)))
    return step
