"""Repeating and reordering of elements along axes: tile, repeat, flip, roll."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, IntegerAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.along_axes.reductions import Sum
from pullback.dialects.graph.movement.shapes import BroadcastTo, Reshape, dynamic_shape
from pullback.dialects.graph.movement.slicing import StridedSlice, along
from pullback.dialects.graph.movement.split_concat import Concat
from pullback.dialects.graph.op.checks import check_axes, check_same_dtype, check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Accepts, Composite, OfDtypes, check_dtype, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import summed
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)


def counts_of(op: str, properties: Properties, rank: int) -> list[int]:
    """Reads and checks how often the elements along each axis are repeated."""
    counts = integer_list(properties, "counts")
    if len(counts) != rank or min(counts, default=0) < 0:
        raise GraphError(f"{op}: counts_c1: counts must have {rank} numbers from 0 on, got {counts}")
    return counts


def multiplied(shape: Sequence[int], counts: Sequence[int]) -> tuple[int, ...]:
    """Multiplies extents by counts of copies; a count of 0 gives 0, even where the extent is `?`."""
    return tuple(
        0 if count == 0 else DYNAMIC_INDEX if n == DYNAMIC_INDEX else n * count
        for n, count in zip(shape, counts, strict=True)
    )


class Copies(Composite):
    """An operation that repeats each element `counts[axis]` times along each axis.

    It decomposes by a broadcast: the copies become an axis of their own beside that of the elements.
    """

    OUTER: ClassVar[bool]
    """Whether the axis of the copies comes before that of the elements, or after it."""
    GRADIENT: ClassVar[type[SumOfCopies]]
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    counts = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (operand,) = operands
        check_tensor(cls.name, operand, "the operand")
        shape = shape_of_type(operand)
        counts = counts_of(cls.name, properties, len(shape))
        return [tensor_type(element_type_of(operand), multiplied(shape, counts))]

    @classmethod
    def make(cls, x: Tensor, counts: Sequence[int]) -> Tensor:
        """Emits so many copies along each axis; returns `x` itself where the counts are all 1."""
        return x if all(c == 1 for c in counts) else cls.of(x, counts=integers(counts))

    def expand(self) -> Tensor:
        x = Tensor(self._operands[0])
        for axis, count in enumerate(integer_list(self.properties, "counts")):
            if count != 1:
                before, n, behind = prod(x.extents[:axis]), x.extents[axis], prod(x.extents[axis + 1 :])
                alone, copied = ((1, n), (count, n)) if self.OUTER else ((n, 1), (n, count))
                shape = (*x.extents[:axis], n * count, *x.extents[axis + 1 :])
                apart = Reshape.to(x, (before, *alone, behind))
                x = Reshape.to(BroadcastTo.to(apart, (before, *copied, behind)), shape)
        return x

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (self.GRADIENT.like(dy, Tensor(self._operands[0]), self.properties),)


class SumOfCopies(Composite, OfDtypes):
    """An operation that sums the copies of each element: the gradient of `tile` or `repeat`."""

    OUTER: ClassVar[bool]
    SHAPE_OPERAND: ClassVar = 1
    DTYPES: ClassVar[Accepts] = numeric
    operand = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    counts = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def like(cls, dy: Tensor, x: Tensor, properties: Properties) -> Tensor:
        """Emits the gradient with respect to `x` of its copies."""
        return cls.emit_as([dy.value, *dynamic_shape(x)], x.type, properties)

    def verify_(self) -> None:
        operand, result = self.operand_types[0], self.result_types[0]
        check_tensor(self.name, operand, "the operand")
        check_shape_operand(self, self._operands[1:], result)
        check_dtype(type(self), element_type_of(operand))
        check_same_dtype(self.name, operand, result)
        shape = shape_of_type(result)
        copied = multiplied(shape, counts_of(self.name, self.properties, len(shape)))
        if not compatible_shapes(copied, shape_of_type(operand)):
            raise GraphError(
                f"{self.name}: counts_c2: the copies of {result} have shape {format_shape(copied)}, "
                f"the operand is {operand}"
            )

    def expand(self) -> Tensor:
        x, target = Tensor(self._operands[0]), shape_of_type(self.result_types[0])
        for axis, (count, n) in enumerate(zip(integer_list(self.properties, "counts"), target, strict=True)):
            if count != 1:
                before, behind = prod(x.extents[:axis]), prod(x.extents[axis + 1 :])
                copied = (count, n) if self.OUTER else (n, count)
                apart = Reshape.to(x, (before, *copied, behind))
                total = Sum.over(apart, 1 if self.OUTER else 2)
                x = Reshape.to(total, (*x.extents[:axis], n, *x.extents[axis + 1 :]))
        return x

    def numpy(self, *operands: Array) -> Any:
        target = self.runtime_shape(operands)
        pairs = zip(integer_list(self.properties, "counts"), target, strict=True)
        apart = [pair if self.OUTER else pair[::-1] for pair in pairs]
        copies = range(0 if self.OUTER else 1, 2 * len(target), 2)
        x = operands[0].reshape([n for pair in apart for n in pair])
        return summed(x, tuple(copies))


@graph_op
class TileGradient(SumOfCopies):
    """The sum of the `counts` copies of a tensor along each axis: the gradient of `tile`."""

    name = "graph.tile_gradient"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.tile_gradient %d {counts = array<i64: 2, 1>} : (tensor<4x3xf32>) -> MATRIX",
    )
    OUTER: ClassVar = True

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (Tile.of(dy, **self.properties), *[None] * (len(self._operands) - 1))


@graph_op
class RepeatGradient(SumOfCopies):
    """The sum of each run of `counts` elements along each axis: the gradient of `repeat`."""

    name = "graph.repeat_gradient"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.repeat_gradient %d {counts = array<i64: 2, 1>} : (tensor<4x3xf32>) -> MATRIX",
    )
    OUTER: ClassVar = False

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (Repeat.of(dy, **self.properties), *[None] * (len(self._operands) - 1))


@graph_op
class Tile(Copies):
    """The whole operand `counts` times, side by side, along each axis."""

    name = "graph.tile"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.tile %x {counts = array<i64: 2, 1>} : (MATRIX) -> tensor<4x3xf32>",)
    OUTER: ClassVar = True
    GRADIENT: ClassVar = TileGradient

    def numpy(self, *operands: Array) -> Any:
        return np.tile(operands[0], integer_list(self.properties, "counts"))


@graph_op
class Repeat(Copies):
    """Each element of the operand `counts` times in succession along each axis."""

    name = "graph.repeat"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.repeat %x {counts = array<i64: 2, 1>} : (MATRIX) -> tensor<4x3xf32>",)
    OUTER: ClassVar = False
    GRADIENT: ClassVar = RepeatGradient

    def numpy(self, *operands: Array) -> Any:
        (result,) = operands
        for axis, count in enumerate(integer_list(self.properties, "counts")):
            result = np.repeat(result, count, axis)
        return result


# ---- another order --------------------------------------------------------------------------------------------


class Reordering(Composite):
    """An operation that reorders the elements along some axes."""

    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    axes = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        check_tensor(cls.name, operands[0], "the operand")
        check_axes(cls.name, integer_list(properties, "axes"), operands[0])
        return [operands[0]]

    @property
    def order(self) -> list[int]:
        """The axes along which elements are reordered."""
        return integer_list(self.properties, "axes")


@graph_op
class Flip(Reordering):
    """The operand reversed along `axes`."""

    name = "graph.flip"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = ("%r = graph.flip %x {axes = array<i64: 1>} : MATRIX",)

    @classmethod
    def along(cls, x: Tensor, axes: Sequence[int]) -> Tensor:
        """Reverses `x` along these axes; returns `x` itself for none."""
        return cls.of(x, axes=integers(sorted(axes))) if axes else x

    def expand(self) -> Tensor:
        x = Tensor(self._operands[0])
        backwards = slice(None, None, -1)
        return StridedSlice.at(x, [backwards if a in self.order else slice(None) for a in range(x.ndim)])

    def numpy(self, *operands: Array) -> Any:
        return np.flip(operands[0], tuple(self.order))

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (Flip.along(dy, self.order),)


@graph_op
class Roll(Reordering):
    """The operand shifted cyclically by `shifts` elements along `axes`: those beyond one end come in at the other."""

    name = "graph.roll"
    TAKES: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        "%r = graph.roll %x {axes = array<i64: 0, 1>, shifts = array<i64: 1, -2>} : MATRIX",
    )
    shifts = prop_def(DenseArrayBase)

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        axes, shifts = (integer_list(properties, name) for name in ("axes", "shifts"))
        if len(axes) != len(shifts):
            raise GraphError(
                f"{cls.name}: shifts_c1: shifts must have one number for each axis, got {shifts} for {axes}"
            )
        return super().infer(operands, properties)

    @classmethod
    def by(cls, x: Tensor, shifts: Sequence[int], axes: Sequence[int]) -> Tensor:
        """Shifts `x` cyclically along ascending axes; returns `x` itself for none."""
        return cls.of(x, axes=integers(axes), shifts=integers(shifts)) if axes else x

    def expand(self) -> Tensor:
        x = Tensor(self._operands[0])
        for axis, shift in zip(self.order, integer_list(self.properties, "shifts"), strict=True):
            at = -shift % (x.extents[axis] or 1)
            if at:
                parts = [StridedSlice.at(x, along(x, axis, part)) for part in (slice(at, None), slice(at))]
                x = Concat.of(*parts, axis=IntegerAttr(axis, i64))
        return x

    def numpy(self, *operands: Array) -> Any:
        return np.roll(operands[0], integer_list(self.properties, "shifts"), self.order)

    def gradient(self, dy: Tensor) -> GradientTerms:
        back = [-shift for shift in integer_list(self.properties, "shifts")]
        return (Roll.by(dy, back, self.order),)
