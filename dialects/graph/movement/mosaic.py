"""Mosaics: tensors made up of pieces that lie side by side, along several axes at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, prop_def, result_def, traits_def, var_operand_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.op.access import AffineAccess, dims
from pullback.dialects.graph.op.checks import check_operand_dtypes, check_same_ranks
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.indexed import Concatenation
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type


@graph_op
class Mosaic(Concatenation):
    """The tensor that the operands make up, each of which begins at a position of its own: `offsets` lists them.

    No two of them overlap, and they leave no gaps. Where all lie along one axis it is a `concat`.
    """

    name = "graph.mosaic"
    TAKES: ClassVar = slice(None)
    EXAMPLES: ClassVar = (
        """%r = graph.mosaic %d, %x, %x {offsets = array<i64: 0, 0, 0, 3, 2, 3>}
      : (tensor<4x3xf32>, MATRIX, MATRIX) -> tensor<4x6xf32>""",
    )
    pieces = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    offsets = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        if not operands:
            raise GraphError(f"{cls.name}: mosaic_c1: needs at least one operand")
        check_same_ranks(cls.name, operands)
        check_operand_dtypes(cls.name, *operands)
        shapes = [shape_of_type(type_) for type_ in operands]
        rank = len(shapes[0])
        offsets = integer_list(properties, "offsets")
        if len(offsets) != rank * len(shapes) or min(offsets, default=0) < 0:
            raise GraphError(
                f"{cls.name}: mosaic_c2: needs {rank} offsets from 0 on for each of {len(shapes)} operands, got "
                f"{offsets}"
            )
        if any(DYNAMIC_INDEX in shape for shape in shapes):
            raise GraphError(f"{cls.name}: mosaic_c3: needs operands of known extents")
        boxes = [_box(shape, offsets[i * rank : (i + 1) * rank]) for i, shape in enumerate(shapes)]
        whole = [max(end for _, end in along) for along in zip(*boxes, strict=True)]
        for a, b in combinations(range(len(boxes)), 2):
            if all(max(s, t) < min(e, f) for (s, e), (t, f) in zip(boxes[a], boxes[b], strict=True)):
                raise GraphError(f"{cls.name}: mosaic_c4: operands {a} and {b} overlap")
        if sum(map(prod, shapes)) != prod(whole):
            raise GraphError(f"{cls.name}: mosaic_c5: the operands leave gaps in a tensor of extents {whole}")
        return [tensor_type(element_type_of(operands[0]), whole)]

    @classmethod
    def around(cls, x: Tensor, paddings: Sequence[tuple[int, int]], number: Number) -> Tensor:
        """Emits `x`, whose extents are known, with one number around it, `paddings` before and after each axis."""
        pieces, offsets = [x], [tuple(low for low, _ in paddings)]
        whole = [n + low + high for n, (low, high) in zip(x.extents, paddings, strict=True)]
        for axis, (low, high) in enumerate(paddings):
            # Along earlier axes as far as x, along later ones as far as the result.
            inner, before = x.extents[:axis], [first for first, _ in paddings[:axis]]
            for count, at in ((low, 0), (high, low + x.extents[axis])):
                if count:
                    shape = (*inner, count, *whole[axis + 1 :])
                    pieces.append(Fill.full(number, tensor_type(x.element_type, shape)))
                    offsets.append((*before, at, *[0] * len(whole[axis + 1 :])))
        return cls.of(*pieces, offsets=integers([at for offset in offsets for at in offset]))

    def offset(self, number: int) -> list[int]:
        """The position at which a piece begins."""
        rank = len(self.shape_of(number))
        return integer_list(self.properties, "offsets")[number * rank : (number + 1) * rank]

    def piece_access(self, number: int) -> AffineAccess:
        space = self.shape_of(number)
        position = tuple(d + at for d, at in zip(dims(space), self.offset(number), strict=True))
        return AffineAccess(position, shape_of_type(self.result_types[0]), space)

    def slices(self, number: int) -> list[slice]:
        """Where a piece is in the result."""
        places = zip(self.offset(number), self.shape_of(number), strict=True)
        return [slice(at, at + extent) for at, extent in places]

    def numpy(self, *operands: Array) -> Any:
        whole = np.empty(shape_of_type(self.result_types[0]), operands[0].dtype)
        for number, piece in enumerate(operands):
            whole[tuple(self.slices(number))] = piece
        return whole

    def gradient(self, dy: Tensor) -> GradientTerms:
        return tuple(StridedSlice.at(dy, self.slices(n)) for n in range(len(self._operands)))


def _box(shape: Sequence[int], offset: Sequence[int]) -> list[tuple[int, int]]:
    """The first index along each axis, and the one after the last."""
    return [(at, at + extent) for at, extent in zip(offset, shape, strict=True)]
