"""The result of a product that is nothing but its sums: a matrix in registers is stored as it is."""

from __future__ import annotations

from pullback.dialects.graph.op.scalar import Scalar
from pullback.dialects.upstream.transfers import transfer_write
from pullback.passes.loops.kernel_function import KernelFunction
from pullback.passes.loops.loop_level import LoopLevel
from pullback.passes.lowering.nodes import Contraction


def store_matrix(
    kernel: KernelFunction, product: Contraction, dims: tuple[int, int], level: LoopLevel, sums: Scalar
) -> bool:
    """Stores a matrix of sums if there is nothing else to do with it, and tells whether it has.

    Args:
        kernel: that is lowered.
        product: whose sums these are.
        dims: those of the matrix's rows and columns.
        level: where the first sum is known, with lanes for the columns.
    """
    output, row, column = kernel.outputs[0], *dims
    buffer, steps = kernel.results[output.result], output.offset.coefficients
    places = [buffer.layout.dimension(steps[dim]) for dim in dims]
    is_alone = len(kernel.outputs) == 1 and output.node is product and output.row is None
    is_whole = level.lanes is not None and level.lanes.mask is None
    is_row_major = steps[column] == 1 and steps[row] != 0 and all(step == 1 for _, step in places)
    if not (is_alone and is_whole and is_row_major and buffer.memory_type == sums.element_type):
        return False
    at = buffer.indices(kernel.builder, *level.terms(output.offset))
    (row_dim, _), (column_dim, _) = places
    buffer.insert_store(transfer_write(sums.value, buffer.value, at, (row_dim, column_dim)))
    return True
