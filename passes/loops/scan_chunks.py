"""Scans of one or few long lines, in chunks that are scanned side by side, as lines of their own.

Of the logarithms of sums of exponentials along %x : tensor<1000000xf32>, with 992 chunks of 1008 elements:

    the total of each chunk                        scf.parallel, in vectors of chunks
    the totals before each chunk, combined         a loop; it goes on with the last 64 elements, which are in no chunk
    the results along each chunk, from there on    scf.parallel, as the totals

So each element is combined twice, but vectors are full and all cores work. The number of chunks follows from the length
and the lanes. Cheap steps, for which the second time would be too much, go along the line instead (`scan_vectors`).
Both are only for what may be combined in any order: products of floats overflow in one order, and in another one not.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.affine import Affine, row_major_strides
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.scan_loops import LINES, ScanLoops, ScannedLines
from pullback.passes.loops.scan_vectors import ScanVectors
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.strided_layout import StridedLayout

FEWEST_ELEMENTS = 64
"""The fewest elements of a chunk in the lane of a vector."""
ENOUGH_ELEMENTS = 256
"""The elements of such a chunk from which on there are more of them."""
MOST_BLOCKS = 31
"""The most blocks of chunks that are scanned at once. Odd numbers of them keep chunks apart in the sets of a cache."""
SHORTEST_LINE = 256
"""The fewest elements that are scanned in vectors along a line."""


def lower_scan(kernel: KernelFunction) -> None:
    """One nest of loops for each scan, or two for the chunks of long lines."""
    with kernel.builder.entering(kernel.builder.block):
        for output in kernel.outputs:
            if 0 not in kernel.space.extents:
                lower_output(kernel, output)


def lower_output(kernel: KernelFunction, output: Output) -> None:
    """The loops of one scan."""
    lines = ScannedLines.of(kernel, output)
    loops = ScanLoops(kernel, output, lines)
    if not loops.op.may_be_split():
        loops.each(loops.scan)
    elif loops.op.EXPENSIVE and (count := chunks_of(loops)) > 1:
        chunks = ScanLoops(kernel, output, lines.in_chunks(count))
        ScanChunks(ScanLoops(kernel, output, lines, 1), chunks).lower()
    elif not loops.op.EXPENSIVE and in_vectors(lines):
        vectors = ScanVectors(kernel, output, lines)
        vectors.each(vectors.scan)
    else:
        loops.each(loops.scan)


def chunks_of(loops: ScanLoops) -> int:
    """The chunks of each line; 1 where lines are enough to fill vectors, or too short."""
    width = LINES * loops.kernel.lanes_of([loops.element_type], loops.lines.length)
    if loops.lines.several >= width or loops.lines.length < width * FEWEST_ELEMENTS:
        return 1
    blocks = min(max(loops.lines.length // (width * ENOUGH_ELEMENTS), 1), MOST_BLOCKS)
    return width * (blocks - 1 + blocks % 2)


def in_vectors(lines: ScannedLines) -> bool:
    """Tells whether lines are few and long, and lie in memory as vectors along them do."""
    return lines.several < LINES and lines.length >= SHORTEST_LINE and ScanVectors.suits(lines)


class ScanChunks:
    """The loops of one scan whose lines are scanned in chunks."""

    def __init__(self, whole: ScanLoops, chunks: ScanLoops) -> None:
        self.whole, self.chunks, self.builder = whole, chunks, whole.builder
        shape = tuple(chunks.lines.extents[dim] for dim in chunks.lines.dims)
        strides = row_major_strides(shape)
        self.count = shape[-1]
        self.totals = whole.kernel.add_scratch(StridedLayout(shape, strides), chunks.type)
        """The total of each chunk, then of all before it."""
        steps = dict(zip(chunks.lines.dims, strides, strict=True))
        self.place = Affine(tuple(steps.get(dim, 0) for dim in range(len(chunks.lines.extents))))

    def lower(self) -> None:
        """All chunks at once."""
        self.chunks.each(self._store_totals)
        dims, extents = self.whole.lines.dims, self.whole.lines.extents

        def line(*indices: SSAValue) -> None:
            at = dict(zip(dims, indices, strict=True))
            level = self.whole.kernel.root.inside(self.builder.insertion_point, at)
            total = self._combined(level)
            self.whole.go_on([level], [total], self.count * self.chunks.lines.length)

        if dims:
            self.builder.parallel([(0, extents[dim], 1) for dim in dims], ["line"] * len(dims), line)
        else:
            line()
        self.chunks.each(self._scan)

    def _store_totals(self, levels: Sequence[LoopLevel]) -> None:
        for level, total in zip(levels, self.chunks.totals(levels), strict=True):
            level.store(self.totals, self.place, total)

    def _scan(self, levels: Sequence[LoopLevel]) -> None:
        self.chunks.go_on(levels, [level.load(self.totals, self.place) for level in levels], 0)

    def _combined(self, level: LoopLevel) -> Scalar:
        """Combines the totals of a line's chunks in order, and leaves in the place of each what is before it."""

        def once(chunk: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            before = Scalar(carried[0])
            here = level.inside(self.builder.insertion_point, {self.chunks.lines.dims[-1]: chunk})
            total = here.load(self.totals, self.place)
            here.store(self.totals, self.place, before)
            return [self.whole.op.step(before, total).value]

        start = self.whole.before_all().value
        return Scalar(self.builder.loop((0, self.count, 1), "chunk", [start], once)[0])
