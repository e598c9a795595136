"""A `graph.kernel` as GPU kernels: the emitter is chosen by the kind that the schedule names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.gpu_kernel import GpuKernel
from pullback.passes.gpu.line_kernel import lower_lines, store
from pullback.passes.gpu.parameters import Parameters
from pullback.passes.gpu.point import Point
from pullback.passes.gpu.pointwise import pointwise
from pullback.passes.lowering.kernel_model import KernelModel
from pullback.passes.lowering.lowered_kernels import LoweredKernel, Signature
from pullback.passes.lowering.nodes import Contraction, Output
from pullback.passes.lowering.space import Space, schedule_of

MAX_SHARED_BYTES = 48 << 10
"""What every device gives a block without being asked."""


def gpu_kernels(signature: Signature) -> LoweredKernel:
    """The GPU kernels of a `graph.kernel`, to be launched one after the other.

    Raises DiagnosticError where it has no schedule, one that does not fit, or a kind that has no emitter yet.
    """
    schedule = schedule_of(signature.kernel)
    emit = EMITTERS.get(schedule.kind)
    if emit is None:
        raise DiagnosticError(
            f"no GPU kernel of kind '{schedule.kind}' yet: expected one of {', '.join(EMITTERS)}",
            signature.kernel,
        )
    model = KernelModel.of(signature.kernel, schedule)
    parameters = Parameters(signature)
    if any(output.row is not None for output in model.outputs):
        raise DiagnosticError("rows that are added in place have no GPU kernel yet", signature.kernel)
    if any(isinstance(node, Contraction) for node in model.nodes):
        raise DiagnosticError("a matrix product has no GPU kernel yet", signature.kernel)
    for load in model.loads:
        load.argument = parameters.input(load.argument)
    for output in model.outputs:
        output.result = parameters.output(output.result)
    kernels = emit(parameters, model.space, list(model.outputs))
    if any(kernel.shared_bytes > MAX_SHARED_BYTES for kernel in kernels):
        raise DiagnosticError(
            f"the reductions of the kernel need more than {MAX_SHARED_BYTES} bytes of shared memory",
            signature.kernel,
        )
    return LoweredKernel(kernels, parameters.places())


def _lines(parameters: Parameters, space: Space, outputs: list[Output]) -> list[GpuKernel]:
    """Kernels for what each line stores, and kernels of their own for what every line would store again."""
    around = {d for d in space.outer if space.extents[d] != 1}
    once = [o for o in outputs if not o.node.is_late and not around <= o.offset.dims]
    rest = [o for o in outputs if o not in once]
    kernels = lower_lines(parameters, space, rest) if rest else []
    return kernels + _pointwise(parameters, space, once, "_once")


def _pointwise(
    parameters: Parameters, space: Space, outputs: list[Output], name: str = ""
) -> list[GpuKernel]:
    """One kernel for all outputs that run along the same dims."""
    groups: dict[frozenset[int], list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.offset.dims, []).append(output)
    kernels: list[GpuKernel] = []
    for number, (dims, group) in enumerate(groups.items()):
        suffix = f"{name}_{number}" if number else name
        # Along other dims, all points would write the same element.
        extents = [n if d in dims else 1 for d, n in enumerate(space.extents)]

        def body(point: Point, group: list[Output] = group) -> None:
            store(point, group)

        kernels.append(pointwise(parameters.signature.name + suffix, parameters.all(), extents, body))
    return kernels


Emitter: TypeAlias = Callable[[Parameters, Space, list[Output]], list[GpuKernel]]


EMITTERS: dict[str, Emitter] = {
    "pointwise": _pointwise,
    "concat": _pointwise,
    "rows": _lines,
    "columns": _lines,
}
