"""Verification of level `kernels`, whose texts may be edited: schedules and memory plans must fit the program."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.kernel.arenas import has_plan
from pullback.dialects.graph.kernel.check_placement import check_placement
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.indexed import Pointwise
from pullback.dialects.graph.tensor.device import HOST, device_of_op
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.kernels.check.check_memory import check_memory
from pullback.passes.kernels.check.check_schedule import check_means, check_schedule
from pullback.passes.lowering.kinds import TABLE
from pullback.passes.lowering.structure import Structure, structure_of
from pullback.passes.lowering.support import KERNEL_DTYPES, has_kernel_dtypes


def verify_scheduled(module: ModuleOp, target: str | None = None, **means: int) -> None:
    """Checks the schedule of every kernel, the devices, and the memory plan of every function that has one.

    Args:
        module: a module of level `kernels`.
        target: whose means every kernel must have enough of, a key of `TARGETS`; any target's unless given. Those on
            the host's device must have the CPU's.
        means: what else the target has, where its lowering has options for it, such as `shared_bytes`.

    Raises:
        DiagnosticError: at the operation that is wrong.
    """
    kernels: dict[tuple[Structure, bool], Kernel] = {}
    for function in module.ops:
        if not isinstance(function, func.FuncOp) or not function.body.blocks:
            continue
        for op in operations_within(function):
            if isinstance(op, Kernel) and (key := (structure_of(op), is_for_cpu(op))) not in kernels:
                if not _was_accepted(key[0]):
                    check_dtypes(op)
                    check_bodies(op)
                    check_schedule(op)
                kernels[key] = op
        check_placement(function)
        if has_plan(function):
            check_memory(function)
    _remember({structure for structure, _ in kernels})
    if target is not None:
        for (_, for_cpu), kernel in kernels.items():
            if for_cpu:
                check_means(kernel, "cpu")
            else:
                check_means(kernel, target, **means)


_accepted: tuple[object, set[Structure]] = (None, set())
"""The kernels of the module that was accepted last, and the table of kinds by which it was. A lowering checks what
`verify-level` has just checked, unless there is none before it, or a pass between them."""


def _was_accepted(structure: Structure) -> bool:
    table, structures = _accepted
    return table is TABLE.registered and structure in structures


def _remember(structures: set[Structure]) -> None:
    global _accepted
    _accepted = TABLE.registered, structures


def is_for_cpu(kernel: Kernel) -> bool:
    """Tells whether a kernel of a program over several devices is one for the CPU, whatever the target."""
    return device_of_op(kernel) == HOST


def check_dtypes(kernel: Kernel) -> None:
    """Raises DiagnosticError at the first operation in a kernel on a dtype that no kernel computes with."""
    for op in kernel.body.block.ops:
        if not has_kernel_dtypes(op):
            types = ", ".join(str(value.type) for value in (*op.operands, *op.results))
            raise DiagnosticError(
                f"'{op.name}' of {types}: kernels compute with {', '.join(map(str, KERNEL_DTYPES))}; what is of "
                "another dtype is outside of kernels",
                op,
            )


def check_bodies(kernel: Kernel) -> None:
    """Raises DiagnosticError at the first operation in a kernel that states no body for one element."""
    for op in kernel.body.block.ops:
        if isinstance(op, Pointwise) and not op.has_body():
            raise DiagnosticError(
                f"'{op.name}' is computed on whole tensors by the host, and not element by element: move it out "
                "of the kernel",
                op,
            )
