"""The operands of a product: where an element of A or B is, and how it gets into registers.

Both are read along two axes: *lines*, which are the rows of A and the columns of B, and the terms of the sums. What is
read may be computed on the way, from whatever the kernel is given.
"""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.ir import SSAValue

from pullback.dialects.graph.op.scalar import Scalar
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.loops.pointwise import at_lanes
from pullback.passes.loops.products.product_axes import ProductAxis
from pullback.passes.loops.vectors import Lanes
from pullback.passes.lowering.nodes import Load, Node


@dataclass(frozen=True)
class ProductOperand:
    """A or B where it lies, or as it is computed."""

    kernel: KernelFunction
    node: Node
    lines: ProductAxis
    terms: ProductAxis

    def is_contiguous(self, axis: ProductAxis) -> bool:
        """Tells whether neighbours along the axis are neighbours in memory."""
        return isinstance(self.node, Load) and self.node.offset.coefficients[axis.last] == 1

    def element(self, root: LoopLevel, line: SSAValue, term: SSAValue) -> Scalar:
        """One element, of the matrix that `root` is at."""
        level = root.inside(self.kernel.builder.insertion_point, self._indices(line, term))
        (element,) = level.values([self.node])
        return element

    def vector(
        self, root: LoopLevel, line: SSAValue, term: SSAValue, along: ProductAxis, count: int, size: int
    ) -> Scalar:
        """`count` elements along an axis, of which `size` exist; the others are 0."""
        indices = self._indices(line, term)
        return at_lanes(self.kernel, root, indices, Lanes(along.last, count), size).vector(self.node)

    def _indices(self, line: SSAValue, term: SSAValue) -> dict[int, SSAValue]:
        builder = self.kernel.builder
        return {**self.lines.indices(builder, line), **self.terms.indices(builder, term)}
