"""The state that an optimizer reads and writes for one variable: all of it, or the rows that a sparse gradient names.

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
    """The interface to a variable, its slots and its gradient, dense or by rows."""

    gradient: Tensor
    """The gradient, of the shape of what is read."""
    updates: list[Operation]
    """The updates made, in order."""

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
    """The state for a dense gradient: all of a variable."""

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
    """The state for a sparse gradient: the rows that it names, each index once, but for those that name no row."""

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
    """Sums the rows of equal indices, so that each index occurs once; -1, which names no row, fills up.

    The rows have the dtype in which they are added up.
    """
    distinct, positions = Unique.over(slices.indices)
    values = in_accumulator(slices.values)
    rows = Densify.of(MakeSlices.make(values, positions, values))
    return IndexedSlices(rows, distinct, slices.shape)
