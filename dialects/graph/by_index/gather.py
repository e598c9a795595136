"""Gather of rows, and indexed slices (sparse gradients), which are its gradient.

The gradient with respect to a value of slices type is a tensor shaped as its rows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, i1
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def, result_def, traits_def, var_operand_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.shapes import Reshape, ShapeOf, dynamic_shape
from pullback.dialects.graph.movement.split_concat import split_like
from pullback.dialects.graph.op.access import AccessMap, AffineAccess, RowAccess, dims
from pullback.dialects.graph.op.checks import check_indices, check_shape_operand
from pullback.dialects.graph.op.graph_op import (
    Array,
    GradientTerms,
    GraphOp,
    NotDifferentiable,
    Properties,
    graph_op,
)
from pullback.dialects.graph.op.indexed import Scatter, View
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    SlicesType,
    VariableType,
    compatible_types,
    element_type_of,
    known_extents,
    shape_of_type,
    tensor_type,
)


def rows_type(op: str, params: Attribute, indices: Attribute) -> Attribute:
    """Infers the type of a gather: a row of `params` for each of the indices."""
    if not shape_of_type(params):
        raise GraphError(f"{op}: rank_c3: params must have at least rank 1, got {params}")
    check_indices(op, indices)
    return tensor_type(element_type_of(params), (*shape_of_type(indices), *shape_of_type(params)[1:]))


def rows_at(params: Array, indices: Array) -> Array:
    """Gathers rows of an array; zeros for an index that is out of range."""
    inside = (indices >= 0) & (indices < params.shape[0])
    if params.shape[0] == 0:
        return np.zeros((*indices.shape, *params.shape[1:]), params.dtype)
    rows = params[np.where(inside, indices, 0)]
    return np.where(inside.reshape(inside.shape + (1,) * (params.ndim - 1)), rows, rows.dtype.type(0))


@graph_op
class Gather(View):
    """A gather of rows: `result[i…] = params[indices[i…]]`; an index out of range gives a row of zeros."""

    name = "graph.gather"
    TAKES: ClassVar = None  # an index out of range gives zeros
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.gather %x, %i : (MATRIX, tensor<4xi32>) -> tensor<4x3xf32>",)
    params = operand_def(AnyAttr())
    indices = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        return [rows_type(cls.name, *operands)]

    def numpy(self, *operands: Array) -> Any:
        return rows_at(*operands)

    def access(self, number: int, result: int = 0) -> AccessMap:
        params, indices, space = self.shape_of(0), self.shape_of(1), self.iteration_shape()
        point, rank = dims(space), len(indices)
        if number == 1:
            return AffineAccess(tuple(point[:rank]), indices, space)
        return RowAccess(1, AffineAccess(tuple(point[rank:]), params[1:], space))

    def gradient(self, dy: Tensor) -> GradientTerms:
        params, indices = (Tensor(v) for v in self._operands)
        return MakeSlices.rows_of(params, dy, indices), None


@graph_op
class MakeSlices(View):
    """Indexed slices from rows and their indices; a third operand gives the extents that are `?` in the type."""

    name = "graph.make_slices"
    TAKES: ClassVar = None
    EXAMPLES: ClassVar = ("%r = graph.make_slices %d, %i : (tensor<4x3xf32>, tensor<4xi32>) -> SLICES",)
    SHAPE_OPERAND: ClassVar = 2
    values = operand_def(AnyAttr())
    indices = operand_def(AnyAttr())
    dense_shape = opt_operand_def(AnyAttr())
    result = result_def(SlicesType)
    traits = traits_def(Pure())

    def verify_(self) -> None:
        result = self.result_types[0]
        assert isinstance(result, SlicesType)
        wanted = (result.values_type, result.indices_type)
        for value, type_, what in zip(self._operands, wanted, ("values", "indices"), strict=False):
            if not compatible_types(value.type, type_):
                raise GraphError(f"{self.name}: slices_c4: {what} are {value.type}, the result has {type_}")
        check_shape_operand(self, self._operands[2:], result.data_type)

    @classmethod
    def make(cls, values: Tensor, indices: Tensor, like: Tensor) -> Tensor:
        """Emits slices of a tensor shaped as `like`."""
        return cls.to(values, indices, like.extents, dynamic_shape(like))

    @classmethod
    def to(
        cls, values: Tensor, indices: Tensor, shape: Sequence[int], runtime: Sequence[SSAValue] = ()
    ) -> Tensor:
        """Emits slices of a tensor of this shape; `runtime` holds the shape operand where it has a `?`."""
        type_ = SlicesType(
            tensor_type(values.element_type, values.extents),
            tensor_type(indices.element_type, indices.extents),
            tensor_type(values.element_type, shape),
        )
        return cls.emit_as([values.value, indices.value, *runtime], type_)

    @classmethod
    def rows_of(cls, params: Tensor, values: Tensor, indices: Tensor) -> Tensor:
        """Emits slices of `params` from indices of any rank, flattened, and a row of `values` for each."""
        count = 1
        for n in indices.extents:
            count = DYNAMIC_INDEX if DYNAMIC_INDEX in (n, count) else count * n
        row = params.extents[1:]
        flat_indices = indices if indices.ndim == 1 else Reshape.to(indices, (count,))
        flat_shape = (count, *row)
        if indices.ndim == 1:
            flat_values = values
        elif flat_shape.count(DYNAMIC_INDEX) > 1:
            rows = Gather.of(params, flat_indices)
            flat_values = Reshape.to(values, flat_shape, runtime=ShapeOf.of(rows))
        else:
            flat_values = Reshape.to(values, flat_shape)
        return cls.make(flat_values, flat_indices, params)

    def numpy(self, *operands: Array) -> Any:
        values, indices, *shape = operands
        assert isinstance(self.result_types[0], SlicesType)
        dense = tuple(map(int, shape[0])) if shape else shape_of_type(self.result_types[0].data_type)
        return SlicesValue(values, indices, dense)

    def access(self, number: int, result: int = 0) -> None:
        """Slices have no elements: what takes them reads their rows and indices."""

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (dy, *[None] * (len(self._operands) - 1))


class OfSlices(GraphOp):
    """An operation on slices that returns their rows, their indices or the dense tensor."""

    RESULT: ClassVar[Callable[[SlicesType], Attribute]]
    """The result type for slices of a type."""
    slices = operand_def(SlicesType)
    result = result_def(AnyAttr())
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (type_,) = operands
        if not isinstance(type_, SlicesType):
            raise GraphError(f"{cls.name}: slices_c5: needs slices, got {type_}")
        return [cls.RESULT(type_)]


@graph_op
class Densify(OfSlices, Scatter):
    """The dense tensor of slices: zeros with the rows added at their indices."""

    name = "graph.densify"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.densify %p : (SLICES) -> MATRIX",)
    RESULT: ClassVar = operator.attrgetter("data_type")

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (data,) = super().infer(operands, properties)
        if element_type_of(data) == i1:
            raise GraphError(f"{cls.name}: dtype_c1: needs a numeric dtype, got i1: rows of one index add up")
        return [data]

    def numpy(self, *operands: Any) -> Any:
        return operands[0].dense()

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Gather.of(dy, indices_of(Tensor(self._operands[0]))),)


@graph_op
class SliceValues(OfSlices):
    """The rows of slices."""

    name = "graph.slice_values"
    EXAMPLES: ClassVar = ("%r = graph.slice_values %p : (SLICES) -> tensor<4x3xf32>",)
    RESULT: ClassVar = operator.attrgetter("values_type")

    def numpy(self, *operands: Any) -> Any:
        return operands[0].values

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy,)


@graph_op
class SliceIndices(OfSlices):
    """The indices of slices."""

    name = "graph.slice_indices"
    EXAMPLES: ClassVar = ("%r = graph.slice_indices %p : (SLICES) -> tensor<4xi32>",)
    traits = traits_def(Pure(), NotDifferentiable())
    RESULT: ClassVar = operator.attrgetter("indices_type")

    def numpy(self, *operands: Any) -> Any:
        return operands[0].indices


def indices_of(slices: Tensor) -> Tensor:
    """Returns the indices of slices: those they were made of, where visible, since no loop can keep slices."""
    maker = slices.op
    return Tensor(maker.operands[1]) if isinstance(maker, MakeSlices) else SliceIndices.of(slices)


@graph_op
class ConcatSlices(GraphOp):
    """The concatenation of the rows of several slices of one tensor; rows of equal index are not added up."""

    name = "graph.concat_slices"
    EXAMPLES: ClassVar = (
        """%r = graph.concat_slices %p, %p
      : (SLICES, SLICES) -> !graph.slices<tensor<8x3xf32>, tensor<8xi32>, MATRIX>""",
    )
    terms = var_operand_def(SlicesType)
    result = result_def(SlicesType)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        types = [t for t in operands if isinstance(t, SlicesType)]
        if not types or len(types) != len(operands):
            raise GraphError(f"{cls.name}: slices_c5: needs slices, got {', '.join(map(str, operands))}")
        first = types[0]
        counts = [shape_of_type(t.indices_type)[0] for t in types]
        count = DYNAMIC_INDEX if DYNAMIC_INDEX in counts else sum(counts)
        for type_ in types:
            if type_.indices_type.element_type != first.indices_type.element_type:
                raise GraphError(f"{cls.name}: slices_c6: indices must have one dtype")
            if not compatible_types(type_.data_type, first.data_type):
                raise GraphError(
                    f"{cls.name}: slices_c7: slices of different tensors: {first.data_type} and {type_.data_type}"
                )
        element_type, data = element_type_of(first.values_type), known_extents(types)
        row = known_extents([*(t.values_type for t in types), tensor_type(element_type, (count, *data[1:]))])[
            1:
        ]
        indices = tensor_type(first.indices_type.element_type, (count,))
        return [
            SlicesType(tensor_type(element_type, (count, *row)), indices, tensor_type(element_type, data))
        ]

    def numpy(self, *operands: Any) -> Any:
        return SlicesValue(
            np.concatenate([s.values for s in operands]),
            np.concatenate([s.indices for s in operands]),
            operands[0].dense_shape,
        )

    def gradient(self, dy: Tensor) -> GradientTerms:
        return split_like(dy, [SliceValues.of(Tensor(v)) for v in self._operands], axis=0)


def zeros_like(x: Tensor) -> Tensor:
    """Emits zeros of the shape of `x`; where `x` is slices or a variable, of its dense tensor's shape."""
    if isinstance(x.type, VariableType):
        return Fill.full(0, x.type.data_type)
    if isinstance(x.type, SlicesType):
        x = Densify.of(x)
    shape = dynamic_shape(x)
    return Fill.full(0, tensor_type(x.element_type, x.extents), shape[0] if shape else None)
