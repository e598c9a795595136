"""A tile of one factor of a matrix product in shared memory: copied by all threads, read by all of them.

It is laid out by terms: the elements of one term, along a row or a column of the result, are neighbours. Neighbouring
threads copy along the dim of unit stride, whichever that is; where it is that of the terms, rows are padded, so that
what a warp stores lies in different banks. Each thread reads neighbours, four at a time where rows are aligned.
"""

from __future__ import annotations

from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import MemRefType
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.upstream.arith import CmpiOp
from pullback.passes.gpu.kernel_builder import KernelBuilder
from pullback.passes.gpu.local_array import unrolled
from pullback.passes.gpu.point import Dims, Point, Segment
from pullback.passes.lowering.code_builder import result_of
from pullback.passes.lowering.memrefs import bytes_of
from pullback.passes.lowering.nodes import Load, Node, cone

ALIGNMENT = 16
"""Bytes, as many as a thread reads at once where compilers see that elements are neighbours."""
PADDING = 4
"""Elements: four threads on, a column of the tile is in another bank, and rows stay aligned."""


class Factor:
    """One factor of a product, and how its tiles lie in shared memory.

    Args:
        node: its elements.
        across: the dims of the result along which it runs.
        along: the dim of the terms.
        extent: the elements of a tile along the result.
        terms: the terms of a tile.
    """

    def __init__(self, node: Node, across: Dims, along: Dims, extent: int, terms: int) -> None:
        self.node, self.across, self.along = node, across, along
        self.extent, self.terms = extent, terms
        self.copies_along_terms = self._is_closer_along_terms()
        self.pitch = extent + (PADDING if self.copies_along_terms else 0)

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

    @property
    def size(self) -> int:
        """The elements of shared memory that a tile takes."""
        return self.terms * self.pitch

    @property
    def shared_bytes(self) -> int:
        """The bytes that these take."""
        return bytes_of(MemRefType(self.node.element_type, [self.size]))


class OperandTile:
    """The tile of a factor in the shared memory of a block."""

    def __init__(self, builder: KernelBuilder, factor: Factor, name: str) -> None:
        self._builder, self._factor = builder, factor
        shared = builder.allocate_shared(factor.size, factor.node.element_type, name, ALIGNMENT)
        self._memory = result_of(memref.GetGlobalOp(shared.sym_name.data, shared.type), name)

    def copy(self, thread: SSAValue, around: Point, first: SSAValue, start: SSAValue) -> None:
        """Copies the elements from `first` along the result and `start` along the terms; 0 where there are none."""
        build, factor = self._builder, self._factor
        count = factor.extent * factor.terms

        def element(step: SSAValue) -> None:
            number = build.sum_of([(step, build.threads), (thread, 1)], 0, "number")
            if count % build.threads:
                exists = result_of(CmpiOp(number, build.index(count), "ult"), "exists")
                build.when(exists, lambda: self._copy_element(number, around, first, start))
            else:
                self._copy_element(number, around, first, start)

        unrolled(build, -(-count // build.threads), "step", element)

    def _copy_element(self, number: SSAValue, around: Point, first: SSAValue, start: SSAValue) -> None:
        build, factor = self._builder, self._factor
        if factor.copies_along_terms:
            across = build.quotient(number, factor.terms, "across")
            term = build.remainder(number, factor.terms, "term")
        else:
            across = build.remainder(number, factor.extent, "across")
            term = build.quotient(number, factor.extent, "term")
        place = build.sum_of([(first, 1), (across, 1)], 0, "place")
        k = build.sum_of([(start, 1), (term, 1)], 0, "k")

        def value() -> Scalar:
            here = [Segment(factor.across, place), Segment(factor.along, k)]
            return Point(build, [*around.segments, *here], around).values([factor.node])[0]

        inside = self._inside(place, k)
        zero = build.number(0, factor.node.element_type)
        found = value() if inside is None else build.choice(inside, value, lambda: zero, "element")
        at = build.sum_of([(term, factor.pitch), (across, 1)], 0)
        insert(memref.StoreOp.get(found.value, self._memory, [at]))

    def _inside(self, place: SSAValue, k: SSAValue) -> SSAValue | None:
        """Tells whether there is such an element; None where there always is."""
        factor, build = self._factor, self._builder
        pairs = (place, factor.across.size, factor.extent), (k, factor.along.size, factor.terms)
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
