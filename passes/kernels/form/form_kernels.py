"""`form-kernels`: from level `graph` to the kernels of level `kernels`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.gradient.markers import Backward, GradientResults, SumGradients
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.passes.kernels.form.build_kernels import Cones, Contents, build_kernel
from pullback.passes.kernels.form.decompose import becomes_native, take_apart
from pullback.passes.kernels.form.grouping import Scope
from pullback.passes.kernels.form.groups import Group, Outside
from pullback.passes.kernels.form.recompute import Repeats, cheap_repeats
from pullback.passes.lowering.support import PLACED, runs_on_host

UNFINISHED: Mapping[type[Operation], str] = {
    Gradients: "generate-gradients, then finish,",
    SumGradients: "aggregate-gradients",
    Backward: "gate-gradients",
    GradientResults: "gate-gradients",
    func.CallOp: "inline-calls",
}
"""What level `graph` has nothing of any more, and the passes that see to it."""


@dataclass(frozen=True)
class FormKernels(ModulePass):
    """Group the operations of level `graph` into kernels, each with a schedule. Kernels that are there already stay.

    Options: `vector-bits`, the width of a vector register, for the schedules: a power of two from 64 on, 512 unless
    given, so that text is the same on every machine (who compiles for this machine gives its width); `max-ops`, the
    most operations in one kernel.
    """

    name = "form-kernels"

    vector_bits: int = 512
    max_ops: int = 512

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.vector_bits < 64 or self.vector_bits & (self.vector_bits - 1):
            raise DiagnosticError(
                f"form-kernels: vector-bits is {self.vector_bits}; expected a power of two from 64 on", op
            )
        if self.max_ops < 1:
            raise DiagnosticError(f"form-kernels: max-ops is {self.max_ops}; expected 1 or more", op)
        check_finished(op)
        for function in op.ops:
            if not isinstance(function, func.FuncOp) or not function.body.blocks:
                continue
            if not is_formed(function.body.block):
                take_apart(function)
                Former(self.vector_bits, self.max_ops).form(function.body.block)


def check_finished(module: ModuleOp) -> None:
    """Raises DiagnosticError at the first call, request for gradients, or marker of them, that is still open."""
    for op in module.walk():
        if (todo := UNFINISHED.get(type(op))) is not None:
            raise DiagnosticError(f"form-kernels: '{op.name}' is still open: run {todo} first", op)


class Former:
    """Rebuilds the blocks of one function."""

    def __init__(self, vector_bits: int, max_ops: int) -> None:
        self._vector_bits = vector_bits
        self._max_ops = max_ops
        self._values: dict[SSAValue, SSAValue] = {}
        """What stands now for a value of the program."""
        self._gone: list[Operation] = []

    def form(self, block: Block) -> None:
        """Puts kernels into a block, and into the regions of its loops."""
        self._form(block, None)
        for op in self._gone:
            op.drop_all_references()
        for op in self._gone:
            op.erase(drop_references=False)

    def _form(self, block: Block, outer: Scope | None) -> None:
        old = list(block.ops)
        scope = Scope(block, self._max_ops, outer)
        items = sorted([*scope.groups, *scope.outside], key=lambda item: item.position)
        kernels = needed_kernels(scope, items)
        for op in old:
            op.detach()
        for item in items:
            if isinstance(item, Outside):
                self._add_outside(item.op, block, scope)
            elif item in kernels:
                block.add_op(build_kernel(item, kernels[item], self._values, self._vector_bits))
        kept = {item.op for item in scope.outside} - scope.deferred.sizes.keys()
        inherited = outer.order if outer is not None else {}
        self._gone += [op for op in (*scope.order, *scope.replaced) if op not in kept and op not in inherited]

    def _add_outside(self, op: Operation, block: Block, scope: Scope) -> None:
        if op in scope.deferred.sizes:
            # Kernels repeat the original.
            block.add_op(op.clone(self._values))
            return
        block.add_op(op)
        if any(v in self._values for v in op.operands):
            op.operands = [self._values.get(v, v) for v in op.operands]
        around = self._values
        for region in op.regions if isinstance(op, While) else ():
            # A constant may be made again in there; that one is not the one out here.
            self._values = dict(around)
            self._form(region.block, scope)
        self._values = around


def is_formed(block: Block) -> bool:
    """Whether all that kernels compute in a block, and in the regions of its loops, is in kernels."""
    loops = [op for op in block.ops if isinstance(op, While)]
    bodies = [region.block for loop in loops for region in loop.regions]
    return all(map(is_settled, block.ops)) and all(map(is_formed, bodies))


def is_settled(op: Operation) -> bool:
    """Whether this pass leaves an operation outside of kernels, and would not touch it again."""
    if isinstance(op, (*PLACED, Condition, Yield, func.ReturnOp)):
        return True
    return runs_on_host(op) and not (isinstance(op, Composite) and becomes_native(op))


def needed_kernels(scope: Scope, items: list[Group | Outside]) -> dict[Group, Contents]:
    """What each group must compute for those after it and for the operations outside; none for what nobody needs."""
    outside = {v for item in scope.outside for inner in item.op.walk() for v in inner.operands}
    kernels = _kernels(scope, items, outside, {})
    repeats = cheap_repeats(scope, kernels, outside)
    return _kernels(scope, items, outside, repeats) if repeats else kernels


def _kernels(
    scope: Scope, items: list[Group | Outside], outside: set[SSAValue], repeats: Repeats
) -> dict[Group, Contents]:
    results: dict[Group, list[SSAValue]] = {}
    for value, home in scope.homes.items():
        results.setdefault(home.root(), []).append(value)
    cones = Cones(scope, repeats)
    needed = set(outside)
    kernels: dict[Group, Contents] = {}
    for item in reversed(items):
        if isinstance(item, Outside) or not (outputs := [v for v in results[item] if v in needed]):
            continue
        outputs.sort(key=lambda v: scope.order[v.owner])  # pyright: ignore[reportArgumentType] only operations have homes
        kernels[item] = cones.of(item, outputs)
        needed.update(kernels[item].inputs)
    return kernels
