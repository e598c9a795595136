"""Slices with static bounds, and their gradients.

Bounds mean the same as in Python's `slice`: negative ones count from the end, and bounds beyond an end are clipped to
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, opt_operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.movement.shapes import Reshape, dynamic_shape
from pullback.dialects.graph.movement.split_concat import surrounded
from pullback.dialects.graph.op.access import AccessMap, AffineAccess, StoredAccess, dims
from pullback.dialects.graph.op.checks import check_same_dtype, check_shape_operand, check_tensor
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.op.graph_op import Array, GradientTerms, Properties, graph_op
from pullback.dialects.graph.op.indexed import View
from pullback.dialects.graph.tensor.attributes import integer_list, integers
from pullback.dialects.graph.tensor.tensor import OPS, Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    compatible_shapes,
    element_type_of,
    format_shape,
    shape_of_type,
    tensor_type,
)

LAST, FIRST = 2**63 - 1, -(2**63)
"""The bounds of slices that are open at the end, and, for negative strides, at the beginning."""
NEARLY = 8
"""A slice of all but one of so many parts: its gradient is a view that reaches beyond it, and not a tensor with zeros
that others are beside in a mosaic."""
MOST_BETWEEN = 8
"""The longest step of a slice whose gradient is interleaved with zeros; a longer one's is a block of them."""


def slices_of(properties: Properties) -> tuple[slice, ...]:
    """Reads the slice of each axis from the properties `begin`, `end` and `strides`."""
    parts = (integer_list(properties, name) for name in ("begin", "end", "strides"))
    return tuple(slice(*bounds) for bounds in zip(*parts, strict=True))


def slice_properties(slices: Sequence[slice], extents: Sequence[int]) -> dict[str, Attribute]:
    """Stores slices as properties, normalised where the extent is known: slices of the same elements become equal."""
    bounds = [_bounds(s, n) for s, n in zip(slices, extents, strict=True)]
    begin, end, strides = zip(*bounds, strict=True) if bounds else ((), (), ())
    return {"begin": integers(begin), "end": integers(end), "strides": integers(strides)}


def _bounds(s: slice, extent: int) -> tuple[int, int, int]:
    stride = 1 if s.step is None else s.step
    if extent == DYNAMIC_INDEX:
        first, last = (0, LAST) if stride > 0 else (LAST, FIRST)
        begin, end = first if s.start is None else s.start, last if s.stop is None else s.stop
        return _within_i64(begin), _within_i64(end), _within_i64(stride)
    taken = range(extent)[s]
    match len(taken):
        case 0:
            return 0, 0, 1
        case 1:
            return taken[0], taken[0] + 1, 1
        case _ if stride > 0:
            return taken[0], taken[-1] + 1, stride
        case _:
            return taken[0], taken[-1] - 1 if taken[-1] else -extent - 1, stride


def _within_i64(bound: int) -> int:
    return min(max(bound, FIRST), LAST)


def along(x: Tensor, axis: int, part: slice) -> list[slice]:
    """A slice of one axis of `x`, and all of the others."""
    return [part if a == axis else slice(None) for a in range(x.ndim)]


def sliced_shape(shape: Sequence[int], slices: Sequence[slice]) -> tuple[int, ...]:
    """The shape of the result of these slices; a `?` stays one."""
    return tuple(n if n == DYNAMIC_INDEX else len(range(n)[s]) for n, s in zip(shape, slices, strict=True))


def _check_slices(op: str, properties: Properties, rank: int) -> None:
    lengths = [len(integer_list(properties, name)) for name in ("begin", "end", "strides")]
    if lengths != [rank] * 3:
        raise GraphError(f"{op}: slice_c1: begin, end and strides must have {rank} numbers, got {lengths}")
    if 0 in integer_list(properties, "strides"):
        raise GraphError(f"{op}: slice_c2: a stride is 0")


