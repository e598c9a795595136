"""Contractions: sums, over some dims, of products of two operands that are read at affine positions.

A convolution is one whose first operand is read where its windows lie:

    (n, h, w, o, i, j, c) -> (n, 2 * h + i, 2 * w + j, c)        the images, for strides of 2
    (n, h, w, o, i, j, c) -> (i, j, c, o)                        the filters
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, DenseArrayBase
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, opt_prop_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.by_index.gather import Densify, Gather, MakeSlices
from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape
from pullback.dialects.graph.op.access import AccessMap, AffineAccess, StoredAccess
from pullback.dialects.graph.op.affine import Position, linear
from pullback.dialects.graph.op.affine_maps import map_of, position_of
from pullback.dialects.graph.op.checks import check_operand_dtypes
from pullback.dialects.graph.op.families import OfDtypes, check_dtype, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.indexed import ContractionOp
from pullback.dialects.graph.tensor.accumulators import multiplied
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import Tensor, conj
from pullback.dialects.graph.tensor.types import (
    GraphError,
    element_type_of,
    format_shape,
    is_static,
    shape_of_type,
    tensor_type,
)


@graph_op
class Contract(OfDtypes, ContractionOp):
    """The sum, over the dims of extents `reduce`, of the products of two operands: MLIR's `linalg.contract`.

    The dims are those of the result, of extents `parallel`, then the reduced ones; `indexing_maps` say where each
    operand is read. Unlike MLIR's, these may be any affine maps: so convolutions, too, are contractions.

    `nonzero` states, for each axis of lhs, the first index and the one after the last between which its elements may be
    other than 0: beyond them is a border of zeros. `one_in` states, for each reduced dim, the extent of blocks of
    terms, from 0 on, in each of which rhs is other than 0 at one term at most.
    """

    name = "graph.contract"
    EXAMPLES: ClassVar = (
        """%r = graph.contract %m, %f {parallel = array<i64: 2, 4, 4, 4>, reduce = array<i64: 2, 2, 3>,
      indexing_maps = [affine_map<(n, h, w, o, i, j, c) -> (n, h + i, w + j, c)>,
                       affine_map<(n, h, w, o, i, j, c) -> (i, j, c, o)>]}
      : (IMAGE, FILTER) -> tensor<2x4x4x4xf32>""",
        """%r = graph.contract %m, %o {parallel = array<i64: 2, 3, 3, 4>, reduce = array<i64: 2>, indexing_maps = [
      affine_map<(n, h, c, o, k) -> (n, h + 1, 4 - 2 * k, c)>, affine_map<(n, h, c, o, k) -> (k, o)>]}
      : (IMAGE, tensor<2x4xf32>) -> tensor<2x3x3x4xf32>""",
    )
    DTYPES: ClassVar = numeric
    lhs = operand_def(AnyAttr())
    rhs = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    parallel = prop_def(DenseArrayBase)
    reduce = prop_def(DenseArrayBase)
    indexing_maps = prop_def(base(ArrayAttr))
    nonzero = opt_prop_def(DenseArrayBase)
    one_in = opt_prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def at(
        cls,
        operands: tuple[Tensor, Tensor],
        positions: tuple[Position, Position],
        parallel: Sequence[int],
        reduce: Sequence[int],
    ) -> Tensor:
        """Emits the contraction of operands read at these positions, which are affine in the dims."""
        rank = len(parallel) + len(reduce)
        maps = ArrayAttr([map_of(position, rank) for position in positions])
        return cls.of(*operands, parallel=integers(parallel), reduce=integers(reduce), indexing_maps=maps)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        for type_ in operands:
            if not is_static(type_):
                raise GraphError(f"{cls.name}: shape_c3: the extents of operands must be known, got {type_}")
        check_operand_dtypes(cls.name, *operands)
        check_dtype(cls, element_type_of(operands[0]))
        parallel, reduce = (integer_list(properties, name) for name in ("parallel", "reduce"))
        if len(parallel) < 2 or not reduce or min(*parallel, *reduce) < 0:
            raise GraphError(
                f"{cls.name}: extents_c2: needs extents from 0 on, two parallel and one reduced at least, got "
                f"{parallel} and {reduce}"
            )
        maps = _maps(properties)
        if len(maps) != 2:
            raise GraphError(
                f"{cls.name}: maps_c1: indexing_maps must be two affine maps, one for each operand"
            )
        for map_, type_ in zip(maps, operands, strict=True):
            try:
                AffineAccess(position_of(map_), shape_of_type(type_), (*parallel, *reduce))
            except GraphError as error:
                raise GraphError(f"{cls.name}: maps_c2: {error}") from error
        lhs, rhs = (frozenset[int]().union(*(c.dims for c in position_of(map_))) for map_ in maps)
        last = len(parallel) - 1
        if last in lhs or rhs.issuperset(range(last)):
            raise GraphError(
                f"{cls.name}: maps_c3: lhs must not depend on the last dim of the result, d{last}, and there must be "
                f"another that rhs does not depend on"
            )
        _check_nonzero(properties, shape_of_type(operands[0]))
        _check_one_in(properties, reduce)
        return [tensor_type(element_type_of(operands[0]), parallel)]

    @property
    def positions(self) -> tuple[Position, Position]:
        """Where either operand is read, in the dims of the iteration space."""
        return self._position(0), self._position(1)

    def _position(self, number: int) -> Position:
        return position_of(_maps(self.properties)[number])

    def iteration_shape(self, result: int = 0) -> tuple[int, ...]:
        """The extents of the result, then those that are summed over."""
        return (*shape_of_type(self.result_types[0]), *integer_list(self.properties, "reduce"))

    def access(self, number: int, result: int = 0) -> AccessMap:
        return _read_at(self._position(number), self.shape_of(number), self.iteration_shape())

    def zeros_beyond(self) -> list[tuple[int, int]]:
        return [] if self.nonzero is None else _pairs(integer_list(self.properties, "nonzero"))

    def blocks_with_one(self) -> Sequence[int]:
        return () if self.one_in is None else integer_list(self.properties, "one_in")

    # ---- NumPy ------------------------------------------------------------------------------------------

    def numpy(self, *operands: Array) -> Any:
        space, shape = self.iteration_shape(), shape_of_type(self.result_types[0])
        if box := self.zeros_beyond():
            inside = np.count_nonzero(operands[0][tuple(slice(*ends) for ends in box)])
            if np.count_nonzero(operands[0]) != inside:
                raise GraphError(f"{self.name}: nonzero_c4: lhs has elements other than 0 beyond {box}")
        if 0 in space:
            return np.zeros(shape, operands[0].dtype)
        positions = [self._position(number) for number in range(2)]
        of_lhs, of_rhs = (frozenset().union(*(c.dims for c in position)) for position in positions)
        result, reduced = range(len(shape)), range(len(shape), len(space))
        batch = [d for d in result if d in of_lhs and d in of_rhs]
        columns = [d for d in result if d in of_rhs and d not in of_lhs]
        rows = [d for d in result if d not in of_rhs]
        a = self._matrices(operands[0], positions[0], (batch, rows, reduced))
        b = self._matrices(operands[1], positions[1], (batch, reduced, columns))
        self._check_blocks(b)
        order = [*batch, *rows, *columns]
        return multiplied(a, b).reshape([shape[d] for d in order]).transpose(np.argsort(order))

    def _check_blocks(self, b: Array) -> None:
        """Raises GraphError unless rhs, as matrices of all terms, is as `one_in` states."""
        if blocks := self.blocks_with_one():
            reduce = integer_list(self.properties, "reduce")
            split = [
                n for extent, block in zip(reduce, blocks, strict=True) for n in (extent // block, block)
            ]
            within = tuple(range(2, 2 * len(reduce) + 1, 2))
            if np.max(np.count_nonzero(b.reshape(b.shape[0], *split, -1), axis=within), initial=0) > 1:
                raise GraphError(
                    f"{self.name}: one_in_c5: rhs has several elements other than 0 in one of {blocks}"
                )

    def _matrices(self, x: Array, position: Position, axes: Sequence[Sequence[int]]) -> Array:
        """Reads an operand at all points: an array with one axis for each of these lists of dims."""
        space, flat = self.iteration_shape(), np.ascontiguousarray(x).reshape(-1)
        offset = linear(position, x.shape, len(space))
        dims = [d for listed in axes for d in listed]
        strides = [offset.coefficients[d] * flat.itemsize for d in dims]
        read = as_strided(flat[offset.constant :], [space[d] for d in dims], strides, writeable=False)
        return read.reshape([math.prod(space[d] for d in listed) for listed in axes])

    # ---- gradient ---------------------------------------------------------------------------------------

    def gradient(self, dy: Tensor) -> GradientTerms:
        """Scatters each product of dy and the other operand to where the operand was read.

        It goes through all points one by one: programs ask for gradients before there are contractions.
        """
        lhs, rhs = (Tensor(v) for v in self._operands)
        return self._term(dy, lhs, 0, conj(rhs)), self._term(dy, rhs, 1, conj(lhs))

    def _term(self, dy: Tensor, operand: Tensor, number: int, other: Tensor) -> Tensor:
        space, count = self.iteration_shape(), math.prod(operand.extents)
        spread = BroadcastTo.to(Reshape.to(dy, (*dy.extents, *[1] * (len(space) - len(dy.extents)))), space)
        terms = spread * Gather.of(Reshape.to(other, (math.prod(other.extents),)), self._offsets(1 - number))
        flat = Reshape.to(terms, (math.prod(space),))
        places = Reshape.to(self._offsets(number), (math.prod(space),))
        return Reshape.to(Densify.of(MakeSlices.to(flat, places, (count,))), operand.extents)

    def _offsets(self, number: int) -> Tensor:
        """The row-major number of the element of an operand that is read at each point."""
        space = self.iteration_shape()
        offset = linear(self._position(number), self.shape_of(number), len(space))
        points = np.indices(space, sparse=True)
        steps = (c * along for c, along in zip(offset.coefficients, points, strict=True))
        return Constant.from_array(np.asarray(sum(steps, np.full(space, offset.constant)), np.int64))


def _pairs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _check_nonzero(properties: Properties, shape: Sequence[int]) -> None:
    """Raises GraphError unless `nonzero`, where it is there, is a box in lhs."""
    if properties.get("nonzero") is None:
        return
    ends = integer_list(properties, "nonzero")
    pairs = _pairs(ends) if len(ends) == 2 * len(shape) else []
    if not pairs or not all(
        0 <= first <= end <= extent for (first, end), extent in zip(pairs, shape, strict=True)
    ):
        raise GraphError(
            f"{Contract.name}: nonzero_c4: nonzero must have a first index and an end for each axis of lhs, of shape "
            f"{format_shape(shape)}, got {ends}"
        )


def _check_one_in(properties: Properties, reduce: Sequence[int]) -> None:
    """Raises GraphError unless `one_in`, where it is there, divides the terms into blocks."""
    if properties.get("one_in") is None:
        return
    blocks = integer_list(properties, "one_in")
    if len(blocks) != len(reduce) or any(b < 1 or n % b for b, n in zip(blocks, reduce, strict=True)):
        raise GraphError(
            f"{Contract.name}: one_in_c5: one_in must have a divisor of the extent of each reduced dim, {reduce}, got "
            f"{blocks}"
        )


@lru_cache(maxsize=4096)
def _read_at(position: Position, shape: tuple[int, ...], space: tuple[int, ...]) -> StoredAccess:
    return StoredAccess(AffineAccess(position, shape, space))


def _maps(properties: Properties) -> list[AffineMapAttr]:
    maps = properties["indexing_maps"]
    assert isinstance(maps, ArrayAttr)
    return [map_ for map_ in maps.data if isinstance(map_, AffineMapAttr)]
