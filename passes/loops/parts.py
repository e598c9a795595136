"""Parts of a long reduction: an `scf.parallel` over them, whose partial results are combined from scratch memory.

Of the sum of %x : tensor<100000xf32> with `split = 8`, in one vector of 8, come eight parts, of which each leaves a
vector:

    scf.parallel (%part) = (%c0) to (%c8) step (%c1) {
      %start = arith.muli %part, %c12504
      %start_1 = arith.addi %start, %c12504
      %end = arith.minui %start_1, %c100000
      %sum_so_far = scf.for %column = %start to %end step …
      vector.store %sum_so_far, %partial[%part, %c0]
    }
    %first = vector.load %partial[%c0, %c0]
    %sum = scf.for %part = %c1 to %c8 step %c1 iter_args(%sum_1 = %first) {
      %next = vector.load %partial[%part, %c0]
      %sum_2 = arith.addf %sum_1, %next
      scf.yield %sum_2
    }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import VectorType
from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.partial_results import Accumulator, element_of
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import combine
from pullback.passes.lowering.function_builder import FunctionBuilder
from pullback.passes.lowering.reduction_split import LoopParts
from pullback.passes.lowering.strided_layout import StridedLayout

APART = 64
"""Elements from the results of one part to those of the next are a multiple of this: no two share a cache line."""


def in_parts(
    builder: FunctionBuilder, parts: LoopParts, body: Callable[[SSAValue, SSAValue, SSAValue], None]
) -> None:
    """An `scf.parallel` over parts; `body` takes the number of one, its start and its end."""

    def part(number: SSAValue) -> None:
        start = builder.product(number, parts.size, "start")
        end = builder.sum_of([(start, 1)], parts.size, "end")
        body(number, start, end if parts.are_even else builder.least(end, builder.index(parts.extent)))

    builder.parallel([(0, parts.count, 1)], ["part"], part)


def scratch_of_parts(
    kernel: KernelFunction, parts: LoopParts, size: int, element_type: Attribute
) -> BufferView:
    """Scratch memory for so many elements of each part; its first dimension is the part."""
    apart = -(-size // APART) * APART
    return kernel.add_scratch(StridedLayout((parts.count, apart), (apart, 1)), element_type)


def in_order(
    builder: FunctionBuilder, op: Reduction, parts: LoopParts, load: Callable[[SSAValue], Scalar], hint: str
) -> Scalar:
    """The results of all parts as one, combined in their order."""
    first = load(builder.index(0))
    if parts.count == 1:
        return first

    def following(part: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
        together = combine(op, Scalar(carried[0]), load(part)).value
        together.name_hint = hint
        return [together]

    first.value.name_hint = hint
    return Scalar(builder.loop((1, parts.count, 1), "part", [first.value], following)[0])


class PartialResults:
    """The partial results that the accumulators of each part leave in scratch memory."""

    def __init__(self, kernel: KernelFunction, parts: LoopParts, accumulators: Sequence[Accumulator]) -> None:
        self.builder = kernel.builder
        self.parts = parts
        self.types = [a.total_type or a.type for a in accumulators]
        self.views = [
            scratch_of_parts(kernel, parts, lanes_of(type_).count, element_of(type_)) for type_ in self.types
        ]

    def store(self, part: SSAValue, accumulators: Sequence[Accumulator]) -> None:
        """Stores the totals of one part."""
        for accumulator, type_, view in zip(accumulators, self.types, self.views, strict=True):
            value, terms = accumulator.partial_total(self.builder), [(part, view.layout.strides[0])]
            if isinstance(type_, VectorType):
                store_vector(view, self.builder, lanes_of(type_), value, (terms, 0, 1))
            else:
                view.store(self.builder, value, terms, 0)

    def combine(self, accumulators: Sequence[Accumulator]) -> None:
        """Makes the totals of all parts the partial results of accumulators that have none yet."""
        for accumulator, type_, view in zip(accumulators, self.types, self.views, strict=True):

            def load(part: SSAValue, type_: Attribute = type_, view: BufferView = view) -> Scalar:
                terms = [(part, view.layout.strides[0])]
                if isinstance(type_, VectorType):
                    return load_vector(view, self.builder, lanes_of(type_), terms, 0, 1)
                return view.load(self.builder, terms, 0)

            total = in_order(self.builder, accumulator.op, self.parts, load, accumulator.hint)
            accumulator.begin_with(total)


def lanes_of(type_: Attribute) -> Lanes:
    """The lanes of a partial result, none of which is an index of the loops."""
    return Lanes(-1, type_.get_shape()[0] if isinstance(type_, VectorType) else 1)
