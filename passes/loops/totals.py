"""Totals over the outer loops, one for each inner element: gathered in an output while the loops run.

Of the sums across the rows of %x : tensor<4x8xf32>, whose output is %b : tensor<8xf32>, comes what is around and in the
loop over the rows:

    vector.store %zeros, %b[%c0]                           // clear
    scf.for %row = %c0 to %c4 step %c1 {
      %x_1 = vector.load %x[%row, %c0]
      %b_1 = vector.load %b[%c0]                           // add
      %b_2 = arith.addf %b_1, %x_1
      vector.store %b_2, %b[%c0]
    }

An output that is made of the totals, such as their square, holds them until the loop is over, and `finish` computes it.
Long totals are added to scratch memory in higher precision, block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from math import prod

from xdsl.ir import Attribute, SSAValue

from pullback.dialects.graph.op.affine import linear
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.parts import in_order, scratch_of_parts
from pullback.passes.loops.pointwise import each_element, lower_nest
from pullback.passes.loops.vectors import across_lanes, with_neutral
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.code_builder import Term, combine
from pullback.passes.lowering.long_sums import BLOCK, total_type
from pullback.passes.lowering.nodes import Fixed, Output, Reduce, cone
from pullback.passes.lowering.reduction_split import LoopParts
from pullback.passes.lowering.strided_layout import LoopAccess, layout_of


class Totals:
    """The outputs that accumulate totals: of a rows kernel, down its columns; of a columns kernel, along its rows."""

    def __init__(
        self, kernel: KernelFunction, sums: Sequence[Reduce], parts: LoopParts | None = None
    ) -> None:
        self.kernel = kernel
        self.parts = parts
        """The parts of the outer loops, each of which has totals of its own in scratch memory."""
        self._part: SSAValue | None = None
        inner = set(kernel.space.inner)
        self.outputs = [o for o in kernel.outputs if o.node.is_late and o.offset.dims & inner]
        self.gathered: dict[Reduce, Output] = {}
        for node in sums:
            self.gathered[node] = self._output_of(node)
        self.earlier = {
            node: self._like(kernel.results[output.result], type_)
            for node, output in self.gathered.items()
            if self._terms > BLOCK and (type_ := total_type(node.op, node.element_type)) is not None
        }
        """The scratch buffers of the totals of earlier blocks, in higher precision."""

    def _output_of(self, node: Reduce) -> Output:
        """The output that gathers a sum: the sum itself, one that is made of it, or else scratch memory."""
        if self.parts is not None:
            return self._in_scratch(node)
        free = [o for o in self.outputs if o not in self.gathered.values() and not self.kernel.is_loaded(o)]
        free = [o for o in free if not self.kernel.results[o.result].rounds]
        for output in sorted(free, key=lambda o: o.node is not node):
            if output.node.element_type == node.element_type and node in cone([output.node]):
                return output
        return self._in_scratch(node)

    def _in_scratch(self, node: Reduce) -> Output:
        """A place for a sum of which no output has room: outputs made of several, or stored where operands lie."""
        space = self.kernel.space
        dims = sorted(node.dims)
        shape = [space.extents[d] for d in dims]
        offset = linear(tuple(space.dim(d) for d in dims), shape, space.rank)
        if self.parts is None:
            layout = layout_of(prod(shape), [LoopAccess(offset)], space.extents)
            view = self.kernel.add_scratch(layout, node.element_type)
        else:
            view = scratch_of_parts(self.kernel, self.parts, prod(shape), node.element_type)
        self.kernel.results.append(view)
        return Output(node, len(self.kernel.results) - 1, offset)

    def _like(self, view: BufferView, element_type: Attribute) -> BufferView:
        """Scratch memory of the layout of another buffer."""
        return self.kernel.add_scratch(view.layout, element_type)

    @contextmanager
    def of_part(self, number: SSAValue) -> Generator[None]:
        """While this lasts, totals are those of one part."""
        self._part = number
        yield
        self._part = None

    def _at(self, view: BufferView) -> list[Term]:
        """How far into a buffer the totals of the part are."""
        return [] if self._part is None else [(self._part, view.layout.strides[0])]

    @property
    def is_long(self) -> bool:
        """Whether there are so many terms that blocks of them are added up apart."""
        return bool(self.earlier)

    @property
    def depth(self) -> int:
        """The number of terms that a row adds to one total, one after the other."""
        space, most = self.kernel.space, 1
        for output in self.gathered.values():
            along = [d for d in space.inner if d not in output.offset.dims]
            lanes = self.kernel.lanes_along(along[-1]) if along and along[-1] == space.inner[-1] else 1
            most = max(most, -(-prod(space.extents[d] for d in along) // lanes))
        return most

    @property
    def _terms(self) -> int:
        """The number of terms of a total; those of one vector count as one."""
        space = self.kernel.space
        count = prod(space.extents[d] for d in space.outer) if self.parts is None else self.parts.size
        if space.reduces_leading:
            return -(-count // self.kernel.lanes_along(space.outer[-1]))
        return count * self.depth

    def clear(self) -> None:
        """Sets the totals to their neutral elements, before the outer loops."""
        for node, buffer in self.earlier.items():
            self._at_each(node, partial(self._store_neutral, node, buffer))
        if self.parts is not None:
            for node, output in self.gathered.items():
                buffer = self.kernel.results[output.result]
                self._at_each(node, partial(self._store_neutral, node, buffer))
            return
        neutral = [
            Output(Fixed(n.element_type, number=n.op.neutral(n.element_type)), o.result, o.offset)
            for n, o in self.gathered.items()
        ]
        if neutral:
            lower_nest(self.kernel, sorted(self.kernel.space.inner), neutral)

    def at_stage(self, stage: int) -> list[Reduce]:
        """The sums whose terms are known in a stage."""
        return [node for node in self.gathered if node.operands[0].stage == stage]

    def add(self, level: LoopLevel, stage: int) -> None:
        """Adds the elements of an iteration, in the stage in which they are known."""
        for node in self.at_stage(stage):
            self.add_value(level, node, self.value(level, node))

    def add_value(self, level: LoopLevel, node: Reduce, value: Scalar) -> None:
        """Adds what one or several iterations make of a level's elements."""
        output = self.gathered[node]
        buffer = self.kernel.results[output.result]
        before = level.load(buffer, output.offset, self._at(buffer))
        level.store(buffer, output.offset, combine(node.op, before, value), self._at(buffer))

    def value(self, level: LoopLevel, node: Reduce) -> Scalar:
        """The value that an iteration adds: a vector of elements, or all of its lanes to one element."""
        lanes, term, output = level.lanes, node.operands[0], self.gathered[node]
        if lanes is None:
            return level.values([term])[0]
        value = level.vector(term)
        if output.offset.coefficients[lanes.dim]:
            return value
        return across_lanes(node.op, with_neutral(self.kernel.builder, value, lanes, node.op))

    # ---- blocks -----------------------------------------------------------------------------------------

    def end_block(self) -> None:
        """Adds what the outputs hold to the totals of earlier blocks, and clears them."""
        for node in self.earlier:
            self._at_each(node, partial(self._add_block, node))

    def _add_block(self, node: Reduce, level: LoopLevel) -> None:
        output, earlier = self.gathered[node], self.earlier[node]
        buffer = self.kernel.results[output.result]
        block = level.load(buffer, output.offset, self._at(buffer)).cast(earlier.element_type)
        before = level.load(earlier, output.offset, self._at(earlier))
        level.store(earlier, output.offset, combine(node.op, before, block), self._at(earlier))
        self._store_neutral(node, buffer, level)

    def _store_neutral(self, node: Reduce, buffer: BufferView, level: LoopLevel) -> None:
        offset, type_ = self.gathered[node].offset, buffer.element_type
        neutral = node.op.neutral(type_)
        if level.lanes is not None and offset.coefficients[level.lanes.dim]:
            type_ = vector_type(type_, level.lanes.count)
        level.store(buffer, offset, self.kernel.builder.number(neutral, type_), self._at(buffer))

    def _round(self, node: Reduce, level: LoopLevel) -> None:
        offset = self.gathered[node].offset
        value = level.load(self.earlier[node], offset).cast(node.element_type)
        level.store(self.kernel.results[self.gathered[node].result], offset, value)

    def _at_each(self, node: Reduce, compute: Callable[[LoopLevel], None]) -> None:
        """Loops over all totals of one reduction."""
        inner = set(self.kernel.space.inner)
        each_element(self.kernel, sorted(self.gathered[node].offset.dims & inner), compute)

    # -----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Finishes the totals after the outer loops, and stores the outputs that are computed from them."""
        root = self.kernel.root
        if self.parts is not None:
            for node in self.gathered:
                root.kept[node] = partial(self._of_all_parts, node)
            nests: dict[frozenset[int], list[Output]] = {}
            for output in self.outputs:
                nests.setdefault(output.offset.dims, []).append(output)
            for dims, outputs in nests.items():
                lower_nest(self.kernel, sorted(dims), outputs)
            return
        self.end_block()
        for node in self.earlier:
            self._at_each(node, partial(self._round, node))
        for node, output in self.gathered.items():
            buffer = self.kernel.results[output.result]
            root.kept[node] = partial(LoopLevel.load, view=buffer, offset=output.offset)
        made = [o for o in self.outputs if self.gathered.get(o.node) is not o]  # pyright: ignore[reportArgumentType] any node
        if made:
            lower_nest(self.kernel, sorted(self.kernel.space.inner), made)

    def _of_all_parts(self, node: Reduce, level: LoopLevel) -> Scalar:
        """One total, or one in each lane, of what the parts have left."""
        assert self.parts is not None
        offset = self.gathered[node].offset
        view = self.earlier.get(node, self.kernel.results[self.gathered[node].result])
        type_ = total_type(node.op, node.element_type) or node.element_type

        def load(part: SSAValue) -> Scalar:
            return level.load(view, offset, [(part, view.layout.strides[0])]).cast(type_)

        return in_order(self.kernel.builder, node.op, self.parts, load, "total").cast(node.element_type)
