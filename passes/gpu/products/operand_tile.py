"""A tile of one factor of a matrix product in shared memory: copied by all threads, read by all of them.

It is laid out by terms: the elements of one term, along a row or a column of the result, are neighbours. Neighbouring
threads copy along the dim of unit stride, whichever that is, by vectors where rows are aligned; where it is that of the
terms, rows are padded, so that what a warp stores lies in different banks. Each thread reads neighbours, four at a
time where rows are aligned.

A tile may be fetched in advance, to registers of the threads, while the one before it is read from shared memory: the
device's memory takes about as long to answer as a tile takes to be multiplied.
"""

from __future__ import annotations

from collections.abc import Callable

from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.dialects.upstream.types import vector_type
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.lines.lane_values import elements_of
from pullback.passes.gpu.lines.line_vectors import MOST_BYTES, byte_size, obstacles_of_load
from pullback.passes.gpu.local_array import LocalArray, unrolled
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.nodes import Coordinate, Load, Node, cone

ALIGNMENT = 16
"""Bytes, as many as a thread reads at once where compilers see that elements are neighbours."""
PADDING = 4
"""Elements: four threads on, a column of the tile is in another bank, and rows stay aligned."""


class Factor:
    """One factor of a product, and how its tiles are copied to shared memory.

    Args:
        node: its elements.
        across: the dims of the result along which it runs.
        along: the dim of the terms.
        extent: the elements of a tile along the result.
        terms: the terms of a tile.
        threads: how many copy it.
    """

    def __init__(self, node: Node, across: Dims, along: Dims, extent: int, terms: int, threads: int) -> None:
        self.node, self.across, self.along = node, across, along
        self.extent, self.terms, self.threads = extent, terms, threads
        self.copies_along_terms = self._is_closer_along_terms()
        self.pitch = extent + (PADDING if self.copies_along_terms else 0)
        self.lanes = self._lanes()
        """How many neighbours a thread loads at once."""

    def _is_closer_along_terms(self) -> bool:
        """Tells whether elements of neighbouring terms are closer in memory than those along the result."""
        closer = 0
        for node in cone([self.node]):
            if isinstance(node, Load):
                across, along = (dims.coefficients(node.offset)[-1] for dims in (self.across, self.along))
                closer += (along != 0 and (across == 0 or abs(along) < abs(across))) - (
                    across != 0 and (along == 0 or abs(across) < abs(along))
                )
        return closer > 0

    def _lanes(self) -> int:
        nodes = cone([self.node])
        dims, extent = (self.along, self.terms) if self.copies_along_terms else (self.across, self.extent)
        several = [n for n, size in enumerate(dims.extents) if size != 1]
        if not several or any(isinstance(node, Coordinate) for node in nodes):
            return 1
        dim, size = dims.first + several[-1], dims.extents[several[-1]]
        if dim not in self.node.dims:
            return 1
        loads = [node for node in nodes if isinstance(node, Load)]
        lanes = MOST_BYTES // max(byte_size(node.element_type) for node in (*loads, self.node))

        def suits() -> bool:
            fits = size % lanes == extent % lanes == self.size_of_tile % (self.threads * lanes) == 0
            return fits and all(next(obstacles_of_load(load, dim, lanes), None) is None for load in loads)

        while lanes > 1 and not suits():
            lanes //= 2
        return lanes

    @property
    def size_of_tile(self) -> int:
        """The elements of a tile."""
        return self.extent * self.terms

    @property
    def each(self) -> int | None:
        """How many of these each thread copies; None where they are not as many for all."""
        return None if self.size_of_tile % self.threads else self.size_of_tile // self.threads

    @property
    def size(self) -> int:
        """The elements of shared memory that a tile takes."""
        return self.terms * self.pitch

    @property
    def shared_bytes(self) -> int:
        """The bytes that these take."""
        return bytes_of(MemRefType(self.node.element_type, [self.size]))


