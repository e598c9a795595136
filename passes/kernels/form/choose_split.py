"""Choice of the parts of a long reduction on CPUs, by a model of its time that knows shapes and operations only.

An element costs 0.25 ns for each exp or the like, 0.015 ns for each other operation, and 0.04 ns for each byte that the
kernel reads or writes: what a core with vectors of 512 bits needs, about. What takes less than 25 µs stays whole. Else
parts take 5 µs or more each, and there are 2, 4, 8 or so on, and 64 at most:

    sum of 50,000 elements tanh(x)        2e-5 s      not split
    sum of 100,000 elements tanh(x)       4e-5 s      8 parts
    sum of 10,000,000 elements            2 ms        64 parts

Parts that have a total for each column are added up for longer: they take 20 µs or more, of 100 µs or more.

No machine is asked: the same program has the same parts everywhere, and so the same sums.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from xdsl.ir import SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import ScheduleAttr
from pullback.dialects.graph.op.families import is_expensive
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.types import data_type_of, element_type_of, numpy_dtype, shape_of_type
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import TABLE
from pullback.passes.lowering.line_reductions import LineReductions
from pullback.passes.lowering.merge_dims import merge_dims
from pullback.passes.lowering.reduction_split import SplitLoop, split_of
from pullback.passes.lowering.space import Space, schedule_of

EXPENSIVE, CHEAP, BYTE = 0.25, 0.015, 0.04
"""Nanoseconds for each element."""
SHORT, SHORT_WITH_TOTALS = 25_000, 100_000
"""Nanoseconds that are not worth parts: of any kernel, and of one with a total for each column."""
PART, PART_WITH_TOTALS = 5_000, 20_000
"""Nanoseconds that a part takes at least."""
MOST = 64
FEW_LINES = 16
"""Fewer lines are split themselves, if each takes long."""
LINES_PER_TOTAL = 16
"""Lines in a part that has a total for each element of a line: they outweigh its beginning and its end."""
ENOUGH_PARTS = 8
"""Images, say, that are shared by the parts rather than their rows."""
ROWS_PER_TOTAL = 64
"""Rows in a part that has a total for each column."""


def split_long_reduction(kernel: Kernel) -> None:
    """Writes the number of parts into the schedule of a kernel that has a long reduction."""
    schedule = schedule_of(kernel)
    if TABLE[schedule.kind].reduces and (parts := choose_split(kernel)) is not None:
        kernel.schedule = ScheduleAttr(replace(schedule, cpu=replace(schedule.cpu, split=parts)))


def choose_split(kernel: Kernel) -> int | None:
    """The number of parts of a rows or columns kernel; `None` for one that stays whole."""
    time = time_of(kernel)
    if time < SHORT:
        return None
    model = merge_dims(KernelModel.of(kernel, schedule_of(kernel)))
    most = 1 << max(_most_parts(model, time).bit_length() - 1, 0)  # which 2, 4, 8 threads share evenly
    return most if most >= 2 and isinstance(split_of(model, most), SplitLoop) else None


def _most_parts(model: KernelModel, time: float) -> int:
    """As many parts as time and extents allow."""
    space = model.space
    reductions = LineReductions.of(model.nodes, space.inner)
    has_totals = bool(reductions.across) or (space.reduces_leading and bool(space.outer))
    if has_totals and time < SHORT_WITH_TOTALS:
        return 0
    parts = min(int(time / (PART_WITH_TOTALS if has_totals else PART)), MOST)
    lines = prod(space.extents[d] for d in space.outer)
    if space.reduces_leading and space.outer:
        return min(parts, _rows_apart(space)) if space.inner else 0
    if lines < FEW_LINES and time / lines >= SHORT:
        return min(int(time / lines / PART), MOST)
    if reductions.across:
        return min(parts, lines // LINES_PER_TOTAL)
    return min(parts, lines) if reductions.single else 0


def _rows_apart(space: Space) -> int:
    """In how many parts the rows of columns may be: along one dim, the first if that is long enough."""
    extents = [space.extents[d] for d in space.inner]
    along = extents[0] if extents[0] >= ENOUGH_PARTS else max(extents)
    return min(along, prod(extents) // ROWS_PER_TOTAL)


def time_of(kernel: Kernel) -> float:
    """The time of a kernel in nanoseconds, on one core."""
    schedule, block = schedule_of(kernel), kernel.body.block
    points = prod((*schedule.parallel, *schedule.reduce))

    def elements(value: SSAValue) -> int:
        """Of a table no more are read than there are points."""
        return min(prod(shape_of_type(data_type_of(value.type))), points)

    time = 0.0
    for op in block.ops:
        if not isinstance(op, Yield):
            count = max(elements(v) for v in (*op.operands, *op.results))
            time += count * (EXPENSIVE if is_expensive(op) else CHEAP)
    moved = (*block.args, *kernel.results)
    return time + BYTE * sum(elements(v) * numpy_dtype(element_type_of(v.type)).itemsize for v in moved)
