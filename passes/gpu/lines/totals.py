"""TotalsKernel over all lines, and across them, in kernels of their own: no block waits for all others.

The blocks of the first kernel leave what they add to a total. Of the three sums in `line_reductions` come

    gpu.func @main_kernel_0(%x, %a, %partial4, %partial5)     // %a[row], and the shares of each block
    gpu.func @main_kernel_0_totals(%c, %partial4)             // one block adds up %partial4
    gpu.func @main_kernel_0_across(%b, %partial5)             // each column of %partial5 : a line of 8 from each block
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pullback.dialects.graph.op.affine import Affine
from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.lines.line import Line
from pullback.passes.gpu.lines.line_kernel import line_kernel
from pullback.passes.gpu.lines.line_mapping import types_of
from pullback.passes.gpu.lines.line_stages import reduce_into, store
from pullback.passes.gpu.lines.line_work import Partial, Work
from pullback.passes.gpu.lines.mappings import RowsOrColumns
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point
from pullback.passes.lowering.nodes import Output, Reduce

NONE = Dims(0, ())
"""The empty set of dims."""


@dataclass(frozen=True)
class TotalsKernel:
    """TotalsKernel of one kind: over all lines, or across them, one for each point; and the outputs made of them."""

    name: str
    nodes: Sequence[Reduce]
    outputs: Sequence[Output]
    around: Dims
    """The dims along which there are several of them."""
    spread: Dims = NONE
    """The dims along which an output may hold the same total many times, as that of what does not change there."""
    earlier: dict[Reduce, int] = field(default_factory=dict[Reduce, int])
    """TotalsKernel over all lines that were formed before, and the parameters that hold them."""

    def kernel(
        self,
        parameters: Parameters,
        mapping: RowsOrColumns,
        partials: Sequence[Partial],
        terms: Dims,
        at: Affine,
    ) -> GpuKernel:
        """The kernel that adds up what the first one left: `terms` of each total, at an offset."""

        def body(line: Line) -> None:
            def load(point: Point) -> list[Scalar]:
                pairs = ((point.load(point.inputs[p.buffer], at), p) for p in partials)
                return [value.cast(p.total.element_type) for value, p in pairs]

            reduce_into(line, self.nodes, load)
            self._store(line)

        name = f"{parameters.signature.name}_{self.name}"
        return line_kernel(
            name,
            mapping,
            parameters.all(),
            self.around,
            terms,
            Work(body, types_of(self.nodes)),
            shared_bytes=parameters.shared_bytes,
        )

    def _store(self, line: Line) -> None:
        many = [output for output in self.outputs if output.offset.dims & self.spread.numbers]
        single = [output for output in self.outputs if output not in many]
        if many:
            self._take_earlier(line.point)
            line.each_along(self.spread, lambda point: store(point, many))
        if single:

            def lead(point: Point) -> None:
                self._take_earlier(point)
                store(point, single)

            line.lead(lead)

    def _take_earlier(self, point: Point) -> None:
        """Loads the totals that were formed before."""
        for node, buffer in self.earlier.items():
            if node not in point.known:
                point.known[node] = point.load(point.inputs[buffer], Affine(()))
