"""Interleaving: a tensor made up of pieces, each of which holds every so many elements along some axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, prop_def, result_def, traits_def, var_operand_def
from xdsl.traits import Pure

from pullback.dialects.graph.movement.slicing import StridedSlice
from pullback.dialects.graph.op.access import AffineAccess, dims
from pullback.dialects.graph.op.checks import check_operand_dtypes, check_same_ranks
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.indexed import Concatenation
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type


@graph_op
class Interleave(Concatenation):
    """The tensor whose elements from one on, `steps` apart along each axis, are an operand, for each first element.

    There are as many operands as the product of the steps, in row-major order of their first elements. The inverse is a
    `strided_slice` for each.
    """

    name = "graph.interleave"
    TAKES: ClassVar = slice(None)
    EXAMPLES: ClassVar = (
        "%r = graph.interleave %q, %x {steps = array<i64: 2, 1>} : (SQUARE, MATRIX) -> tensor<5x3xf32>",
    )
    pieces = var_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    steps = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def at(cls, pieces: Sequence[Tensor], steps: Sequence[int]) -> Tensor:
        """Emits the tensor of these pieces; one piece is the tensor itself."""
        return pieces[0] if len(pieces) == 1 else cls.of(*pieces, steps=integers(steps))

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        steps = integer_list(properties, "steps")
        if not operands or min(steps, default=1) < 1 or len(operands) != math.prod(steps):
            raise GraphError(
                f"{cls.name}: steps_c1: needs steps from 1 on and as many operands as their product, got {steps} for "
                f"{len(operands)}"
            )
        check_same_ranks(cls.name, operands)
        check_operand_dtypes(cls.name, *operands)
        shapes = [shape_of_type(type_) for type_ in operands]
        if len(shapes[0]) != len(steps):
            raise GraphError(
                f"{cls.name}: steps_c2: needs a step for each axis, got {steps} for {operands[0]}"
            )
        firsts = list(np.ndindex(*steps))
        whole: list[int] = []
        for axis in range(len(steps)):
            along = [s[axis] for s, first in zip(shapes, firsts, strict=True) if sum(first) == first[axis]]
            whole.append(DYNAMIC_INDEX if DYNAMIC_INDEX in along else sum(along))
        for shape, first, type_ in zip(shapes, firsts, operands, strict=True):
            expected = [
                n if DYNAMIC_INDEX in (n, size) else -(-max(size - at, 0) // step)
                for n, size, at, step in zip(shape, whole, first, steps, strict=True)
            ]
            if list(shape) != expected:
                raise GraphError(
                    f"{cls.name}: steps_c3: the piece from {list(first)} on must have extents {expected}, got {type_}"
                )
        return [tensor_type(element_type_of(operands[0]), whole)]

    @property
    def _steps(self) -> list[int]:
        return integer_list(self.properties, "steps")

    def _first(self, number: int) -> tuple[int, ...]:
        """The position of the first element of a piece."""
        return tuple(map(int, np.unravel_index(number, self._steps)))

    def piece_access(self, number: int) -> AffineAccess:
        space = self.shape_of(number)
        placed = zip(dims(space), self._steps, self._first(number), strict=True)
        position = tuple(d * step + at for d, step, at in placed)
        return AffineAccess(position, shape_of_type(self.result_types[0]), space)

    def _slices(self, number: int) -> tuple[slice, ...]:
        return tuple(slice(at, None, s) for at, s in zip(self._first(number), self._steps, strict=True))

    def numpy(self, *operands: Array) -> Any:
        firsts = [self._first(number) for number in range(len(operands))]
        shape = [
            sum(x.shape[axis] for x, first in zip(operands, firsts, strict=True) if sum(first) == first[axis])
            for axis in range(len(self._steps))
        ]
        whole = np.empty(shape, operands[0].dtype)
        for number, piece in enumerate(operands):
            whole[self._slices(number)] = piece
        return whole

    def gradient(self, dy: Tensor) -> GradientTerms:
        return tuple(StridedSlice.at(dy, list(self._slices(n))) for n in range(len(self._operands)))
