"""Verification of schedules, which may have been edited by hand: kind, extents, and bounds of tuned parameters."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation

from pullback.dialects.graph.along_axes.reductions import Reduction
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.schedule import Schedule
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.check.check_gpu_tuning import check_gpu_tuning
from pullback.passes.kernels.check.check_space import check_space
from pullback.passes.kernels.check.schedule_error import ScheduleError, is_power_of_two
from pullback.passes.lowering.kernel_kind import Kind, Lowering, NotYet
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import POINTWISE, TABLE, kind_of, kind_of_op, resolved
from pullback.passes.lowering.merge_dims import merge_dims
from pullback.passes.lowering.outputs import is_border
from pullback.passes.lowering.reduction_split import SplitLoop, split_of
from pullback.passes.lowering.vector_registers import MAX_VECTOR

MAX_UNROLL = 64
MAX_SPLIT = 1024
"""The most parts of a reduction."""
MAX_TILE = (64, 1024)
"""The most rows and columns of the block of a product."""
MAX_BLOCK = 256
"""The most vectors in that block: each is code of its own."""


def check_schedule(kernel: Kernel) -> KernelModel:
    """Checks that loops can follow a kernel's schedule.

    Returns the model of the kernel; its dims are merged where the schedule has a split.

    Raises:
        DiagnosticError: there is none, a number is out of its bounds, or kind and extents do not fit the operations
            in the region.
    """
    if kernel.schedule is None:
        raise DiagnosticError("the kernel has no schedule: run form-kernels first", kernel)
    schedule = kernel.schedule.data
    kind_of(kernel)
    _check_cpu(kernel, schedule)
    check_gpu_tuning(kernel, schedule)
    _check_kind(kernel, schedule)
    model = check_space(kernel, schedule)
    if schedule.cpu.split is None:
        return model
    return _check_split(kernel, schedule, schedule.cpu.split, model)


def _check_split(kernel: Kernel, schedule: Schedule, parts: int, model: KernelModel) -> KernelModel:
    """Checks that a kernel has a loop that can be split into so many parts; the model with its dims merged."""
    if not 2 <= parts <= MAX_SPLIT:
        raise ScheduleError(f"cpu split is {parts}; expected a number from 2 to {MAX_SPLIT}", kernel)
    if not TABLE[schedule.kind].reduces:
        having = " and ".join(name for name, kind in TABLE.items() if kind.reduces)
        raise ScheduleError(
            f"cpu split says nothing to kind '{schedule.kind}', only to {having}; remove it", kernel
        )
    merged = merge_dims(model)
    found = split_of(merged, parts)
    if not isinstance(found, SplitLoop):
        raise ScheduleError(f"cpu split is {parts}, but {found}; remove it", kernel)
    return merged


def check_means(kernel: Kernel, target: str, **means: int) -> None:
    """Checks that a target has code for a kernel whose schedule was checked, and the means that it needs.

    Raises:
        DiagnosticError: there is no code for its kind yet, or the target cannot do what it asks for.
    """
    kind = kind_of(kernel)
    entry = kind.targets[target]
    if isinstance(entry, NotYet):
        covered = [name for name, other in TABLE.items() if isinstance(other.targets[target], Lowering)]
        raise DiagnosticError(
            f"no {target.upper()} kernel of kind '{kind.name}' yet: expected one of {', '.join(covered)} "
            f"({entry.reason})",
            kernel,
        )
    if entry.check is not None:
        resolved(entry.check)(kernel, **means)


def _check_cpu(kernel: Kernel, schedule: Schedule) -> None:
    vector, unroll = schedule.cpu.vector, schedule.cpu.unroll
    if vector is not None and not is_power_of_two(vector, 1, MAX_VECTOR):
        raise ScheduleError(f"vector is {vector}; expected a power of two from 1 to {MAX_VECTOR}", kernel)
    if unroll is not None and not 1 <= unroll <= MAX_UNROLL:
        raise ScheduleError(f"unroll is {unroll}; expected a number from 1 to {MAX_UNROLL}", kernel)
    if schedule.cpu.tile:
        _check_tile(kernel, schedule)


def _check_tile(kernel: Kernel, schedule: Schedule) -> None:
    if not TABLE[schedule.kind].has_tiles:
        having = " and ".join(name for name, kind in TABLE.items() if kind.has_tiles)
        raise ScheduleError(
            f"tile says nothing to kind '{schedule.kind}', only to {having}; remove it", kernel
        )
    tile, vector = schedule.cpu.tile, schedule.cpu.vector
    if len(tile) != 2 or not all(1 <= n <= most for n, most in zip(tile, MAX_TILE, strict=True)):
        raise ScheduleError(
            f"tile is {list(tile)}; expected rows from 1 to {MAX_TILE[0]} and columns from 1 to {MAX_TILE[1]}, "
            "as in tile = [6, 64]",
            kernel,
        )
    block = tile[0] * -(-tile[1] // (vector or 1))
    if vector and block > MAX_BLOCK:
        raise ScheduleError(
            f"tile {list(tile)} holds {block} vectors of {vector}; expected at most {MAX_BLOCK}: make the tile "
            "smaller or the vectors longer",
            kernel,
        )


# ---- kind and extents -----------------------------------------------------------------------------------


def _check_kind(kernel: Kernel, schedule: Schedule) -> None:
    """Checks the kind by operations that only one kind of kernel may contain, and the extents that these fix."""
    ops = list(kernel.body.block.ops)
    alone = [(op, kind) for op in ops if (kind := kind_of_op(op)) is not None]
    if alone:
        first, kind = alone[0]
        if not all(schedule.kind in other.also_in for _, other in alone):
            _expect_kind(kernel, schedule, [kind.name, *kind.also_in], first)
            _check_alone(kernel, schedule, kind, [op for op, _ in alone])
            return
    first = next((op for op in ops if isinstance(op, Reduction)), None)
    if first is not None:
        # The kernel's own kind is registered, so others need not be discovered.
        known = TABLE.registered.items()
        _expect_kind(kernel, schedule, [name for name, kind in known if kind.reduces], first)
    elif TABLE[schedule.kind].ops:
        raise ScheduleError(
            f"kind '{schedule.kind}' does not fit: the region holds no operation of that kind; expected "
            f"{POINTWISE.name}",
            kernel,
        )
    elif not TABLE[schedule.kind].reduces:
        _expect_extents(kernel, "reduce", schedule.reduce, [()])


def _expect_kind(kernel: Kernel, schedule: Schedule, kinds: Sequence[str], op: Operation) -> None:
    if schedule.kind not in kinds:
        raise ScheduleError(
            f"kind '{schedule.kind}' does not fit: the region holds '{op.name}'; expected {' or '.join(kinds)}",
            kernel,
        )


def _check_alone(kernel: Kernel, schedule: Schedule, kind: Kind, ops: Sequence[Operation]) -> None:
    """Checks the extents of a kernel, which a product, a scatter or a concat in it fixes."""
    first, *others = ops
    others = [op for op in others if not (kind.has_epilogue and is_border(op))]
    apart = [op for op in others if kind.is_single or type(op) is not type(first)]
    if apart:
        raise ScheduleError(
            f"the region holds '{first.name}' and '{apart[0].name}'; expected kernels apart", kernel
        )
    if kind.extents is not None:
        fits = kind.extents(kernel.body.block)
        _expect_extents(kernel, "parallel", schedule.parallel, [parallel for parallel, _ in fits])
        _expect_extents(kernel, "reduce", schedule.reduce, [reduce for _, reduce in fits])


def _expect_extents(kernel: Kernel, key: str, got: tuple[int, ...], fits: list[tuple[int, ...]]) -> None:
    if got not in fits:
        expected = " or ".join(str(list(extents)) for extents in fits)
        raise ScheduleError(
            f"{key} is {list(got)}, which does not fit the operations in the region; expected {expected}",
            kernel,
        )
