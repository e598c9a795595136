"""Tuning of rows and columns: what a schedule leaves open, as functions of extents and of what is computed.

Of the softmax of 32768 rows of 4096 elements comes `gpu = {threads = 512, lanes = 512, rows = 1, keep = registers,
chunk = 1, split = 1}`.
"""

from __future__ import annotations

from dataclasses import replace

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import GpuTuning, Schedule
from pullback.dialects.graph.op.scalar import bit_width
from pullback.passes.gpu.gpu_limits import BUSY_BLOCKS, MOST_THREADS
from pullback.passes.gpu.kernel_builder import WARP
from pullback.passes.gpu.lines.column_mapping import ColumnMapping, column_lanes, column_split, column_threads
from pullback.passes.gpu.lines.line_mapping import power_from, power_to
from pullback.passes.gpu.lines.line_plan import LinePlan
from pullback.passes.gpu.lines.line_vectors import MOST_BYTES, widest
from pullback.passes.gpu.lines.row_mapping import RowMapping, row_lanes, row_split, rows_of_block
from pullback.passes.lowering.space import schedule_of

MOST_STEPS = 32
"""The most elements of a row that each of its threads keeps by default. On an H200 a softmax of rows of 16384 moves 4.0
TB/s where it keeps them, and 3.1 where it reads them again."""
KEPT_WORDS = 64
"""The most registers for what is kept of a row by default: a quarter of what a thread has."""
PARTIAL_ELEMENTS = 1 << 20
"""About so many elements, the partial lines of totals have at most, unless that were too few blocks."""
ROWS_OF_PARTIAL = 8
"""From how many rows at least each partial line comes, unless that were too few blocks: it is stored and read again."""
BLOCKS_ACROSS = BUSY_BLOCKS, 1024
"""The fewest and the most blocks that leave partial lines."""
BLOCKS_SINGLE = 4096
"""The most blocks that leave terms of a total over all lines."""


def tune_rows(kernel: Kernel) -> Schedule:
    """The schedule of a rows kernel with all parameters for GPUs."""
    schedule = schedule_of(kernel)
    mapping = row_mapping(LinePlan.of_kernel(kernel, schedule), schedule.gpu)
    keep = "registers" if mapping.keeps else "none"
    found = replace(
        schedule.gpu,
        threads=mapping.threads,
        vector=mapping.vector,
        lanes=mapping.lanes,
        rows=mapping.rows,
        keep=keep,
        chunk=mapping.chunk,
        split=mapping.split,
    )
    return replace(schedule, gpu=found)


def tune_columns(kernel: Kernel) -> Schedule:
    """The schedule of a columns kernel with all parameters for GPUs."""
    schedule = schedule_of(kernel)
    mapping = column_mapping(LinePlan.of_kernel(kernel, schedule), schedule.gpu)
    found = replace(schedule.gpu, threads=mapping.threads, vector=mapping.vector, split=mapping.split)
    return replace(schedule, gpu=found)


def mapping_of(plan: LinePlan, given: GpuTuning) -> RowMapping | ColumnMapping:
    """The mapping that a schedule states, with defaults for what it leaves open."""
    return (column_mapping if plan.space.reduces_leading else row_mapping)(plan, given)


# ---- columns ----------------------------------------------------------------------------------------------


def column_mapping(plan: LinePlan, given: GpuTuning) -> ColumnMapping:
    """The mapping of columns."""
    columns, points = plan.lines.size, plan.points.size
    # Lanes that add up what is across columns are in the same row.
    vector = given.vector or widest(plan)
    lanes = column_lanes(columns, vector, full_warps=bool(plan.reductions.across))
    split = given.split or column_split(columns, points, -(-columns // (lanes * vector)))
    threads = given.threads or column_threads(-(-points // split), lanes)
    return ColumnMapping(lanes, threads, split, vector)


# ---- rows -------------------------------------------------------------------------------------------------


def row_mapping(plan: LinePlan, given: GpuTuning) -> RowMapping:
    """The mapping of rows: parameters that are given stay, and others follow them."""
    rows, points = plan.lines.size, plan.points.size
    vector = given.vector or widest(plan)
    lanes, side_by_side = _threads(rows, points, given, vector)
    split = given.split or _row_split(plan, given, -(-rows // side_by_side))
    if split > 1:
        lanes, side_by_side = _threads(
            rows, -(-points // split), replace(given, rows=given.rows or 1), vector
        )
        return RowMapping(lanes, side_by_side, given.chunk or 1, split, given.keep == "registers", vector)
    keeps = given.keep == "registers" if given.keep else _keeps(plan, lanes, vector)
    if plan.reductions.across and not keeps and given.vector is None:
        vector = min(vector, MOST_BYTES // 8)  # partial lines in memory may be of f64
    mapping = RowMapping(lanes, side_by_side, keeps=keeps, vector=vector)
    return replace(mapping, chunk=given.chunk or _chunk(plan, mapping))


def _threads(rows: int, points: int, given: GpuTuning, vector: int) -> tuple[int, int]:
    """The threads of a row, and the rows of a block: so that together they are the threads that are given."""
    most, side_by_side = given.threads or MOST_THREADS, given.rows
    lanes = given.lanes
    if lanes is None and side_by_side and given.threads:
        lanes = power_to(most // side_by_side)
    if lanes is None:
        fits = power_to(most // (side_by_side or 1))
        lanes = max(
            min(row_lanes(rows, points, vector), fits), power_from(-(-WARP // (side_by_side or WARP)))
        )
    if side_by_side is None:
        side_by_side = max(most // lanes, 1) if given.threads else rows_of_block(rows, lanes)
    return lanes, side_by_side


def _row_split(plan: LinePlan, given: GpuTuning, blocks: int) -> int:
    """In how many parts rows are split, unless something is given that goes with whole rows alone."""
    whole = given.rows not in (None, 1) or given.chunk not in (None, 1) or given.keep == "registers"
    return 1 if whole else row_split(plan.lines.size, plan.points.size, blocks)


def _keeps(plan: LinePlan, lanes: int, vector: int) -> bool:
    """Whether the rows are gone through several times, and short enough to stay in registers."""
    steps = -(-plan.points.size // (lanes * vector)) * vector
    if plan.sweeps < 2 and not plan.reductions.across:
        return False
    words = sum(-(-bit_width(node.element_type) // 32) for node in plan.loaded)
    words += 2 * len(plan.reductions.across)
    return steps <= MOST_STEPS and steps * words <= KEPT_WORDS


def _chunk(plan: LinePlan, mapping: RowMapping) -> int:
    """How many rows a block goes through: so many that what it leaves of totals is little beside what it reads."""
    rows, points = plan.lines.size, plan.points.size
    if plan.reductions.across:
        partial_lines = mapping.units if mapping.keeps else mapping.rows
        fewest, most = BLOCKS_ACROSS
        blocks = min(PARTIAL_ELEMENTS // max(points, 1), rows // ROWS_OF_PARTIAL) // partial_lines
        blocks = max(fewest, min(most, blocks))
    elif plan.reductions.single:
        blocks = BLOCKS_SINGLE
    else:
        return 1
    return max(rows // (mapping.rows * blocks), 1)
