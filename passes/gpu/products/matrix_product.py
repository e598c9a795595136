"""Matrix products: tiles of the result, and of the factors in shared memory; long sums in parts where there are few.

What the tiles hold are nodes: elements in memory with any strides, rows that indices name, or what is computed from
these. What the kernel makes of the product is computed and stored at each of the thread's results. Long sums are formed
in blocks, whose sums are added up in higher precision, as on CPUs. Where there are few results, several blocks form
parts of each sum (`split`), which a second kernel adds up in order:

    gpu.func @main_kernel_0(%x, %w, %partial3)      // 8 blocks for each tile of the result, with its share of the terms
    gpu.func @main_kernel_0_parts(%b, %y, %partial3)        // adds up 8 parts, adds %b, and stores %y
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from pullback.dialects.graph.op.affine import Affine, linear
from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.graph.tensor.accumulators import TOTALS
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.lines.column_mapping import ColumnMapping
from pullback.passes.gpu.lines.combination import Combination
from pullback.passes.gpu.lines.line import Line
from pullback.passes.gpu.lines.line_kernel import line_kernel
from pullback.passes.gpu.lines.line_work import Work
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Dims, Point
from pullback.passes.gpu.pointwise import lower_pointwise
from pullback.passes.gpu.products.product_kernel import ProductKernel
from pullback.passes.gpu.products.product_space import ProductSpace
from pullback.passes.gpu.products.product_tiles import ProductTiles
from pullback.passes.lowering.nodes import Contraction, Output, cone
from pullback.passes.lowering.space import Space
from pullback.passes.lowering.tuning import tuned


def lower_matmul(parameters: Parameters, space: Space, outputs: Sequence[Output]) -> list[GpuKernel]:
    """One kernel for the product, one that adds up its parts, if any, others for outputs along fewer dims."""
    of_product = ProductSpace.of(space, cone([o.node for o in outputs]))
    tiles = ProductTiles.of(tuned(parameters.signature.kernel, "gpu").gpu)
    whole = {d for d in space.outer if space.extents[d] != 1}
    results = [o for o in outputs if o.offset.dims >= whole]
    stored, kernels = results, list[GpuKernel]()
    if tiles.split > 1:
        parts = Parts.of(parameters, space, of_product.product, tiles)
        stored, kernels = [parts.output], [parts.adding_up(parameters, space, of_product.product, results)]
    first = ProductKernel(parameters, of_product, tiles).kernel(stored)
    once = lower_pointwise(parameters, space, [o for o in outputs if o not in results], "_once")
    return [first, *kernels, *once]


@dataclass(frozen=True)
class Parts:
    """The parts of sums that a product is split into: in scratch memory, one after the other."""

    output: Output
    """Stores a part; the dim of the terms numbers the parts."""
    split: int

    @staticmethod
    def of(parameters: Parameters, space: Space, product: Contraction, tiles: ProductTiles) -> Parts:
        """Parts with new scratch memory."""
        kind = tiles.total_type(product.element_type, prod(space.reduce))
        # The first dim of the terms numbers the parts, whatever its extent is.
        position = (Affine.dim(space.rank, space.inner[0]), *(space.dim(d) for d in space.outer))
        offset = linear(position, [tiles.split, *space.parallel], space.rank)
        scratch = parameters.scratch(kind, tiles.split * prod(space.parallel))
        return Parts(Output(product, scratch, offset), tiles.split)

    def adding_up(
        self, parameters: Parameters, space: Space, product: Contraction, outputs: Sequence[Output]
    ) -> GpuKernel:
        """The kernel that adds up the parts in order, and computes what is made of the product."""
        wide = TOTALS.get(product.element_type, product.element_type)
        combination = Combination(wide, Scalar.__add__, 0)

        def body(line: Line) -> None:
            def part(point: Point) -> list[Scalar]:
                return [point.load(point.inputs[self.output.result], self.output.offset).cast(wide)]

            (total,) = line.reduce([combination], part)
            line.point.known[product] = total.cast(product.element_type)
            line.lead(lambda point: point.store_outputs(outputs, point.inputs))

        results, parts = Dims(0, space.parallel), Dims(len(space.parallel), (self.split,))
        return line_kernel(
            f"{parameters.signature.name}_parts",
            ColumnMapping.default(results.size, self.split),
            parameters.all(),
            results,
            parts,
            Work(body, frozenset([wide])),
            shared_bytes=parameters.shared_bytes,
        )
