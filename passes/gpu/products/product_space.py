"""The dims of a matrix product as GPUs see them: a batch, rows, columns, and terms.

Of a batch of matrices that are all multiplied by the same one, the rows are those of all matrices, one after the other:
the product of 2 x 6 matrices of 6 x 72 by one of 72 x 16 has 72 rows and no batch.
"""

from __future__ import annotations

from dataclasses import dataclass

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.passes.gpu.point import Dims
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.nodes import Contraction, Node, cone
from pullback.passes.lowering.product_order import in_product_order
from pullback.passes.lowering.space import Space, schedule_of


@dataclass(frozen=True)
class ProductSpace:
    """A product, and the dims of the kernel's space by what they are to it."""

    product: Contraction
    batch: Dims
    rows: Dims
    columns: Dims
    terms: Dims

    @staticmethod
    def of(space: Space, nodes: list[Node]) -> ProductSpace:
        """The dims of the one product among these nodes."""
        (product,) = (node for node in nodes if isinstance(node, Contraction))
        first = last = len(space.parallel) - 2
        while first > 0 and first - 1 not in product.operands[1].dims:
            first -= 1
        parallel = space.parallel
        return ProductSpace(
            product,
            Dims(0, parallel[:first]),
            Dims(first, parallel[first : last + 1]),
            Dims(last + 1, parallel[last + 1 :]),
            Dims(len(parallel), space.reduce),
        )

    @staticmethod
    def of_kernel(kernel: Kernel) -> ProductSpace:
        """The dims of a kernel of kind `matmul`."""
        model = in_product_order(KernelModel.of(kernel, schedule_of(kernel)))
        return ProductSpace.of(model.space, cone([node for output in model.outputs for node in output.nodes]))

    @property
    def results(self) -> int:
        """How many sums are formed."""
        return self.batch.size * self.rows.size * self.columns.size
