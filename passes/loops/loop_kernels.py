"""Kernels as functions, equal ones as one: the lowering is chosen by the kind that the schedule names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.func import FuncOp

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.loops.columns import lower_columns
from pullback.passes.loops.kernel_function import KernelFunction, Lowered, Signature
from pullback.passes.loops.matmul import lower_matmul
from pullback.passes.loops.pointwise import lower_pointwise
from pullback.passes.loops.rows import lower_rows
from pullback.passes.loops.scatter import lower_scatter
from pullback.passes.lowering.places import Place
from pullback.passes.lowering.space import schedule_of
from pullback.passes.lowering.structure import Structure, places_of, structure_of_signature

LOWERINGS: dict[str, Callable[[KernelFunction], None]] = {
    "pointwise": lower_pointwise,
    "rows": lower_rows,
    "columns": lower_columns,
    "concat": lower_pointwise,
    "matmul": lower_matmul,
    "scatter": lower_scatter,
}


class Kernels:
    """The kernel functions of one host function: one for all kernels of equal structure, named after the first."""

    def __init__(self, vector_bits: int) -> None:
        self.vector_bits = vector_bits
        self._known: dict[Structure, tuple[Sequence[Place], Lowered]] = {}

    def __call__(self, signature: Signature) -> Lowered:
        """The function of a kernel, and what this kernel passes to it.

        Raises DiagnosticError as `lower_kernel` does.
        """
        key, places = structure_of_signature(signature), places_of(signature)
        if key not in self._known:
            self._known[key] = places, lower_kernel(signature, self.vector_bits)
        first, lowered = self._known[key]
        own = dict(zip(first, places, strict=True))
        arguments = [(own.get(place, place), type_) for place, type_ in lowered.arguments]
        return Lowered(lowered.function, arguments)

    @property
    def functions(self) -> list[FuncOp]:
        """All functions, in the order of the first kernels."""
        return [lowered.function for _, lowered in self._known.values()]


def lower_kernel(signature: Signature, vector_bits: int) -> Lowered:
    """The function of a kernel.

    Raises DiagnosticError where the kernel has no schedule, or one that does not fit what it computes.
    """
    schedule = schedule_of(signature.kernel)
    lowering = LOWERINGS.get(schedule.kind)
    if lowering is None:
        raise DiagnosticError(
            f"no kernel of kind '{schedule.kind}' on the CPU: expected one of {', '.join(LOWERINGS)}",
            signature.kernel,
        )
    kernel = KernelFunction(signature, schedule, vector_bits)
    lowering(kernel)
    return kernel.finish()
