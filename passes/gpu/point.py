"""A point of a kernel's iteration space in the thread that computes it: its coordinates, and the nodes known there.

Of the space (4, 5, 6), one number counts through the points: `%i` from 0 to 119. The offset `6 * d1 + d2` runs through
d1 and d2 as through one dim of extent 30, and `d0` is what is left of `%i` by that:

    %inner = arith.remui %i, 30
    %outer = arith.divui %i, 30
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Self

from xdsl.dialects import vector
from xdsl.dialects.builtin import VectorType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine, row_major_strides
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.upstream.types import vector_type
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term, result_of, splat
from pullback.passes.lowering.node_values import NodeValues
from pullback.passes.lowering.nodes import Fixed, Node, cone


@dataclass(frozen=True)
class Dims:
    """Neighbouring dims of the space."""

    first: int
    extents: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of points."""
        return prod(self.extents)

    @property
    def numbers(self) -> frozenset[int]:
        """The dims by number."""
        return frozenset(range(self.first, self.first + len(self.extents)))

    @property
    def counted(self) -> Affine:
        """The number of a point along these dims, row-major."""
        return Affine((0,) * self.first + row_major_strides(self.extents))

    def coefficients(self, offset: Affine) -> tuple[int, ...]:
        """The coefficients of an offset along these dims."""
        return offset.coefficients[self.first : self.first + len(self.extents)]


@dataclass(frozen=True)
class Segment:
    """Dims that one number counts through, row-major."""

    dims: Dims
    number: SSAValue


class Point(NodeValues):
    """The position of one thread along some dims of the space; offsets are affine in these.

    A node is computed where it is first asked for, and once there. What is known `around`, at the line that the point
    is part of, is known.

    With several `lanes` it is that of as many points side by side: the numbers of the last segment are those from its
    own on, a multiple of `lanes`, and what changes with its last dim is a vector. Each access must suit that.
    """

    def __init__(
        self,
        builder: KernelBuilder,
        segments: Sequence[Segment],
        around: Point | None = None,
        lanes: int = 1,
    ) -> None:
        super().__init__(builder, builder.views, builder.insertion_point)
        self.segments, self.lanes = segments, lanes
        self._splats: dict[Node, Scalar] = {}
        self._coordinates: dict[tuple[int, int, int], SSAValue] = {}
        self._offsets: dict[Affine, SSAValue] = {}
        if around is not None:
            self.known |= around.known

    def inside(self) -> Point:
        """The same point in a branch: it finds what is computed here, and what it computes stays there."""
        assert isinstance(self.builder, KernelBuilder)
        point = Point(self.builder, self.segments, self, self.lanes)
        point._coordinates |= self._coordinates
        point._offsets |= self._offsets
        point._splats |= self._splats
        return point

    def home(self, node: Node) -> Self:
        return self

    def prepare(self, nodes: Sequence[Node], changing: Collection[int]) -> None:
        """Computes whatever these nodes need that does not change along these dims."""
        needed = cone(nodes, self.is_at_hand)
        self.values([n for n in needed if not isinstance(n, Fixed) and not n.dims & frozenset(changing)])

    def terms(self, offset: Affine) -> tuple[Sequence[Term], int]:
        """One index, computed where it is first asked for."""
        if offset not in self._offsets:
            self._offsets[offset] = self.builder.sum_of(self._runs(offset), offset.constant)
        return [(self._offsets[offset], 1)], 0

    # ---- vectors ------------------------------------------------------------------------------------------------

    @cached_property
    def _lane_dim(self) -> int | None:
        """The dim that changes from lane to lane."""
        if self.lanes == 1:
            return None
        dims = self.segments[-1].dims
        several = [dims.first + i for i, extent in enumerate(dims.extents) if extent != 1]
        return several[-1] if several else None

    def is_vector(self, node: Node) -> bool:
        return self._lane_dim in node.dims

    def stride(self, offset: Affine) -> int:
        return 0 if self._lane_dim is None else offset.coefficients[self._lane_dim]

    def operand(self, node: Node, *, as_vector: bool = False) -> Scalar:
        if not as_vector:
            return super().operand(node)
        if isinstance(node, Fixed):
            return self.builder.number(node.number, vector_type(node.element_type, self.lanes))
        value = super().operand(node)
        if isinstance(value.type, VectorType):
            return value
        if node not in self._splats:
            with inserting(self.insertion_point):
                self._splats[node] = splat(value, self.lanes)
        return self._splats[node]

    def load(self, view: BufferView, offset: Affine, more: Sequence[Term] = ()) -> Scalar:
        """Side by side, if the offset changes from lane to lane."""
        if not self.stride(offset):
            return super().load(view, offset, more)
        terms, constant = self.terms(offset)
        at = view.indices(self.builder, [*terms, *more], constant)
        type_ = vector_type(view.memory_type, self.lanes)
        op = vector.LoadOp.create(operands=[view.value, *at], result_types=[type_])
        return Scalar(result_of(op, view.value.name_hint)).cast(view.element_type)

    def store(self, view: BufferView, offset: Affine, value: Scalar, more: Sequence[Term] = ()) -> None:
        """Side by side, if the value is a vector."""
        if not isinstance(value.type, VectorType):
            super().store(view, offset, value, more)
            return
        with inserting(self.insertion_point):
            terms, constant = self.terms(offset)
            at = view.indices(self.builder, [*terms, *more], constant)
            view.insert_store(vector.StoreOp.create(operands=[view.stored(value).value, view.value, *at]))

    # ---- offsets ------------------------------------------------------------------------------------------------

    def _runs(self, offset: Affine) -> Generator[Term]:
        known = frozenset[int]().union(*(segment.dims.numbers for segment in self.segments))
        assert offset.dims <= known, "the offset depends on dims that this point does not have"
        for number, segment in enumerate(self.segments):
            for begin, end, step in runs(segment.dims.extents, segment.dims.coefficients(offset)):
                yield self.builder.product(self._coordinate(number, begin, end), step), 1

    def _coordinate(self, number: int, begin: int, end: int) -> SSAValue:
        """The dims from `begin` to `end` of a segment, as one number."""
        key = number, begin, end
        if key not in self._coordinates:
            segment = self.segments[number]
            extents = segment.dims.extents
            value = self.builder.quotient(segment.number, prod(extents[end:]), "outer")
            if begin > 0:
                value = self.builder.remainder(value, prod(extents[begin:end]), "inner")
            self._coordinates[key] = value
        return self._coordinates[key]


def runs(extents: Sequence[int], coefficients: Sequence[int]) -> list[tuple[int, int, int]]:
    """The dims with a coefficient, as (begin, end, coefficient) of runs that one number counts through."""
    found: list[tuple[int, int, int]] = []
    for dim, coefficient in enumerate(coefficients):
        if extents[dim] == 1 or not coefficient:
            continue
        if found:
            begin, end, outer = found[-1]
            if prod(extents[end:dim]) == 1 and outer == coefficient * extents[dim]:
                found[-1] = begin, dim + 1, coefficient
                continue
        found.append((dim, dim + 1, coefficient))
    # Leading extents of 1 belong to the run, so that it needs no remainder.
    return [(0 if prod(extents[:begin]) == 1 else begin, end, step) for begin, end, step in found]