class OperandTile:
    """The tile of a factor in the shared memory of a block.

    Args:
        builder: of the kernel.
        factor: what it is a tile of.
        name: of the memory.
        thread: the number of the thread in its block.
        in_advance: whether a tile is fetched while that before it is read.
    """

    def __init__(
        self, builder: KernelBuilder, factor: Factor, name: str, thread: SSAValue, *, in_advance: bool
    ) -> None:
        self._builder, self._factor, self._thread = builder, factor, thread
        shared = builder.allocate_shared(factor.size, factor.node.element_type, name, ALIGNMENT)
        self._memory = result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), name)
        self._next: LocalArray | None = None
        if in_advance:
            assert factor.each is not None
            self._next = LocalArray(factor.each, factor.node.element_type, f"{name}_next")

    def fetch(self, around: Point, first: SSAValue, start: SSAValue, *, all_terms: bool = False) -> None:
        """Loads the elements from `first` along the result and `start` along the terms; 0 where there are none.

        They are in shared memory after this, or only after `put` where they are fetched in advance.

        Args:
            around: the matrix of the batch.
            first: the first one along the result.
            start: the first term.
            all_terms: whether it is known that there are as many terms as in a tile.
        """
        build, factor = self._builder, self._factor

        def element(step: SSAValue) -> None:
            def fetch_element(number: SSAValue) -> None:
                across, term = self._place_in_tile(number)
                place = build.sum_of([(first, 1), (across, 1)], 0, "place")
                k = build.sum_of([(start, 1), (term, 1)], 0, "k")
                found = self._element(around, place, k, all_terms)
                for lane, part in enumerate(elements_of(found)):
                    if self._next is None:
                        self._store(across, term, lane, part)
                    else:
                        self._next[self._lane_of(step, lane)] = part

            number = self._number(step)
            if factor.each is not None:
                fetch_element(number)
                return
            exists = result_of(CmpiOp(number, build.index(factor.size_of_tile), "ult"), "exists")
            build.when(exists, lambda: fetch_element(number))

        self._each_step(element)

    def put(self) -> None:
        """Puts what was fetched into shared memory."""
        fetched = self._next
        if fetched is None:
            return

        def element(step: SSAValue) -> None:
            across, term = self._place_in_tile(self._number(step))
            for lane in range(self._factor.lanes):
                self._store(across, term, lane, fetched[self._lane_of(step, lane)])

        self._each_step(element)

    def _each_step(self, body: Callable[[SSAValue], None]) -> None:
        steps = -(-self._factor.size_of_tile // (self._factor.threads * self._factor.lanes))
        unrolled(self._builder, steps, "step", body)

    def _number(self, step: SSAValue) -> SSAValue:
        """The first element of the tile that the thread copies in a step."""
        factor = self._factor
        terms = (step, factor.threads * factor.lanes), (self._thread, factor.lanes)
        return self._builder.sum_of(terms, 0, "number")

    def _place_in_tile(self, number: SSAValue) -> tuple[SSAValue, SSAValue]:
        build, factor = self._builder, self._factor
        inner = factor.terms if factor.copies_along_terms else factor.extent
        names = ("across", "term") if factor.copies_along_terms else ("term", "across")
        outer, rest = build.quotient(number, inner, names[0]), build.remainder(number, inner, names[1])
        return (outer, rest) if factor.copies_along_terms else (rest, outer)

    def _lane_of(self, step: SSAValue, lane: int) -> SSAValue:
        return self._builder.sum_of([(step, self._factor.lanes)], lane)

    def _element(self, around: Point, place: SSAValue, k: SSAValue, all_terms: bool) -> Scalar:
        """The elements from a place on, as many as a thread loads at once."""
        build, factor = self._builder, self._factor

        def value() -> Scalar:
            here = [Segment(factor.across, place), Segment(factor.along, k)]
            ordered = here if factor.copies_along_terms else here[::-1]
            point = Point(build, [*around.segments, *ordered], around, factor.lanes)
            return point.values([factor.node])[0]

        inside = self._inside(place, k, all_terms)
        type_ = factor.node.element_type
        zero = build.number(0, type_ if factor.lanes == 1 else vector_type(type_, factor.lanes))
        return value() if inside is None else build.choice(inside, value, lambda: zero, "element")

    def _store(self, across: SSAValue, term: SSAValue, lane: int, value: Scalar) -> None:
        """Stores an element in shared memory, `lane` further along than a place of the tile."""
        factor = self._factor
        further = lane * (factor.pitch if factor.copies_along_terms else 1)
        at = self._builder.sum_of([(term, factor.pitch), (across, 1)], further)
        insert(memref.StoreOp.get(value.value, self._memory, [at]))

    def _inside(self, place: SSAValue, k: SSAValue, all_terms: bool) -> SSAValue | None:
        """Tells whether there is such an element; None where there always is."""
        factor, build = self._factor, self._builder
        terms = 1 if all_terms else factor.terms
        pairs = (place, factor.across.size, factor.extent), (k, factor.along.size, terms)
        conditions = [
            result_of(CmpiOp(index, build.index(size), "ult"), "inside")
            for index, size, step in pairs
            if size % step
        ]
        if len(conditions) == 2:
            return result_of(arith.AndIOp(conditions[0], conditions[1]), "inside")
        return conditions[0] if conditions else None

    def load(self, term: SSAValue, place: SSAValue) -> Scalar:
        """An element of a term."""
        at = self._builder.sum_of([(term, self._factor.pitch), (place, 1)], 0)
        return Scalar(result_of(memref.LoadOp.get(self._memory, [at])))
