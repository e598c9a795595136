"""`Workload`: one computation that benchmarks time, written once in words that every system has.

The words are in `words_of_*.py`, models made of them in `models.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Model = Callable[..., Any]
"""Of the words of a system, then of its tensors: the parameters and the data."""
RATE = 1e-3
"""Of training steps."""
EPSILON = 1e-20
"""Of Adam: so small that it makes no difference whether it is added before the bias is corrected, or after."""
CHECKED_STEPS = 3


@dataclass(frozen=True)
class Labels:
    """Random integers of a shape below a number."""

    shape: Shape
    below: int


@dataclass(frozen=True)
class Workload:
    """One computation, for all systems.

    Args:
        name: for tables.
        kind: a function of the data; a loss and the gradients of its parameters; a step that updates these.
        model: gives the result of the function, or the loss.
        parameters: shapes of what has gradients.
        data: shapes of what has none, and labels.
        bytes: that must be moved at least; what is read twice, because it does not fit anywhere, counts twice.
        flops: of the products, where they are what takes time.
        optimizer: of a step.
        of_rows: the model is one of rows of the only parameter, a table: the first of the data are their indices,
            and gradients are of these rows alone.
    """

    name: str
    kind: Literal["function", "gradient", "training"]
    model: Model
    parameters: Sequence[Shape]
    data: Sequence[Shape | Labels]
    bytes: int = 0
    flops: int = 0
    optimizer: Literal["sgd", "adam"] = "sgd"
    of_rows: bool = False

    def arrays(self) -> tuple[list[Array], list[Array]]:
        """The same numbers in each process: those of the parameters are small, as first weights are."""
        rng = np.random.default_rng(0)

        def numbers(shape: Shape, size: float) -> Array:
            array = rng.random(shape, np.float32)
            array -= 0.5
            array *= 2 * size
            return array

        weights = [numbers(shape, prod(shape[:-1]) ** -0.5) for shape in self.parameters]
        data = [
            rng.integers(0, shape.below, shape.shape).astype(np.int32)
            if isinstance(shape, Labels)
            else numbers(shape, 1.0)
            for shape in self.data
        ]
        return weights, data

    def on_tensors(self, words: Any, *tensors: Any) -> Any:
        """The result, or the loss, of parameters and data."""
        if not self.of_rows:
            return self.model(words, *tensors)
        table, indices, *others = tensors
        return self.model(words, words.rows(table, indices), *others)


def sampled(array: Any, most: int = 4096) -> Any:
    """Some elements, the same in each process: enough to tell whether two systems computed the same."""
    flat = np.asarray(array, np.float64).reshape(-1)
    if flat.size <= most:
        return flat
    return flat[np.random.default_rng(1).integers(0, flat.size, most)]


def difference(found: Any, expected: Any) -> float:
    """How far the samples of all results are from those expected, in the norm; infinite where something is missing."""
    if [x.shape for x in found] != [x.shape for x in expected]:
        return float("inf")
    worst = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        distance = float(np.linalg.norm(ours - theirs))
        size = float(np.linalg.norm(theirs))
        worst = max(worst, distance / size if size else distance)
        if not np.isfinite(ours).all():
            return float("inf")
    return worst
