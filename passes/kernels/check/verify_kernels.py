"""Verification of level `kernels`, whose texts may be edited: schedules and memory plans must fit the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.kinds import TABLE
from pullback.passes.lowering.structure import Structure, structure_of
from pullback.passes.lowering.support import KERNEL_DTYPES, has_kernel_dtypes
from pullback.passes.rewriting.facts_for_next_pass import left_by_last_pass


@dataclass(frozen=True)
class CheckedKernels:
    """What the check of a module has found; `verify-level` leaves it to a lowering that comes right after it."""

    module: ModuleOp
    kinds: object
    """The table of kinds by which it was checked."""
    different: Sequence[Kernel]
    """One of all that are equal, those of the host's device apart."""
    models: dict[Kernel, KernelModel]
    """Their models. A lowering changes a model, and takes it out."""
    structures: Mapping[Kernel, Structure] = field(default_factory=dict[Kernel, Structure])
    """The structures of all kernels."""


def verify_scheduled(module: ModuleOp, target: str | None = None, **means: int) -> CheckedKernels:
    """Checks the schedule of every kernel, the devices, and the memory plan of every function that has one.

    Args:
        module: a module of level `kernels`.
        target: whose means every kernel must have enough of, a key of `TARGETS`; any target's unless given. Those on
            the host's device must have the CPU's.
        means: what else the target has, where its lowering has options for it, such as `shared_bytes`.

    Raises:
        DiagnosticError: at the operation that is wrong.
    """
    checked = left_by_last_pass(CheckedKernels)
    if checked is None or checked.module is not module or checked.kinds is not TABLE.registered:
        checked = _checked(module)
    if target is not None:
        for kernel in checked.different:
            if is_for_cpu(kernel):
                check_means(kernel, "cpu")
            else:
                check_means(kernel, target, **means)
    return checked


def _checked(module: ModuleOp) -> CheckedKernels:
    """Checks all that no target's means decide."""
    kernels: dict[tuple[Structure, bool], Kernel] = {}
    models: dict[Kernel, KernelModel] = {}
    structures: dict[Kernel, Structure] = {}
    for function in module.ops:
        if not isinstance(function, func.FuncOp) or not function.body.blocks:
            continue
        for op in operations_within(function):
            if not isinstance(op, Kernel):
                continue
            structures[op] = structure_of(op)
            if (key := (structures[op], is_for_cpu(op))) not in kernels:
                check_dtypes(op)
                check_bodies(op)
                models[op] = check_schedule(op)
                kernels[key] = op
        check_placement(function)
        if has_plan(function):
            check_memory(function)
    return CheckedKernels(module, TABLE.registered, tuple(kernels.values()), models, structures)


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
