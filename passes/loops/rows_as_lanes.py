"""Very short rows, which are lanes: no stage ends with what is made of the lanes of a vector.

Of `x - max(x, axis=1)` of 10,000 rows of 10 elements, in vectors of 16, comes for each 16 rows:

    scf.for %row = %c0 to %c16 step %c1 {
      …10 elements of %x[%rows + %row] to %square[%row]…
    }
    func.call @main_transpose_16x16xf32_to_16(%square, %turned)
    %max = scf.for %column = %c0 to %c10 step %c1 iter_args(%max_1 = %lowest) -> (vector<16xf32>) {
      %x = vector.load %turned[%column]
      %max_2 = arith.maximumf %max_1, %x
      …
    }
    scf.for %column_1 = %c0 to %c10 step %c1 {
      %x_1 = vector.load %turned[%column_1]
      %difference = arith.subf %x_1, %max
      vector.store %difference, %square_1[%column_1]
    }
    …the transpose of %square_1, row by row, to %y…

To turn 16 x 16 elements around takes as long as a maximum across lanes for three of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar, bit_width
from pullback.dialects.upstream.types import vector_type
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.partial_results import Accumulator, unpack
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.rows_at_once import RowsAtOnce
from pullback.passes.loops.square_transposition import SquareTransposition
from pullback.passes.loops.sweep import Sweep
from pullback.passes.loops.vector_access import load_vector, store_vector
from pullback.passes.loops.vectors import Lanes, across_lanes, mask_of_first, tail_mask, with_neutral
from pullback.passes.lowering.buffer_view import BufferView
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.nodes import Compute, Load, Node, Output, Reduce
from pullback.passes.lowering.strided_layout import StridedLayout

FEWEST = 1 << 13
"""Elements from which it is worth the code to turn squares around, for which LLVM takes some 20 ms."""


@dataclass(frozen=True)
class TurnedRows:
    """A square that is turned around, and where its transpose is: what is loaded, or is to be stored."""

    square: SquareTransposition
    transpose: BufferView

    @staticmethod
    def of(kernel: KernelFunction, node: Node, lanes: Lanes) -> TurnedRows:
        layout = StridedLayout((lanes.count, lanes.count), (lanes.count, 1))
        memory = kernel.builder.on_stack(layout.shape, node.element_type, "turned")
        square = SquareTransposition.of(kernel, node.element_type, lanes.count, lanes)
        return TurnedRows(square, BufferView(memory, layout, node.element_type))


class RowsAsLanes(RowsAtOnce):
    """Lowers a rows kernel whose rows have no more elements than a vector has lanes."""

    def some_lines(self, start: SSAValue, end: SSAValue, partial: Sequence[Accumulator]) -> None:
        builder, (dim,) = self.builder, self.outer
        end = builder.least(builder.sum_of([(start, 1)], self.step, "end"), end, "end")
        size = builder.minus(end, start)
        lanes = Lanes(dim, self.step, mask_of_first(size, self.step))
        rows = self.kernel.root.inside(builder.insertion_point, {dim: start}, lanes)
        for node in _loads(self.kernel):
            turned = self._square(node)
            self._load_rows(node, turned, start, size)
            rows.kept[node] = self._column_of(turned.transpose)
        results = {o: self._square(o.node) for o in self.elements}
        for stage in range(self.last + 1):
            self._columns(rows, stage, results, size)
        terms = [rows.vector(node.operands[0]) for node in self.reductions.single]
        for node, total, term in zip(self.reductions.single, partial, terms, strict=True):
            total.add(across_lanes(node.op, with_neutral(builder, term, lanes, node.op)))
        for output, turned in results.items():
            self._store_rows(output, turned, start, size)
        if self.per_line:
            rows.store_outputs(self.per_line, self.kernel.results)

    @property
    def _row_lanes(self) -> Lanes:
        """The elements of a row as lanes."""
        (column,) = self.inner
        extent = self.kernel.space.extents[column]
        mask = None if extent == self.step else tail_mask(self.builder, extent, self.step)
        return Lanes(column, self.step, mask)

    def _each_row(self, size: SSAValue, row: Callable[[SSAValue], None]) -> None:
        def once(number: SSAValue, _: Sequence[SSAValue]) -> list[SSAValue]:
            row(number)
            return []

        self.builder.loop_between((self.builder.index(0), size, self.builder.index(1)), "row", [], once)

    def _square(self, node: Node) -> TurnedRows:
        return TurnedRows.of(self.kernel, node, Lanes(self.outer[0], self.step))

    def _load_rows(self, node: Load, turned: TurnedRows, start: SSAValue, size: SSAValue) -> None:
        """Turns what is loaded of some rows around; lanes behind the last one have its elements."""
        (dim,), lanes, builder = self.outer, self._row_lanes, self.builder
        last = builder.minus(size, builder.index(1), "last")
        view, stride = self.kernel.root.inputs[node.argument], node.offset.coefficients[dim]

        def row(number: SSAValue) -> None:
            at = [(start, stride), (builder.least(number, last, "row"), stride)]
            turned.square.put(number, load_vector(view, builder, lanes, at, node.offset.constant, 1))

        self._each_row(builder.index(self.step), row)
        turned.square.store(turned.transpose, [])

    def _store_rows(self, output: Output, turned: TurnedRows, start: SSAValue, size: SSAValue) -> None:
        """Turns what was computed of some rows back, and stores them."""
        (dim,), lanes, builder = self.outer, self._row_lanes, self.builder
        self._turn_back(turned, output.node)
        stride = output.offset.coefficients[dim]

        def row(number: SSAValue) -> None:
            value = load_vector(turned.transpose, builder, lanes, [(number, self.step)], 0, 1)
            first = [(start, stride), (number, stride)], output.offset.constant, 1
            store_vector(self.kernel.results[output.result], builder, lanes, value, first)

        self._each_row(size, row)

    def _column_of(self, view: BufferView) -> Callable[[LoopLevel], Scalar]:
        """What loads one column of a square."""
        (dim,), (column,) = self.outer, self.inner

        def load(level: LoopLevel) -> Scalar:
            at = [(level.indices[column], self.step)]
            return load_vector(view, level.builder, Lanes(dim, self.step), at, 0, 1)

        return load

    def _columns(
        self, rows: LoopLevel, stage: int, results: dict[Output, TurnedRows], size: SSAValue
    ) -> None:
        """One stage of some rows, column after column."""
        reduces, outputs = self.reductions.along_at(stage), self._outputs_at(stage)
        kept = [node for node, first in self.keeping.first.items() if first == stage]
        down = {node: self._square(node.operands[0]) for node in self.totals.at_stage(stage)}
        if not reduces and not outputs and not down:
            return
        (column,), builder = self.inner, self.builder
        sums = [Accumulator(n.op, vector_type(n.element_type, self.step), [], "sum") for n in reduces]
        turned = {node: self._square(node) for node in kept}

        def at(index: SSAValue, _: int) -> list[Scalar]:
            here = rows.inside(builder.insertion_point, {column: index})
            for node, place in turned.items():
                place.square.put(index, here.vector(node))
            for output in outputs:
                results[output].square.put(index, here.vector(output.node))
            for node, place in down.items():
                place.square.put(index, here.vector(node.operands[0]))
            return [here.vector(node.operands[0]) for node in reduces]

        extent = self.kernel.space.extents[column]
        Sweep(builder, "column", extent, 1, self._unroll(reduces, outputs, stage)).run(sums, at)
        for node, total in zip(reduces, sums, strict=True):
            rows.known[node] = total.total(builder)
        for node, place in turned.items():
            rows.kept[node] = self._column_of(place.square.square)
        for node, place in down.items():
            self._add_rows(node, place, size)

    def _add_rows(self, node: Reduce, turned: TurnedRows, size: SSAValue) -> None:
        """Turns the terms of totals of columns back, and adds those of some rows to what there is."""
        (column,), builder = self.inner, self.builder
        self._turn_back(turned, node.operands[0])
        total = Accumulator(node.op, vector_type(node.element_type, self.step), [], "total")

        def row(number: SSAValue, carried: Sequence[SSAValue]) -> list[SSAValue]:
            unpack([total], [1], carried)
            lanes = Lanes(column, self.step)
            total.add(load_vector(turned.transpose, builder, lanes, [(number, self.step)], 0, 1))
            return [value.value for value in total.values]

        bounds = builder.index(0), size, builder.index(1)
        unpack([total], [1], builder.loop_between(bounds, "row", total.filled(builder, 1), row))
        extent, level = (
            self.kernel.space.extents[column],
            self.kernel.root.inside(builder.insertion_point, {}),
        )
        here = at_lanes(self.kernel, level, {column: builder.index(0)}, Lanes(column, self.step), extent)
        self.totals.add_value(here, node, total.total(builder))

    def _turn_back(self, turned: TurnedRows, node: Node) -> None:
        """Turns what was computed of some rows back, with zeros for columns that do not exist."""
        (column,), builder = self.inner, self.builder
        nothing = builder.number(0, vector_type(node.element_type, self.step))
        for number in range(self.kernel.space.extents[column], self.step):
            turned.square.put(builder.index(number), nothing)
        turned.square.store(turned.transpose, [])


def _loads(kernel: KernelFunction) -> list[Load]:
    """What is loaded of each element of a row."""
    whole = frozenset((*kernel.space.outer, *kernel.space.inner))
    return [node for node in kernel.nodes if isinstance(node, Load) and node.dims == whole]


def are_worth_it(kernel: KernelFunction) -> bool:
    """Tells whether rows are so short and many, and have functions of mathematics, or several reductions one by one."""
    space, split = kernel.space, kernel.split
    if len(space.outer) != 1 or len(space.inner) != 1 or (split is not None and split.dim is not None):
        return False
    (dim,), (column,) = space.outer, space.inner
    extent, lanes = space.extents[column], kernel.lanes_along(dim)
    if not 2 < extent <= lanes or extent * space.extents[dim] < FEWEST:
        return False
    reductions = LineReductions.of(kernel.nodes, space.inner)
    if not reductions.along:
        return False
    elements = [o for o in kernel.outputs if column in o.offset.dims]
    if not all(_is_whole_row(o.offset.coefficients[column], kernel.results[o.result]) for o in elements):
        return False
    if any(output.row is not None for output in kernel.outputs):
        return False
    if not all(
        n.is_plain and _is_whole_row(n.offset.coefficients[column], kernel.root.inputs[n.argument])
        for n in _loads(kernel)
    ):
        return False
    of_elements = [n for n in kernel.nodes if isinstance(n, Compute) and n.dims == frozenset((dim, column))]
    return any(node.is_expensive for node in of_elements) or len(reductions.along) > 1


def _is_whole_row(stride: int, view: BufferView) -> bool:
    """Tells whether elements of rows are neighbours, of a width that squares of them are turned around in."""
    return stride == 1 and bit_width(view.element_type) == bit_width(view.memory_type) >= 32
