"""`verify-level`: verifies that a module is of a level: its operations, its types, and what its kernels state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xdsl.context import Context
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, ModuleOp, ShapedType
from xdsl.dialects.func import CallOp, FuncOp
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.kernel.argument_roles import ON_DEVICES, ROLES, check_roles
from pullback.dialects.graph.kernel.host_call import is_host_function, operation_of
from pullback.dialects.graph.kernel.index_bitwidth import bitwidth_of
from pullback.dialects.graph.kernel.schedule import TARGETS
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.verification import verify
from pullback.passes.pipeline.levels import LEVELS, Level, LevelName
from pullback.passes.rewriting.facts_for_next_pass import leave_to_next_pass

if TYPE_CHECKING:
    from pullback.passes.kernels.check.verify_kernels import CheckedKernels

_MOST_PROMISED_FIRST: tuple[LevelName, ...] = ("graph", "gradients", "request", "kernels", "loops", "gpu")
"""The order in which a module's level is looked for: graphs of `?` are no kernels, and kernels are no graph."""


_REMEDIES: dict[type[Operation], str] = {CallOp: "inline-calls", Gradients: "generate-gradients"}
"""The passes that remove what has no place below level `request`."""


class LevelError(DiagnosticError):
    """The module is valid IR, but not of the level asked for."""


def verify_level(module: ModuleOp, level: LevelName, target: str | None = None) -> CheckedKernels | None:
    """Check that a module is valid IR, with every value defined before its uses, and that it is of `level`.

    At level `kernels` that includes every schedule, and every memory plan, and with a target (`cpu`, `gpu`) whether it
    has the means for every kernel; at levels `loops` and `gpu` it includes what the host runs, and at level `gpu` on
    which device memory is.

    Returns what a lowering of kernels need not find again.

    Raises:
        VerificationError: the module is not valid at any level.
        LevelError: an op, a type or a dynamic shape has no place at this level.
        DiagnosticError: a schedule or a memory plan does not fit the program, a function without a body states
            no operation that the host can run, or an op takes memory that it cannot reach.
        ValueError: the level or the target is not known.
    """
    if level not in LEVELS:
        raise GraphError(f"level {level!r} is not known: expected one of {', '.join(LEVELS)}")
    if target not in (None, *TARGETS):
        raise GraphError(f"target {target!r} is not known: expected one of {', '.join(TARGETS)}")
    verify(module)
    wrong = misplaced(module, level)
    if wrong is not None:
        raise wrong
    # What only some levels promise is imported for those.
    if level == "kernels":
        from pullback.passes.kernels.check.verify_kernels import verify_scheduled

        return verify_scheduled(module, target)
    for function in module.ops if level in ("loops", "gpu") else ():
        if isinstance(function, FuncOp) and is_host_function(function):
            operation_of(function)
        elif isinstance(function, FuncOp) and function.body.blocks:
            check_roles(function, ROLES if level == "gpu" else [r for r in ROLES if r not in ON_DEVICES])
    if level == "gpu":
        from pullback.dialects.upstream.gpu_functions import FuncOp as GpuFuncOp
        from pullback.passes.gpu.check_devices import check_devices

        check_devices(module)
        for op in operations_within(module):
            if isinstance(op, GpuFuncOp):
                bitwidth_of(op)
    return None


def misplaced(module: ModuleOp, level: LevelName) -> LevelError | None:
    """The error about the first op or type of a module that has no place at a level; None if each has."""
    spec = LEVELS[level]
    allowed: dict[type[Operation], bool] = {}
    # Types are shared by many values: each is judged once, by identity, because hashing one costs more.
    faults: dict[int, str | None] = {}
    for op in operations_within(module):
        if type(op) not in allowed:
            allowed[type(op)] = spec.allows(op)
        if not allowed[type(op)]:
            remedy = f": run {_REMEDIES[type(op)]} first" if type(op) in _REMEDIES else ""
            return LevelError(f"'{op.name}' has no place at level '{level}' ({spec.meaning}){remedy}", op)
        for type_ in _types_of(op):
            if id(type_) not in faults:
                faults[id(type_)] = _fault(type_, spec)
            if (fault := faults[id(type_)]) is not None:
                return LevelError(
                    f"'{op.name}': type {type_} {fault} at level '{level}' ({spec.meaning})", op
                )
    return None


def level_of(module: ModuleOp) -> LevelName | None:
    """The level that a module is of, found from its ops and types; None where these are of no one level.

    A finished graph may stand at the levels above `graph`, too, and loops at level `gpu`: of several levels it is the
    one that promises most.
    """
    for level in _MOST_PROMISED_FIRST:
        if misplaced(module, level) is None:
            return level
    return None


@dataclass(frozen=True)
class VerifyLevel(ModulePass):
    """Check that the module is of a level: its ops, its types, static shapes, and SSA dominance."""

    name = "verify-level"
    anchor = "func.func"

    level: LevelName
    """The level that the module must be of."""
    target: str | None = None
    """At level kernels: the target that must have code for every kernel, cpu or gpu."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.target is not None and (self.target not in TARGETS or self.level != "kernels"):
            raise DiagnosticError(
                f"verify-level: target is {self.target} at level {self.level}; expected one of {', '.join(TARGETS)}, "
                "at level kernels",
                op,
            )
        checked = verify_level(op, self.level, self.target)
        if checked is not None:
            leave_to_next_pass(checked)


def _types_of(op: Operation) -> list[Attribute]:
    types = [result.type for result in op.results]
    for region in op.regions:
        types += [argument.type for block in region.blocks for argument in block.args]
    return types


def _fault(type_: Attribute, spec: Level) -> str | None:
    """Says what is wrong with a type at a level; None if nothing."""
    if not isinstance(type_, spec.types):
        # A dialect of the level brings its own types (tokens, slices, variables).
        dialect = getattr(type_, "name", "").partition(".")[0]
        return None if f"{dialect}.*" in spec.ops else "has no place"
    if not (spec.static_shapes and isinstance(type_, ShapedType)):
        return None
    # Loops may push to a stack of unknown length: a memref's leading dimension, which no stride depends on.
    dims = type_.get_shape()[1:] if isinstance(type_, MemRefType) else type_.get_shape()
    return "has a dynamic shape, which has no place" if DYNAMIC_INDEX in dims else None