@graph_op
class StridedSlice(View):
    """`operand[begin:end:strides]` for each axis, with NumPy's meaning of the bounds."""

    name = "graph.strided_slice"
    EXAMPLES: ClassVar = (
        """%r = graph.strided_slice %x {begin = array<i64: 0, 2>, end = array<i64: 1, -4>, strides = array<i64: 1, -1>}
      : (MATRIX) -> tensor<1x3xf32>""",
        """%r = graph.strided_slice %y {begin = array<i64: 1, 0>, end = array<i64: -1, 3>, strides = array<i64: 1, 2>}
      : (tensor<?x3xf32>) -> tensor<?x2xf32>""",
    )
    operand = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    begin = prop_def(DenseArrayBase)
    end = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        shape = shape_of_type(operands[0])
        check_tensor(cls.name, operands[0], "the operand")
        _check_slices(cls.name, properties, len(shape))
        return [tensor_type(element_type_of(operands[0]), sliced_shape(shape, slices_of(properties)))]

    @classmethod
    def at(cls, x: Tensor, slices: Sequence[slice]) -> Tensor:
        """Emits `x[slices]`, one slice per axis; returns `x` itself where they take all of it."""
        if all(s in (slice(None), slice(0, LAST, 1)) for s in slices):
            return x
        properties = slice_properties(slices, x.extents)
        return x if _takes_all(slices_of(properties), x.extents) else cls.of(x, **properties)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The slice of each axis."""
        return slices_of(self.properties)

    def access(self, number: int, result: int = 0) -> AccessMap:
        shape, space = self.shape_of(0), self.iteration_shape()
        taken = [range(n)[s] for n, s in zip(shape, self.slices, strict=True)]
        first = [t.start if t else 0 for t in taken]
        position = (p * t.step + f for p, t, f in zip(dims(space), taken, first, strict=True))
        return StoredAccess(AffineAccess(tuple(position), shape, space))

    def numpy(self, *operands: Array) -> Any:
        return operands[0][self.slices]

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (StridedSliceGradient.like(dy, Tensor(self._operands[0]), self.slices),)


def _takes_all(slices: Sequence[slice], extents: Sequence[int]) -> bool:
    """Tells whether each slice takes its whole axis."""
    whole = (slice(0, LAST if n == DYNAMIC_INDEX else n, 1) for n in extents)
    return all(s == w for s, w in zip(slices, whole, strict=True))


@graph_op
class StridedSliceGradient(Composite):
    """The gradient of `strided_slice`: zeros of the result's shape, with the operand at the slice of these bounds."""

    name = "graph.strided_slice_gradient"
    ADDS: ClassVar = slice(1)
    EXAMPLES: ClassVar = (
        """%r = graph.strided_slice_gradient %x {begin = array<i64: 3, 0>, end = array<i64: -6, 3>,
      strides = array<i64: -2, 1>} : (MATRIX) -> tensor<4x3xf32>""",
        """%r = graph.strided_slice_gradient %y, %n {begin = array<i64: 1, 0>, end = array<i64: -1, 3>,
      strides = array<i64: 1, 1>} : (tensor<?x3xf32>, tensor<2xi64>) -> tensor<?x3xf32>""",
    )
    SHAPE_OPERAND: ClassVar = 1
    operand = operand_def(AnyAttr())
    shape = opt_operand_def(AnyAttr())
    result = result_def(AnyAttr())
    begin = prop_def(DenseArrayBase)
    end = prop_def(DenseArrayBase)
    strides = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    @property
    def slices(self) -> tuple[slice, ...]:
        """The slice of each axis of the result."""
        return slices_of(self.properties)

    @classmethod
    def like(cls, dy: Tensor, x: Tensor, slices: Sequence[slice]) -> Tensor:
        """Emits the gradient with respect to `x` of `x[slices]`."""
        operands = [dy.value, *dynamic_shape(x)]
        return cls.emit_as(operands, x.type, slice_properties(slices, x.extents))

    def verify_(self) -> None:
        operand, result = self.operand_types[0], self.result_types[0]
        check_tensor(self.name, result, "the result")
        check_shape_operand(self, self._operands[1:], result)
        _check_slices(self.name, self.properties, len(shape_of_type(result)))
        check_same_dtype(self.name, operand, result)
        taken = sliced_shape(shape_of_type(result), self.slices)
        if not compatible_shapes(taken, shape_of_type(operand)):
            raise GraphError(
                f"{self.name}: slice_c3: the slice of {result} has shape {format_shape(taken)}, "
                f"the operand is {operand}"
            )

    def expand(self) -> Tensor:
        x, shape = Tensor(self._operands[0]), shape_of_type(self.result_types[0])
        places = [range(n)[s] for n, s in zip(shape, self.slices, strict=True)]
        if not all(places):
            return Fill.full(0, self.result_types[0])
        if all(p.step == 1 for p in places) and NEARLY * prod(map(len, places)) >= (NEARLY - 1) * prod(shape):
            return _reaching(x, places, shape)
        for axis, (taken, extent) in enumerate(zip(places, shape, strict=True)):
            x = _spread(x, axis, taken, extent)
        return x

    def numpy(self, *operands: Array) -> Any:
        result = np.zeros(self.runtime_shape(operands), operands[0].dtype)
        result[self.slices] = operands[0]
        return result

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (StridedSlice.at(dy, self.slices), *[None] * (len(self._operands) - 1))


def _spread(x: Tensor, axis: int, places: range, extent: int) -> Tensor:
    """Dilates `x` along an axis: its elements at these indices of an axis of this extent, zeros between them."""
    if len(places) > 1 and places.step < 0:
        x, places = StridedSlice.at(x, along(x, axis, slice(None, None, -1))), places[::-1]
    if (
        len(places) > 1
        and 1 < places.step <= MOST_BETWEEN
        and max(places[0], extent - places[-1] - 1) < places.step
    ):
        return _between(x, axis, places, extent)
    if len(places) > 1 and places.step > 1:
        shape, step = x.extents, places.step
        apart = Reshape.to(x, (prod(shape[:axis]), shape[axis], 1, prod(shape[axis + 1 :])))
        spread = surrounded(apart, 2, 0, step - 1)
        x = Reshape.to(spread, (*shape[:axis], shape[axis] * step, *shape[axis + 1 :]))
        x = StridedSlice.at(x, along(x, axis, slice(1 - step)))
    return surrounded(x, axis, places[0], extent - places[-1] - 1)


def _reaching(x: Tensor, places: Sequence[range], shape: Sequence[int]) -> Tensor:
    """Views `x` with zeros around it, which whatever adds it to others reads as it is."""
    begin = [-taken[0] for taken in places]
    return OPS["graph.padded_slice"].at(x, begin, list(shape), [1] * len(begin))


def _between(x: Tensor, axis: int, places: range, extent: int) -> Tensor:
    """Interleaves `x` with zeros along an axis of which it takes an element in each step."""
    pieces: list[Tensor] = []
    for first in range(places.step):
        shape = (*x.extents[:axis], len(range(first, extent, places.step)), *x.extents[axis + 1 :])
        pieces.append(x if first == places[0] else Fill.full(0, tensor_type(x.element_type, shape)))
    return OPS["graph.interleave"].at(pieces, [places.step if a == axis else 1 for a in range(x.ndim)])
