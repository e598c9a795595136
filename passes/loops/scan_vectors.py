"""Scans of a line in vectors along it, where elements may be combined in any order: sums, products of integers.

Of the sums along %x : tensor<1000xf64>, four elements at a time:

    scf.for %at = %c0 to %c1000 step %c4 iter_args(%so_far = %start) -> (f64) {
      %x_1 = vector.load %x[%at]                                  a       b          c              d
      %0 = vector.shuffle …  %1 = arith.addf %0, %x_1             a     a + b      b + c          c + d
      %2 = vector.shuffle …  %3 = arith.addf %2, %1               a     a + b    a + b + c    a + b + c + d
      %4 = vector.broadcast %so_far  %5 = arith.addf %4, %3
      vector.store %5, %y[%at]
      %6 = vector.extract %3[3]  %7 = arith.addf %so_far, %6
      scf.yield %7
    }

One addition of a vector waits for the one before, not each of an element.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import vector
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.ir.new_operation import new_operation
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.scan_loops import ScanLoops, ScannedLines
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, numbers, shuffle
from pullback.passes.lowering.code_builder import result_of, splat
from pullback.passes.lowering.nodes import Output
from pullback.passes.lowering.vector_registers import lane_count


class ScanVectors(ScanLoops):
    """The loops of one scan along some lines, one after the other."""

    def __init__(self, kernel: KernelFunction, output: Output, lines: ScannedLines) -> None:
        super().__init__(kernel, output, lines, 1)
        assert lines.along is not None
        self.along = lines.along
        self.width = 1
        self.lanes = lane_count(kernel.vector_bits, [self.type])
        self.ascends = lines.offset.coefficients[self.along] > 0

    @staticmethod
    def suits(lines: ScannedLines) -> bool:
        """Tells whether elements along the lines are neighbours in memory."""
        offsets = [lines.offset, *(load.offset for load in lines.operands)]
        return lines.along is not None and all(abs(o.coefficients[lines.along]) == 1 for o in offsets)

    def scan(self, levels: Sequence[LoopLevel]) -> None:
        end = self.lines.length // self.lanes * self.lanes
        for level in levels:

            def once(at: SSAValue, carried: Sequence[SSAValue], level: LoopLevel = level) -> list[SSAValue]:
                return [self._vector(level, at, Scalar(carried[0])).value]

            start = self.before_all().value
            (so_far,) = self.builder.loop((0, end, self.lanes), "at", [start], once)
            self.go_on([level], [Scalar(so_far)], end)

    def _vector(self, level: LoopLevel, at: SSAValue, before: Scalar) -> Scalar:
        """Scans a vector, whose predecessor has this result; gives the last one."""
        here = self._first_in_memory(level, at)
        scanned = self._load(here)
        distance = 1
        while distance < self.lanes:
            scanned = self.op.step(self._shifted(scanned, distance), scanned)
            distance *= 2
        following = self.op.step(before, self._lane(scanned, self.lanes - 1))
        following.value.name_hint = "so_far"
        if self.op.is_exclusive:
            scanned = self._shifted(scanned, 1)
        result = self.op.step(splat(before, self.lanes), scanned).cast(self.element_type)
        terms, constant = here.terms(self.lines.offset)
        store_vector(
            self.kernel.results[self.result],
            self.builder,
            Lanes(-1, self.lanes),
            result,
            (terms, constant, 1),
        )
        return following

    # ---- vectors ------------------------------------------------------------------------------------------------

    def _first_in_memory(self, level: LoopLevel, at: SSAValue) -> LoopLevel:
        """The level of that element of the vector from an index on which is the first one in memory."""
        index = at if self.ascends else self.builder.sum_of([(at, 1)], self.lanes - 1)
        return level.inside(self.builder.insertion_point, {self.along: index})

    def _load(self, here: LoopLevel) -> Scalar:
        (load,) = self.lines.operands
        terms, constant = here.terms(load.offset)
        view = here.inputs[load.argument]
        return load_vector(view, self.builder, Lanes(-1, self.lanes), terms, constant, 1).cast(self.type)

    def _shifted(self, value: Scalar, distance: int) -> Scalar:
        """Each lane as so many elements later, and what changes nothing before the first ones."""
        way = distance if self.ascends else -distance
        neutral = self.builder.number(self.op.neutral(), value.type)
        sources = [lane - way for lane in range(self.lanes)]
        return shuffle(value, neutral, [n if 0 <= n < self.lanes else self.lanes for n in sources])

    def _lane(self, value: Scalar, element: int) -> Scalar:
        """An element of a vector, by its number along the line."""
        lane = element if self.ascends else self.lanes - 1 - element
        op = new_operation(
            vector.ExtractOp,
            operands=[value.value],
            result_types=[value.element_type],
            properties={"static_position": numbers(lane)},
        )
        return Scalar(result_of(op))
