"""What an optimizer reads and writes as it changes one variable: as a whole, or the rows that a gradient names.

The mathematics of an optimizer is the same for both, so it is written once, on one of these.
"""

from __future__ import annotations

from typing import Protocol

from pullback.dialects.graph.along_axes.half_precision import in_accumulator
from pullback.dialects.graph.by_index.gather import Densify, MakeSlices
from pullback.dialects.graph.by_index.replace_rows import Unique
from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.operation import Operation
from pullback.frontend.handles.variable import Variable


class VariableState(Protocol):
    """A variable, its slots and its gradient, seen whole or by rows."""

    gradient: Tensor
    """Of the shape of what is read."""
    updates: list[Operation]
    """What was written, in order."""

    def read(self, variable: Variable) -> Tensor:
        """The contents now."""
        ...

    def write(self, variable: Variable, value: Tensor) -> Tensor:
        """Replaces the contents; gives the new ones."""
        ...

    def subtract(self, variable: Variable, change: Tensor) -> None:
        """Subtracts from the contents."""
        ...


class DenseState:
    """All of a variable: its gradient is dense."""

    def __init__(self, gradient: Tensor) -> None:
        self.gradient = in_accumulator(gradient)
        self.updates: list[Operation] = []

    def read(self, variable: Variable) -> Tensor:
        return variable.read()

    def write(self, variable: Variable, value: Tensor) -> Tensor:
        self.updates.append(variable.assign(value))
        return value

    def subtract(self, variable: Variable, change: Tensor) -> None:
        if variable.dtype == change.dtype:
            self.updates.append(variable.assign_sub(change))
        else:
            self.updates.append(variable.assign(_less(variable.read(), change)))


class SparseState:
    """The rows that the gradient names; no index stands there twice, but for those that name nothing."""

    def __init__(self, slices: IndexedSlices) -> None:
        self.gradient, self.indices = in_accumulator(slices.values), slices.indices
        self.shape = slices.shape
        self.updates: list[Operation] = []

    def read(self, variable: Variable) -> Tensor:
        return variable.sparse_read(self.indices)

    def write(self, variable: Variable, value: Tensor) -> Tensor:
        self.updates.append(variable.scatter_update(self._slices(value)))
        return value

    def subtract(self, variable: Variable, change: Tensor) -> None:
        if variable.dtype == change.dtype:
            self.updates.append(variable.assign_sub(self._slices(change)))
        else:
            self.write(variable, _less(self.read(variable), change))

    def _slices(self, values: Tensor) -> IndexedSlices:
        return IndexedSlices(values, self.indices, self.shape)


def _less(contents: Tensor, change: Tensor) -> Tensor:
    """Contents of half precision less a change in f32, rounded once."""
    return Cast.to(in_accumulator(contents) - change, contents.element_type)


def summed(slices: IndexedSlices) -> IndexedSlices:
    """Slices that stand for the same tensor, in which each index occurs once; -1, which names no row, fills up.

    They have the dtype in which rows are added up.
    """
    distinct, places = Unique.over(slices.indices)
    values = in_accumulator(slices.values)
    rows = Densify.of(MakeSlices.make(values, places, values))
    return IndexedSlices(rows, distinct, slices.shape)
