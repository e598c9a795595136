"""Splitting and concatenation along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, IntegerAttr, i32, i64
from xdsl.ir import Attribute
from xdsl.irdl import (
    AnyAttr,
    base,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.op.access import AccessMap, AffineAccess, StoredAccess, dims
from pullback.dialects.graph.op.checks import check_axis, check_operand_dtypes, check_same_ranks
from pullback.dialects.graph.op.graph_op import (
    Array,
    GradientTerms,
    GraphOp,
    KeepsRows,
    Properties,
    Rows,
    graph_op,
)
from pullback.dialects.graph.op.indexed import Concatenation, View
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import OPS, Number, Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)


@graph_op
class Split(View):
    """Consecutive pieces of the operand along `axis`, of these `sizes`: one result per piece.

    Pieces of size -1 share the rest of the axis in equal parts.
    """

    name = "graph.split"
    EXAMPLES: ClassVar = (
        """%r:2 = graph.split %v {axis = 0 : i64, sizes = array<i64: 1, 2>}
      : (VECTOR) -> (tensor<1xf32>, tensor<2xf32>)""",
        """%r:2 = graph.split %y {axis = 0 : i64, sizes = array<i64: 2, -1>}
      : (tensor<?x3xf32>) -> (tensor<2x3xf32>, tensor<?x3xf32>)""",
    )
    operand = operand_def(AnyAttr())
    pieces = var_result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    sizes = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape, sizes = shape_of_type(operands[0]), integer_list(properties, "sizes")
        axis = check_axis(cls.name, properties, shape)
        made = sizes_along(cls.name, sizes, shape, axis)
        element_type = element_type_of(operands[0])
        return [tensor_type(element_type, (*shape[:axis], n, *shape[axis + 1 :])) for n in made]

    def numpy(self, *operands: Array) -> Any:
        assert isinstance(self.axis, IntegerAttr)
        axis, shape = self.axis.value.data, operands[0].shape
        sizes = sizes_along(self.name, integer_list(self.properties, "sizes"), shape, axis)
        return tuple(np.split(operands[0], np.cumsum(sizes)[:-1], axis=axis))

    def access(self, number: int, result: int = 0) -> AccessMap:
        assert isinstance(self.axis, IntegerAttr)
        axis, space = self.axis.value.data, self.iteration_shape(result)
        position = dims(space)
        position[axis] += sum(shape_of_type(r.type)[axis] for r in self.results[:result])
        return StoredAccess(AffineAccess(tuple(position), self.shape_of(0), space))

    def gradient(self, *dys: Tensor) -> GradientTerms:
        return (Concat.of(*dys, axis=self.axis),)


def sizes_along(op: str, sizes: Sequence[int], shape: Sequence[int], axis: int) -> list[int]:
    """Resolves the sizes of pieces: each -1 becomes its part of the rest, or `DYNAMIC_INDEX` if known only at run time.

    Raises:
        GraphError: the pieces do not make up the axis.
    """
    extent, shares = shape[axis], sizes.count(-1)
    rest = -1 if extent == DYNAMIC_INDEX else extent - sum(n for n in sizes if n != -1)
    if min(sizes, default=0) < -1 or (extent != DYNAMIC_INDEX and (rest < 0 or rest % (shares or rest + 1))):
        raise GraphError(
            f"{op}: sizes_c1: sizes {list(sizes)} do not make up axis {axis} of shape {format_shape(shape)}"
        )
    share = DYNAMIC_INDEX if extent == DYNAMIC_INDEX else rest // max(shares, 1)
    return [share if n == -1 else n for n in sizes]


@graph_op
class Concat(Concatenation):
    """The operands one after another along `axis`."""

    name = "graph.concat"
    TAKES: ClassVar = slice(None)
    EXAMPLES: ClassVar = (
        "%r = graph.concat %x, %d {axis = 0 : i64} : (MATRIX, tensor<4x3xf32>) -> tensor<6x3xf32>",
    )
    pieces = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    traits = traits_def(Pure(), KeepsRows())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        if not operands:
            raise GraphError(f"{cls.name}: concat_c1: needs at least one operand")
        shapes = [shape_of_type(t) for t in operands]
        axis = check_axis(cls.name, properties, shapes[0])
        check_same_ranks(cls.name, operands)
        around = [(*s[:axis], *s[axis + 1 :]) for s in shapes]
        if not all(compatible_shapes(around[0], a) for a in around):
            listed = ", ".join(map(str, operands))
            raise GraphError(f"{cls.name}: concat_c2: shapes differ beside axis {axis}: {listed}")
        check_operand_dtypes(cls.name, *operands)
        joined = list(shapes[0])
        extents = [s[axis] for s in shapes]
        joined[axis] = DYNAMIC_INDEX if DYNAMIC_INDEX in extents else sum(extents)
        return [tensor_type(element_type_of(operands[0]), joined)]

    def piece_access(self, number: int) -> AffineAccess:
        assert isinstance(self.axis, IntegerAttr)
        axis, space = self.axis.value.data, self.shape_of(number)
        position = dims(space)
        position[axis] += sum(self.shape_of(before)[axis] for before in range(number))
        return AffineAccess(tuple(position), shape_of_type(self.result_types[0]), space)

    def numpy(self, *operands: Array) -> Any:
        assert isinstance(self.axis, IntegerAttr)
        return np.concatenate(operands, axis=self.axis.value.data)

    def gradient(self, dy: Tensor) -> GradientTerms:
        assert isinstance(self.axis, IntegerAttr)
        return split_like(dy, [Tensor(v) for v in self._operands], self.axis.value.data)

    def rows_back(self, rows: Tensor, indices: Tensor) -> Sequence[Rows | None] | None:
        assert isinstance(self.axis, IntegerAttr)
        axis, pieces = self.axis.value.data, [Tensor(v) for v in self._operands]
        if axis:
            return [(part, indices) for part in split_like(rows, pieces, axis)]
        return rows_of_pieces(rows, indices, pieces)


def rows_of_pieces(rows: Tensor, indices: Tensor, pieces: Sequence[Tensor]) -> list[Rows]:
    """Splits rows of a concatenation into rows of each piece: rows of other pieces become zeros, at index -1."""
    wide = DYNAMIC_INDEX in [p.extents[0] for p in pieces] or indices.element_type not in (i32, i64)
    at = OPS["graph.cast"].to(indices, i64) if wide else indices
    start: Tensor | int = 0
    found: list[Rows] = []
    for piece in pieces:
        size = piece.extents[0]
        extent = OPS["graph.shape_of"].of(piece)[0] if size == DYNAMIC_INDEX else size
        own = at - start
        inside = (own >= 0) & (own < extent)
        shaped = OPS["graph.expand_dims"].at(inside, range(1, rows.ndim))
        where = OPS["graph.where"]
        found.append((where.of(shaped, rows, 0), where.of(inside, own, -1)))
        start = start + extent
    return found


@graph_op
class SplitLike(GraphOp):
    """Consecutive pieces of the first operand along `axis`, each as long as the matching other operand there."""

    name = "graph.split_like"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        """%r:2 = graph.split_like %d, %x, %x {axis = 0 : i64}
      : (tensor<4x3xf32>, MATRIX, MATRIX) -> (MATRIX, MATRIX)""",
    )
    operand = operand_def(AnyAttr())
    like = var_operand_def(AnyAttr())
    pieces = var_result_def(AnyAttr())
    axis = prop_def(base(IntegerAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape = shape_of_type(operands[0])
        axis = check_axis(cls.name, properties, shape)
        check_same_ranks(cls.name, operands)
        extents = [shape_of_type(t)[axis] for t in operands[1:]]
        element_type = element_type_of(operands[0])
        return [tensor_type(element_type, (*shape[:axis], n, *shape[axis + 1 :])) for n in extents]

    def numpy(self, *operands: Array) -> Any:
        assert isinstance(self.axis, IntegerAttr)
        axis = self.axis.value.data
        ends = np.cumsum([x.shape[axis] for x in operands[1:]])[:-1]
        return tuple(np.split(operands[0], ends, axis=axis))

    def gradient(self, *dys: Tensor) -> GradientTerms:
        return (Concat.of(*dys, axis=self.axis), *[None] * (len(self._operands) - 1))


def surrounded(x: Tensor, axis: int, low: int, high: int, number: Number = 0) -> Tensor:
    """Pads `x`, whose extents are known, with `low` and `high` elements of one number along an axis."""

    def run(count: int) -> list[Tensor]:
        shape = (*x.extents[:axis], count, *x.extents[axis + 1 :])
        return [Fill.full(number, tensor_type(x.element_type, shape))] if count else []

    return Concat.of(*run(low), x, *run(high), axis=IntegerAttr(axis, i64)) if low or high else x


def split_like(x: Tensor, pieces: Sequence[Tensor], axis: int) -> tuple[Tensor, ...]:
    """Splits `x` along `axis` into pieces as long as these: by static sizes where the types have them."""
    sizes = [p.extents[axis] for p in pieces]
    at = IntegerAttr(axis, i64)
    if DYNAMIC_INDEX in sizes:
        made: GraphOp = SplitLike.emit([x.value, *(p.value for p in pieces)], {"axis": at})
    else:
        made = Split.emit([x.value], {"axis": at, "sizes": integers(sizes)})
    return tuple(Tensor(r) for r in made.results)
