"""A kernel of lines: the work of each line, shared among threads by a mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.gpu_limits import SHARED_BYTES
from pullback.passes.gpu.kernel_builder import KernelBuilder, Parameter
from pullback.passes.gpu.lines.column_block import ColumnBlock
from pullback.passes.gpu.lines.column_mapping import ColumnMapping
from pullback.passes.gpu.lines.line_work import Work
from pullback.passes.gpu.lines.row_mapping import RowMapping
from pullback.passes.gpu.lines.row_work import RowWork
from pullback.passes.gpu.lines.shared_cells import SharedCells
from pullback.passes.gpu.point import Dims


def line_kernel(
    name: str,
    mapping: RowMapping | ColumnMapping,
    parameters: Sequence[Parameter],
    lines: Dims,
    reduced: Dims,
    work: Work,
    *,
    parts: bool = False,
    shared_bytes: int = SHARED_BYTES,
) -> GpuKernel:
    """Makes the kernel.

    Args:
        name: of the kernel.
        mapping: of the lines.
        parameters: of the kernel.
        lines: the dims that number the lines.
        reduced: the dims along each line.
        work: what is done.
        parts: whether each block has a part of a line, where the mapping splits them.
        shared_bytes: the shared memory that a block may have.
    """
    builder = KernelBuilder(name, parameters, mapping.threads)
    cells = SharedCells(builder, mapping.cells, work.types, shared_bytes)
    split = mapping.split if parts else 1
    with builder.entering(builder.block):
        if isinstance(mapping, RowMapping):
            RowWork(builder, replace(mapping, split=split), cells, lines, reduced).run(work)
        else:
            ColumnBlock(builder, replace(mapping, split=split), cells, lines, reduced).run(work)
    return builder.finish(blocks=mapping.blocks(lines.size) * split)
