"""`IndexedSlices`: the handle of a sparse gradient, rows of a tensor and their indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from xdsl.dialects.builtin import DYNAMIC_INDEX
from xdsl.ir import Attribute, OpResult

from pullback.dialects.graph.by_index.gather import Densify, MakeSlices, SliceIndices, SliceValues
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.movement.shapes import ShapeOf
from pullback.dialects.graph.tensor.tensor import Operand, Operators, Tensor
from pullback.dialects.graph.tensor.types import (
    ArgumentTypeError,
    GraphError,
    SlicesType,
    compatible_shapes,
    compatible_types,
    element_type_of,
    format_shape,
    is_integer,
    shape_of_type,
)
from pullback.frontend.graph.graph import current_graph, graph_of
from pullback.frontend.graph.visibility import is_visible
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.operands.shape_like import ShapeLike, static_extents
from pullback.passes.gradients.emitter import warn_of_dense

__all__ = ["IndexedSlices"]


class IndexedSlices(Operators):
    """Rows `values[k]` that belong at row `indices[k]` of a tensor of `dense_shape`; equal indices add up.

    Args:
        values: a tensor or an array of shape (n, *row).
        indices: a tensor or an array of integers of shape (n,); those out of range name no row.
        dense_shape: the shape of the tensor that the rows belong to, `(rows, *row)`: numbers, tensors among them, or
            one tensor of integers, such as the `dense_shape` of other slices.

    Raises:
        ValueError: where these do not fit each other.
    """

    DOCUMENTED: ClassVar = ("values", "indices", "dense_shape", "shape", "dtype")
    """The members that docs/python.md shows: the others are for the inside."""

    def __init__(self, values: Operand, indices: Operand, dense_shape: ShapeLike) -> None:
        anchor = next((v for v in (values, indices, dense_shape) if isinstance(v, Tensor)), None)
        home = graph_of(anchor.value) if anchor is not None else current_graph()
        with home.current(), home.unchanged_on_error():
            rows, at = as_tensor(values, "values"), as_tensor(indices, "indices")
            extents, runtime = self._extents(dense_shape)
            if at.ndim != 1 or not is_integer(at.element_type):
                raise GraphError(f"indices must be integers of rank 1, got {at.type}")
            if not compatible_shapes(rows.extents, (*at.extents, *extents[1:])):
                raise GraphError(
                    f"values {rows.type} are no rows at {at.type} of shape {format_shape(extents)}"
                )
            row = (
                max(pair) for pair in zip(rows.extents[1:], extents[1:], strict=True)
            )  # known where either is
            whole = (*extents[:1], *row)
            shape = [runtime.value] if runtime is not None and DYNAMIC_INDEX in whole else []
            self.tensor = MakeSlices.to(rows, at, whole, shape)
            self._parts: dict[str, Tensor] = {}

    @staticmethod
    def _extents(dense_shape: ShapeLike) -> tuple[tuple[int, ...], Tensor | None]:
        if dense_shape is None or isinstance(dense_shape, str | int):  # pyright: ignore[reportUnnecessaryComparison]
            raise ArgumentTypeError(
                f"dense_shape: expected extents such as (4, 2), or a tensor of them, got {dense_shape!r}"
            )
        if isinstance(dense_shape, list | tuple) and None in dense_shape:
            raise GraphError(
                f"dense_shape must be known when the graph is built, or be a tensor, got {dense_shape}"
            )
        return static_extents(dense_shape, "dense_shape")

    @classmethod
    def wrap(cls, tensor: Tensor) -> IndexedSlices:
        """The handle of a value of slices type."""
        handle = cls.__new__(cls)
        handle.tensor, handle._parts = tensor, {}
        return handle

    @property
    def type(self) -> SlicesType:
        type_ = self.tensor.type
        assert isinstance(type_, SlicesType)
        return type_

    @property
    def dtype(self) -> str:
        """The element type's name, such as `"f32"`."""
        return str(element_type_of(self.type.data_type))

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of the tensor that the rows belong to, `None` where known at run time only."""
        return tuple(None if n == DYNAMIC_INDEX else n for n in shape_of_type(self.type.data_type))

    @property
    def values(self) -> Tensor:
        """The rows."""
        return self._kept("values", lambda: self._part(0))

    @property
    def indices(self) -> Tensor:
        """The indices of the rows."""
        return self._kept("indices", lambda: self._part(1))

    @property
    def dense_shape(self) -> Tensor:
        """The shape of the tensor that the rows belong to, i64."""
        return self._kept("dense_shape", self._shape)

    def _kept(self, what: str, make: Callable[[], Tensor]) -> Tensor:
        """A part, made once; and again where the one that was made is not visible here, or erased."""
        graph = graph_of(self.tensor.value)
        part = self._parts.get(what)
        if part is None or not is_visible(part.value, graph.insertion_block):
            with graph.current():
                part = self._parts[what] = make()
        return part

    def _shape(self) -> Tensor:
        if None not in self.shape:
            return Constant.from_array([n or 0 for n in self.shape], "i64")
        made = self._maker
        return Tensor(made.operands[2]) if made is not None else ShapeOf.of(Densify.of(self.tensor))

    @property
    def _maker(self) -> MakeSlices | None:
        value = self.tensor.value
        return value.op if isinstance(value, OpResult) and isinstance(value.op, MakeSlices) else None

    def _part(self, index: int) -> Tensor:
        made = self._maker
        if made is not None:
            return Tensor(made.operands[index])
        return (SliceValues, SliceIndices)[index].of(self.tensor)

    def known_as(self, type_: Attribute) -> IndexedSlices:
        """The same rows with a dense type that is fully known, where the shape was known in part."""
        if None not in self.shape or not compatible_types(self.type.data_type, type_):
            return self
        return IndexedSlices(self.values, self.indices, shape_of_type(type_))

    def as_tensor(self) -> Tensor:
        """Densifies: the tensor that has these rows; warns where it may be large."""
        warn_of_dense(self.type.data_type, stacklevel=4)
        with graph_of(self.tensor.value).current():
            return Densify.of(self.tensor)

    def __repr__(self) -> str:
        return f"<IndexedSlices {self.tensor.name!r}: {self.type}>"
