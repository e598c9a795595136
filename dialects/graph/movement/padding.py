"""Padding of tensors with one value, or by reflection at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, base, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.movement.mosaic import Mosaic
from pullback.dialects.graph.movement.slicing import StridedSlice, along
from pullback.dialects.graph.movement.split_concat import Concat, surrounded
from pullback.dialects.graph.op.checks import check_tensor
from pullback.dialects.graph.op.families import Accepts, Composite, OfDtypes, any_dtype, check_dtype, numeric
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.tensor.accumulators import scattered
from pullback.dialects.graph.tensor.attributes import (
    integer_list,
    integers,
    is_element,
    number_of,
    scalar_attribute,
)
from pullback.dialects.graph.tensor.tensor import Number, Tensor
from pullback.dialects.graph.tensor.types import GraphError, element_type_of, shape_of_type, tensor_type

MODES = ("reflect", "symmetric")
"""The modes of reflection: at the last element, which is not repeated, or after it, which repeats it."""


def paddings_of(op: str, properties: Properties, rank: int) -> list[tuple[int, int]]:
    """Reads and checks how many elements are added before and after each axis."""
    low, high = integer_list(properties, "low"), integer_list(properties, "high")
    if not len(low) == len(high) == rank or min((*low, *high), default=0) < 0:
        raise GraphError(
            f"{op}: padding_c1: low and high must have {rank} numbers from 0 on, got {low} and {high}"
        )
    return list(zip(low, high, strict=True))


def padded(extent: int, low: int, high: int) -> int:
    """The extent of an axis with its padding."""
    return extent if extent == DYNAMIC_INDEX else extent + low + high


@graph_op
class Pad(Composite):
    """The operand with `low` elements of one `value` before it and `high` after it, along each axis."""

    name = "graph.pad"
    EXAMPLES: ClassVar = (
        """%r = graph.pad %x {low = array<i64: 1, 0>, high = array<i64: 0, 2>, value = 0.0 : f32}
      : (MATRIX) -> tensor<3x5xf32>""",
    )
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    low = prop_def(DenseArrayBase)
    high = prop_def(DenseArrayBase)
    value = prop_def(base(FloatAttr) | base(IntegerAttr) | base(ArrayAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (operand,) = operands
        check_tensor(cls.name, operand, "the operand")
        shape = shape_of_type(operand)
        paddings = paddings_of(cls.name, properties, len(shape))
        if not is_element(properties["value"], element_type_of(operand)):
            raise GraphError(
                f"{cls.name}: value_c1: the value {properties['value']} is no element of {operand}"
            )
        return [
            tensor_type(
                element_type_of(operand), (padded(n, *p) for n, p in zip(shape, paddings, strict=True))
            )
        ]

    @classmethod
    def around(cls, x: Tensor, paddings: Sequence[tuple[int, int]], value: Number = 0) -> Tensor:
        """Pads `x` with so many elements before and after each axis."""
        low, high = zip(*paddings, strict=True) if paddings else ((), ())
        return cls.of(
            x, low=integers(low), high=integers(high), value=scalar_attribute(value, x.element_type)
        )

    @property
    def paddings(self) -> list[tuple[int, int]]:
        return paddings_of(self.name, self.properties, len(shape_of_type(self.result_types[0])))

    @property
    def inside(self) -> tuple[slice, ...]:
        """The slices of the result that are the operand."""
        return tuple(slice(low, -high if high else None) for low, high in self.paddings)

    def expand(self) -> Tensor:
        x, number = Tensor(self._operands[0]), number_of(self.value)
        axes = [axis for axis, padding in enumerate(self.paddings) if any(padding)]
        if len(axes) > 1:
            return Mosaic.around(x, self.paddings, number)
        return surrounded(x, axes[0], *self.paddings[axes[0]], number) if axes else x

    def numpy(self, *operands: Array) -> Any:
        (x,) = operands
        shape = [padded(n, *p) for n, p in zip(x.shape, self.paddings, strict=True)]
        result = np.full(shape, number_of(self.value), x.dtype)
        result[self.inside] = x
        return result

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (StridedSlice.at(dy, self.inside),)


# ---- mirrors --------------------------------------------------------------------------------------------------


class Mirroring(Composite, OfDtypes):
    """An operation between a tensor and its padding by reflection; `mode` is one of `MODES`."""

    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    low = prop_def(DenseArrayBase)
    high = prop_def(DenseArrayBase)
    mode = prop_def(base(StringAttr))
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        (operand,) = operands
        check_tensor(cls.name, operand, "the operand")
        check_dtype(cls, element_type_of(operand))
        mode = properties["mode"]
        if not isinstance(mode, StringAttr) or mode.data not in MODES:
            raise GraphError(f"{cls.name}: mode_c1: the mode must be one of {', '.join(MODES)}, got {mode}")
        shape = shape_of_type(operand)
        paddings = paddings_of(cls.name, properties, len(shape))
        extents = [cls.result_extent(n, *p) for n, p in zip(shape, paddings, strict=True)]
        for axis, (inner, padding) in enumerate(zip(map(min, shape, extents), paddings, strict=True)):
            if inner != DYNAMIC_INDEX and max(padding) > max(inner - (mode.data == "reflect"), 0):
                raise GraphError(
                    f"{cls.name}: padding_c2: a mirror shows no {max(padding)} elements of axis {axis}, which has "
                    f"{inner}, for mode {mode.data}"
                )
        return [tensor_type(element_type_of(operand), extents)]

    @staticmethod
    def result_extent(extent: int, low: int, high: int) -> int:
        """The extent of the result along an axis."""
        raise NotImplementedError

    def check(self, x: Array) -> None:
        """Checks the extents of an array, which the operand's type may leave unknown."""
        self.infer([tensor_type(element_type_of(self.operand_types[0]), x.shape)], self.properties)

    @property
    def repeated(self) -> int:
        """The repetitions of the last element at the edge: 1 in mode `symmetric`, else 0."""
        assert isinstance(self.mode, StringAttr)
        return int(self.mode.data == "symmetric")

    def sources(self, extents: Sequence[int]) -> list[Array]:
        """The access map along each axis: for each index of the padded tensor, that of the element it repeats."""
        repeated = self.repeated
        found: list[Array] = []
        for n, (low, high) in zip(
            extents, paddings_of(self.name, self.properties, len(extents)), strict=True
        ):
            place = np.arange(-low, n + high)
            place = np.where(place < 0, -place - repeated, place)
            found.append(np.where(place >= n, 2 * (n - 1) + repeated - place, place))
        return found


