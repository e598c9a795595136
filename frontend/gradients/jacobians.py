"""Jacobians, row by row in a loop of reverse mode, so that the graph does not grow with the number of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects.builtin import DYNAMIC_INDEX, i64
from xdsl.ir import Block

from pullback.dialects.graph.by_index.gather import Densify, MakeSlices
from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.movement.rearranging import ExpandDims
from pullback.dialects.graph.movement.shapes import Reshape, ShapeOf, Size
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    SlicesType,
    element_type_of,
    gradient_type_of,
    is_static,
    shape_of_type,
    tensor_type,
)
from pullback.frontend.functions.control_flow import while_loop
from pullback.frontend.functions.split_concat import concat
from pullback.frontend.graph.gradient_requests import requested
from pullback.frontend.graph.graph import Graph
from pullback.passes.gradients.emitter import GradientOptions


def jacobians(graph: Graph, y: Tensor, xs: Sequence[Tensor], options: GradientOptions) -> list[Tensor]:
    """The jacobians of y by each x: tensors of shape y.shape + x.shape.

    Zeros where y does not depend on an x. Where y has more than one element, its gradients are the body of a
    loop: one trip for each.

    Args:
        graph: the current one, of which all of these are.
        y: of a floating-point dtype.
        xs: tensors, or the handles of variables.
        options: of the gradients.
    """
    block = graph.insertion_block
    shapes = [_Shape.of(x) for x in xs]
    if is_static(y.type) and math.prod(y.extents) == 1:
        found = _gradients(graph, block, y, xs, None, options)
        rows = [s.zeros(x) if g is None else g for s, x, g in zip(shapes, xs, found, strict=True)]
    else:
        count = _Shape.count(y)
        rows = _looped(
            graph, block, y, xs, [(count + s).zeros(x) for s, x in zip(shapes, xs, strict=True)], options
        )
    whole = _Shape.of(y)
    return [(whole + s).reshaped(r) for s, r in zip(shapes, rows, strict=True)]


def _looped(
    graph: Graph,
    block: Block,
    y: Tensor,
    xs: Sequence[Tensor],
    zeros: Sequence[Tensor],
    options: GradientOptions,
) -> list[Tensor]:
    """A loop over the elements of y, whose rows are added to zeros."""
    flat = _Shape.count(y).zeros(y)

    def body(index: Tensor, *so_far: Tensor) -> list[Tensor]:
        at = ExpandDims.at(index, [0])
        one = Fill.full(1, tensor_type(y.element_type, (1,)))
        seed = Reshape.like(Densify.of(MakeSlices.make(one, at, flat)), y)
        found = _gradients(graph, block, y, xs, seed, options)
        return [
            index + 1,
            *(rows if g is None else _with_row(rows, g, at) for rows, g in zip(so_far, found, strict=True)),
        ]

    def going_on(index: Tensor, *so_far: Tensor) -> Tensor:
        return index < count

    start, count = Fill.full(0, tensor_type(i64, ())), Size.of(y)
    return while_loop(going_on, body, [start, *zeros], name="rows")[1:]


def _with_row(rows: Tensor, row: Tensor, at: Tensor) -> Tensor:
    """Adds a row where there are zeros: a store in place, once this is a kernel."""
    return rows + Densify.of(MakeSlices.make(ExpandDims.at(row, [0]), at, rows))


def _gradients(
    graph: Graph, block: Block, y: Tensor, xs: Sequence[Tensor], seed: Tensor | None, options: GradientOptions
) -> list[Tensor | None]:
    """The gradients of operations in a block, inserted where the graph grows now; dense."""
    found = requested(graph, [y.value], [x.value for x in xs], [seed], block, options)
    return [Densify.of(g) if g is not None and isinstance(g.type, SlicesType) else g for g in found]


# ---- shapes -------------------------------------------------------------------------------------------------


class _Shape:
    """A shape: extents, and where a `?` is among them the tensor that gives them all."""

    def __init__(self, extents: tuple[int, ...], runtime: Tensor | None) -> None:
        self.extents = extents
        self.runtime = runtime

    @classmethod
    def of(cls, x: Tensor) -> _Shape:
        """The shape of a gradient with respect to x."""
        type_ = gradient_type_of(x.type)
        return cls(shape_of_type(type_), None if is_static(type_) else ShapeOf.of(x))

    @classmethod
    def count(cls, x: Tensor) -> _Shape:
        """The shape of all elements of x as one axis."""
        if is_static(x.type):
            return cls((math.prod(x.extents),), None)
        return cls((DYNAMIC_INDEX,), Reshape.to(Size.of(x), (1,)))

    def __add__(self, other: _Shape) -> _Shape:
        extents = self.extents + other.extents
        if self.runtime is None and other.runtime is None:
            return _Shape(extents, None)
        return _Shape(extents, concat([self.as_tensor(), other.as_tensor()]))

    def as_tensor(self) -> Tensor:
        return Constant.from_array(self.extents, "i64") if self.runtime is None else self.runtime

    def zeros(self, like: Tensor) -> Tensor:
        """Zeros of this shape and the dtype of x."""
        type_ = tensor_type(element_type_of(gradient_type_of(like.type)), self.extents)
        return Fill.full(0, type_, None if self.runtime is None else self.runtime.value)

    def reshaped(self, x: Tensor) -> Tensor:
        return Reshape.to(x, self.extents, runtime=self.runtime)
