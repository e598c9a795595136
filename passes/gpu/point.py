"""One point of a kernel's iteration space, in the thread that computes it: where it loads and stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from xdsl.dialects import memref
from xdsl.dialects.builtin import i1, i8
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar, constant, emit
from pullback.dialects.graph.op.scalar_functions import select
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import ExtUIOp, IndexCastOp, TruncIOp
from pullback.passes.gpu.kernel_builder import INDEX, KernelBuilder, compare, result_of


@dataclass(frozen=True)
class Dims:
    """Neighbouring dims of the space."""

    first: int
    extents: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many points they have."""
        return prod(self.extents)

    def coefficients(self, offset: Affine) -> tuple[int, ...]:
        """What an offset changes by along these dims."""
        return offset.coefficients[self.first : self.first + len(self.extents)]


@dataclass(frozen=True)
class Segment:
    """Dims that one number counts through, row-major."""

    dims: Dims
    number: SSAValue


@dataclass(frozen=True)
class Rows:
    """A row picked at run time, as gather does: number `row` of `count`, each `stride` elements."""

    row: Scalar
    count: int
    stride: int


class Point:
    """Where one thread stands, along some dims of the space; offsets are affine in these."""

    def __init__(self, builder: KernelBuilder, segments: Sequence[Segment]) -> None:
        self._builder = builder
        self._segments = segments
        self._coordinates: dict[tuple[int, int, int], SSAValue] = {}
        self._offsets: dict[Affine, SSAValue] = {}

    def inside(self) -> Point:
        """The same point in a branch: it finds what is computed here, and what it computes stays there."""
        point = Point(self._builder, self._segments)
        point._coordinates |= self._coordinates
        point._offsets |= self._offsets
        return point

    def load(self, buffer: int, offset: Affine, rows: Rows | None = None) -> Scalar:
        """The element at an offset into a buffer, or into one of its rows: 0 if there is no such row."""
        start, inside = self.place(offset), None
        if rows is not None:
            row = rows.row.value if rows.row.type == INDEX else _to_index(rows.row)
            inside = Scalar(compare("ult", row, self._builder.index(rows.count), "inside"))
            row = select(inside, Scalar(row), Scalar(self._builder.index(0))).value
            start = self._builder.add(start, self._builder.times(row, rows.stride), "at")
        source = self._builder.block.args[buffer]
        value = Scalar(result_of(memref.LoadOp.get(source, [start]), source.name_hint))
        if self._builder.buffers[buffer].element_type == i1:
            value = emit(TruncIOp, i1, value)
        return value if inside is None else select(inside, value, constant(0, value.type))

    def store(self, buffer: int, offset: Affine, value: Scalar) -> None:
        """Write an element."""
        if value.type == i1:
            value = emit(ExtUIOp, i8, value)
        insert(memref.StoreOp.get(value.value, self._builder.block.args[buffer], [self.place(offset)]))

    def place(self, offset: Affine) -> SSAValue:
        """The number of the element at an offset. It is computed where it is first asked for."""
        if offset not in self._offsets:
            self._offsets[offset] = self._computed(offset)
        return self._offsets[offset]

    def _computed(self, offset: Affine) -> SSAValue:
        build, total = self._builder, None
        known = {d for s in self._segments for d in range(s.dims.first, s.dims.first + len(s.dims.extents))}
        assert offset.dims <= known, "the offset depends on dims that this point does not have"
        for number, segment in enumerate(self._segments):
            for begin, end, step in runs(segment.dims.extents, segment.dims.coefficients(offset)):
                term = build.times(self._coordinate(number, begin, end), step)
                total = term if total is None else build.add(total, term, "at")
        if total is None:
            return build.index(offset.constant)
        return total if not offset.constant else build.add(total, build.index(offset.constant), "at")

    def _coordinate(self, number: int, begin: int, end: int) -> SSAValue:
        """The dims from `begin` to `end` of a segment, as one number."""
        key = number, begin, end
        if key not in self._coordinates:
            segment = self._segments[number]
            extents = segment.dims.extents
            value = self._builder.quotient(segment.number, prod(extents[end:]), "outer")
            if begin > 0:
                value = self._builder.remainder(value, prod(extents[begin:end]), "inner")
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


def _to_index(value: Scalar) -> SSAValue:
    return emit(IndexCastOp, INDEX, value).value
