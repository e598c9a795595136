"""Interleaved pieces: elements that are a few apart in memory, of all pieces together, stored as whole vectors.

Of `%y = interleave %x, %zeros {steps = [2]}` of 100,000 elements, in vectors of 16, where each lane would be a store:

    scf.parallel (%i) = (%c0) to (%c50000) step (%c16) {
      %x_1 = vector.load %x[%i]
      %low = vector.shuffle %x_1, %zeros [0, 16, 1, 17, 2, 18, …]
      %high = vector.shuffle %x_1, %zeros [8, 24, 9, 25, …]
      vector.store %low, %y[%i * 2]
      vector.store %high, %y[%i * 2 + 16]
    }

Elements behind the last whole vector of the shortest piece are stored piece by piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.vector_access import store_vector, strided_view
from pullback.passes.loops.vectors import Lanes, shuffle, tail_mask
from pullback.passes.lowering.nodes import Coordinate, Fixed, Output, cone

MOST_PIECES = 8
"""More of them take more shuffles than stores of single elements."""


@dataclass(frozen=True)
class InterleavedStores:
    """Outputs of one result that lie between each other: the first element of each is one behind that of the last."""

    kernel: KernelFunction
    pieces: list[Output]
    dims: list[list[int]]
    """The dims of each, the last of which has a stride of as many elements as there are pieces."""

    @staticmethod
    def of(kernel: KernelFunction) -> InterleavedStores | None:
        """Finds them among the outputs of a kernel, if they are all of these."""
        pieces = sorted(kernel.outputs, key=lambda output: output.offset.constant)
        if not 2 <= len(pieces) <= MOST_PIECES or len({o.result for o in pieces}) > 1:
            return None
        if any(isinstance(node, Coordinate) for node in cone([o.node for o in pieces])):
            return None
        first = pieces[0].offset.constant
        dims = [sorted(output.offset.dims) for output in pieces]
        strides = [[o.offset.coefficients[d] for d in along] for o, along in zip(pieces, dims, strict=True)]
        extents = [[kernel.space.extents[d] for d in along] for along in dims]
        if not strides[0] or strides[0][-1] != len(pieces) or any(s != strides[0] for s in strides):
            return None
        if [o.offset.constant for o in pieces] != list(range(first, first + len(pieces))):
            return None
        if any(e[:-1] != extents[0][:-1] or not 0 <= extents[0][-1] - e[-1] <= 1 for e in extents):
            return None
        made = InterleavedStores(kernel, pieces, dims)
        is_wide = bit_width(kernel.results[pieces[0].result].memory_type) >= 8
        return made if is_wide and made._count > 1 and made._whole else None

    @property
    def _count(self) -> int:
        return min(self.kernel.lanes_along(along[-1]) for along in self.dims)

    @property
    def _whole(self) -> int:
        """How many elements of each piece are in whole vectors."""
        shortest = min(self.kernel.space.extents[along[-1]] for along in self.dims)
        return shortest // self._count * self._count

    def lower(self) -> None:
        """Emits the loops over what all pieces have in common, and over the vectors along them."""
        builder, extents = self.kernel.builder, self.kernel.space.extents
        around = self.dims[0][:-1]
        bounds = (0, self._whole, self._count)
        if not around:
            builder.parallel([bounds], ["i"], partial(self._vectors, ()))
            self._rest(())
            return

        def body(*indices: SSAValue) -> None:
            def vectors(index: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
                self._vectors(indices, index)
                return []

            builder.loop(bounds, "i", [], vectors)
            self._rest(indices)

        builder.parallel([(0, extents[d], 1) for d in around], [f"i{d}" for d in around], body)

    def _level(
        self, piece: int, indices: Sequence[SSAValue], last: SSAValue, mask: SSAValue | None
    ) -> LoopLevel:
        at = dict(zip(self.dims[piece], (*indices, last), strict=True))
        lanes = Lanes(self.dims[piece][-1], self._count, mask)
        return self.kernel.root.inside(self.kernel.builder.insertion_point, at, lanes)

    def _vectors(self, indices: Sequence[SSAValue], index: SSAValue) -> None:
        """A vector of each piece, and as many of the result."""
        count, pieces = self._count, self.pieces
        view = self.kernel.results[pieces[0].result]
        levels = [self._level(n, indices, index, None) for n in range(len(pieces))]
        values = [level.vector(o.node) for level, o in zip(levels, pieces, strict=True)]
        stored = [view.stored(value) for value in values]
        builder, first = self.kernel.builder, levels[0].terms(pieces[0].offset)
        block = strided_view(view, builder, first, (len(pieces) * count,), (1,))
        for number in range(len(pieces)):
            value, at = self._mixed(stored, number * count), ([], number * count, 1)
            store_vector(block, builder, Lanes(self.dims[0][-1], count), value, at)

    def _mixed(self, vectors: list[Scalar], start: int) -> Scalar:
        """So many elements of the result, from one on that is counted from those of the vectors."""
        count = self._count
        wanted = [divmod(at, len(vectors)) for at in range(start, start + count)]
        value, lanes = vectors[0], [index for index, _ in wanted]
        for number in sorted(set(self._like) - {0}):
            lanes = [
                count + index if self._like[piece] == number else before
                for (index, piece), before in zip(wanted, lanes, strict=True)
            ]
            value, lanes = shuffle(value, vectors[number], lanes), list(range(count))
        return value

    @cached_property
    def _like(self) -> list[int]:
        """For each piece the first one that is the same number, or itself."""
        nodes = [output.node for output in self.pieces]
        numbers = [(n.element_type, n.number) if isinstance(n, Fixed) else i for i, n in enumerate(nodes)]
        return [numbers.index(number) for number in numbers]

    def _rest(self, indices: Sequence[SSAValue]) -> None:
        """What is left of each piece, at most a vector."""
        builder = self.kernel.builder
        for number, output in enumerate(self.pieces):
            left = self.kernel.space.extents[self.dims[number][-1]] - self._whole
            if left:
                mask = tail_mask(builder, left, self._count) if left < self._count else None
                level = self._level(number, indices, builder.index(self._whole), mask)
                level.store_outputs([output], self.kernel.results)
