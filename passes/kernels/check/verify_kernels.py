"""Level `kernels` is what lowerings read and people edit: whether schedules and memory plans fit the program."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.passes.kernels.check.check_memory import check_memory, has_plan
from pullback.passes.kernels.check.check_schedule import check_schedule
from pullback.passes.lowering.structure import Structure, structure_of


def verify_scheduled(module: ModuleOp) -> None:
    """Check the schedule of every kernel, and the memory plan of every function that has one.

    Raises:
        DiagnosticError: at the operation that is wrong.
    """
    for function in module.ops:
        if not isinstance(function, func.FuncOp) or not function.body.blocks:
            continue
        seen: set[Structure] = set()
        for op in function.walk():
            if isinstance(op, Kernel) and (structure := structure_of(op)) not in seen:
                check_schedule(op)
                seen.add(structure)
        if has_plan(function):
            check_memory(function)