@graph_op
class MirrorPad(Mirroring):
    """The operand padded by its reflection at the edges, `low` elements before it and `high` after it.

    In mode `reflect` the edge element is not repeated, in mode `symmetric` it is.
    """

    name = "graph.mirror_pad"
    TAKES: ClassVar = slice(1)
    DTYPES: ClassVar[Accepts] = any_dtype
    EXAMPLES: ClassVar = (
        """%r = graph.mirror_pad %x {low = array<i64: 1, 0>, high = array<i64: 0, 2>, mode = "reflect"}
      : (MATRIX) -> tensor<3x5xf32>""",
    )

    @staticmethod
    def result_extent(extent: int, low: int, high: int) -> int:
        return padded(extent, low, high)

    def expand(self) -> Tensor:
        x, outside = Tensor(self._operands[0]), 1 - self.repeated
        for axis, (low, high) in enumerate(paddings_of(self.name, self.properties, x.ndim)):
            parts = [slice(low - 1, None, -1), slice(None), slice(-1, -1 - high, -1)]
            if outside:
                parts = [slice(low, 0, -1), slice(None), slice(-2, -2 - high, -1)]
            shown = [p for p, count in zip(parts, (low, 1, high), strict=True) if count]
            pieces = [StridedSlice.at(x, along(x, axis, part)) for part in shown]
            x = Concat.of(*pieces, axis=IntegerAttr(axis, i64)) if len(pieces) > 1 else x
        return x

    def numpy(self, *operands: Array) -> Any:
        (result,) = operands
        self.check(result)
        for axis, sources in enumerate(self.sources(result.shape)):
            result = np.take(result, sources, axis)
        return result

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (MirrorPadGradient.of(dy, **self.properties),)


@graph_op
class MirrorPadGradient(Mirroring):
    """The gradient of `mirror_pad`: the inner part, with each padding element added to the one that it repeats."""

    name = "graph.mirror_pad_gradient"
    ADDS: ClassVar = slice(1)
    DTYPES: ClassVar[Accepts] = numeric
    EXAMPLES: ClassVar = (
        """%r = graph.mirror_pad_gradient %d {low = array<i64: 1, 0>, high = array<i64: 1, 1>, mode = "symmetric"}
      : (tensor<4x3xf32>) -> tensor<2x2xf32>""",
    )

    @staticmethod
    def result_extent(extent: int, low: int, high: int) -> int:
        return DYNAMIC_INDEX if extent == DYNAMIC_INDEX else max(extent - low - high, 0)

    def expand(self) -> Tensor:
        x, outside = Tensor(self._operands[0]), 1 - self.repeated
        for axis, (low, high) in enumerate(paddings_of(self.name, self.properties, x.ndim)):
            n = x.extents[axis] - low - high
            total = StridedSlice.at(x, along(x, axis, slice(low, low + n)))
            if low:
                folded = StridedSlice.at(x, along(x, axis, slice(low - 1, None, -1)))
                total = total + surrounded(folded, axis, outside, n - low - outside)
            if high:
                folded = StridedSlice.at(x, along(x, axis, slice(-1, -1 - high, -1)))
                total = total + surrounded(folded, axis, n - high - outside, outside)
            x = total
        return x

    def numpy(self, *operands: Array) -> Any:
        (result,) = operands
        self.check(result)
        paddings = paddings_of(self.name, self.properties, result.ndim)
        inner = [self.result_extent(n, *p) for n, p in zip(result.shape, paddings, strict=True)]
        for axis, sources in enumerate(self.sources(inner)):
            rows = np.moveaxis(result, axis, 0)
            total = scattered(np.zeros((inner[axis], *rows.shape[1:]), rows.dtype), sources, rows)
            result = np.moveaxis(total, 0, axis)
        return result

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (MirrorPad.of(dy, **self.properties),)
