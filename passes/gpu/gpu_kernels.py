"""A `graph.kernel` as GPU kernels: the emitter is chosen by the kind that the schedule names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.gpu.arguments import Arguments, Lowered
from pullback.passes.gpu.kernel_builder import MAX_SHARED_BYTES, Kernel
from pullback.passes.gpu.line_kernel import lower_lines
from pullback.passes.gpu.point import Point
from pullback.passes.gpu.point_values import Values
from pullback.passes.gpu.pointwise import pointwise
from pullback.passes.loops.kernel_function import Signature
from pullback.passes.lowering.nodes import Contraction, Load, Output, cone
from pullback.passes.lowering.outputs import outputs_of
from pullback.passes.lowering.space import Space, schedule_of


def lower_kernel(signature: Signature) -> Lowered:
    """The GPU kernels of a `graph.kernel`.

    Raises DiagnosticError where it has no schedule, one that does not fit, or a kind that has no emitter yet.
    """
    schedule = schedule_of(signature.kernel)
    emit = EMITTERS.get(schedule.kind)
    if emit is None:
        raise DiagnosticError(
            f"no GPU kernel of kind '{schedule.kind}' yet: expected one of {', '.join(EMITTERS)}",
            signature.kernel,
        )
    space, outputs = outputs_of(Space.of(signature.kernel, schedule))
    arguments = Arguments(signature)
    if any(output.row is not None for output in outputs):
        raise DiagnosticError("rows that are added in place have no GPU kernel yet", signature.kernel)
    for node in cone([output.node for output in outputs]):
        if isinstance(node, Contraction):
            raise DiagnosticError("a matrix product has no GPU kernel yet", signature.kernel)
        if isinstance(node, Load):
            node.argument = arguments.input(node.argument)
    for output in outputs:
        output.result = arguments.output(output.result)
    kernels = emit(arguments, space, outputs)
    if any(kernel.shared_bytes > MAX_SHARED_BYTES for kernel in kernels):
        raise DiagnosticError(
            f"the reductions of the kernel need more than {MAX_SHARED_BYTES} bytes of shared memory",
            signature.kernel,
        )
    return Lowered(kernels, arguments.places())


def _lines(arguments: Arguments, space: Space, outputs: list[Output]) -> list[Kernel]:
    """Kernels for what each line stores, and kernels of their own for what every line would store again."""
    around = {d for d in space.outer if space.extents[d] != 1}
    once = [o for o in outputs if not o.node.is_late and not around <= o.offset.dims]
    rest = [o for o in outputs if o not in once]
    kernels = lower_lines(arguments, space, rest) if rest else []
    return kernels + _pointwise(arguments, space, once, "_once")


def _pointwise(arguments: Arguments, space: Space, outputs: list[Output], name: str = "") -> list[Kernel]:
    """One kernel for all outputs that run along the same dims."""
    groups: dict[frozenset[int], list[Output]] = {}
    for output in outputs:
        groups.setdefault(output.offset.dims, []).append(output)
    kernels: list[Kernel] = []
    for number, (dims, group) in enumerate(groups.items()):
        suffix = f"{name}_{number}" if number else name
        # Along other dims, all points would write the same element.
        extents = [n if d in dims else 1 for d, n in enumerate(space.extents)]

        def body(point: Point, group: list[Output] = group) -> None:
            Values(point).store(point.store, group)

        kernels.append(pointwise(arguments.signature.name + suffix, arguments.all(), extents, body))
    return kernels


Emitter: TypeAlias = Callable[[Arguments, Space, list[Output]], list[Kernel]]


EMITTERS: dict[str, Emitter] = {
    "pointwise": _pointwise,
    "concat": _pointwise,
    "rows": _lines,
    "columns": _lines,
}
