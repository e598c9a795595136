"""`form-kernels`: fusion, from level `graph` to the kernels of level `kernels`.

Each walk over a block takes what the walks before it have found out, and changes none of it. The files are, in the
order in which they run: `long_sums_in_parts`, `legalize`, `classify`, `grouping`, `rematerialize`, `build_kernels`,
`update_where_read`. Before them `decompose` takes the composite operations of a function apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation
from xdsl.passes import ModulePass

from pullback.dialects.graph.gradient.markers import Backward, GradientResults, SumGradients
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.kernel.check_placement import check_placement
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.kernel.op_devices import is_spread
from pullback.dialects.graph.kernel.schedule import ScheduleAttr
from pullback.dialects.graph.op.families import Composite
from pullback.dialects.graph.state.control_flow import Condition, While, Yield
from pullback.dialects.graph.tensor.device import HOST, device_of_op
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within
from pullback.passes.kernels.form.borders import state_borders
from pullback.passes.kernels.form.build_kernels import Values, build
from pullback.passes.kernels.form.classify import classify
from pullback.passes.kernels.form.decompose import DECOMPOSED, becomes_native, decompose
from pullback.passes.kernels.form.factors_in_place import read_factors_in_place
from pullback.passes.kernels.form.grouping import group
from pullback.passes.kernels.form.legalize import legalize
from pullback.passes.kernels.form.long_sums_in_parts import take_long_sums_apart
from pullback.passes.kernels.form.mosaics import prepare_mosaics
from pullback.passes.kernels.form.native_support import NativeSupport
from pullback.passes.kernels.form.rematerialize import rematerialize
from pullback.passes.kernels.form.shared_products import share_products
from pullback.passes.kernels.form.single_elements import state_single_elements
from pullback.passes.kernels.form.update_where_read import update_where_read
from pullback.passes.lowering.support import PLACED, runs_on_host
from pullback.passes.lowering.tuning import tuned
from pullback.passes.lowering.vector_registers import FMAS_PER_CYCLE, check_fmas_per_cycle
from pullback.passes.rewriting.statistic import Statistic, is_counting


def form(
    block: Block,
    options: FormKernels,
    native: NativeSupport,
    around: Mapping[Operation, int] | None = None,
    values: Values | None = None,
) -> None:
    """Forms the kernels of a block, then those in the regions of its loops.

    `around` are constants of the blocks around it, `values` says what there is now for values of those.
    """
    values = {} if values is None else dict(values)
    take_long_sums_apart(block)
    bundles = legalize(block, copies_operands=options.device == "cpu")
    native.mark(op for bundle in bundles for op in bundle)
    classified = classify(block, bundles, around or {})
    groups = group(classified, options.max_ops, for_cpu=options.device == "cpu")
    bodies = rematerialize(classified, groups)
    replaced = build(
        block, classified, groups, bodies, values, options.vector_bits_on, options.fmas_per_cycle
    )
    if options.device == "cpu":
        update_where_read(block)
    for loop in block.ops:
        for region in loop.regions if isinstance(loop, While) else ():
            form(region.block, options, native, classified.constants, values)
    for op in replaced:
        op.drop_all_references()
    for op in replaced:
        op.erase(drop_references=False)


DEVICES: Mapping[str, str] = {"cpu": "cpu", "cuda": "gpu"}
"""The devices that schedules are written for, and whose keys of a schedule these are."""


def tune(function: func.FuncOp, options: FormKernels) -> None:
    """Writes the parameters that are tuned for GPUs into the schedules of a function's kernels that run there."""
    for op in operations_within(function):
        if isinstance(op, Kernel) and op.schedule is not None:
            key = options.key_on(device_of_op(op))
            if key != "cpu":  # whose parameters a schedule has from the start
                op.schedule = ScheduleAttr(tuned(op, key))


UNFINISHED: Mapping[type[Operation], str] = {
    Gradients: "generate-gradients, then finish,",
    SumGradients: "aggregate-gradients",
    Backward: "gate-gradients",
    GradientResults: "gate-gradients",
    func.CallOp: "inline-calls",
}
"""Operations that level `graph` no longer has, and the passes that remove them."""


@dataclass(frozen=True)
class FormKernels(ModulePass):
    """Group the operations of level `graph` into kernels, each with a schedule. Kernels that are there already stay.

    No kernel is over two devices: each has the `device` of its operations, which lose theirs. Copies between devices
    stay outside.

    Options: `device`, whose parameters the schedules get: `cpu` (unless given) or `cuda`, where kernels on `cpu:0` get
    those of the CPU; `vector-bits`, the width of a vector register of a CPU, for the schedules: a power of two from 64
    on, 512 unless given, so that text is the same on every machine (who compiles for this machine gives its width);
    `fmas-per-cycle`, how many FMAs of such vectors begin in a cycle, 2 unless given;
    `max-ops`, the most operations in one kernel; `dtypes`, those that kernels of the target compute with, of
    f32,f64,f16,bf16,i32,i64,i16,i8,i1, and all of these unless given; `host-ops`, the names of operations that they do
    not compute. What they do not compute is marked `host`.
    """

    name = "form-kernels"
    anchor = "func.func"
    kernels = Statistic("kernels that were formed", by="kind")
    fused = Statistic("operations in kernels")
    host = Statistic("operations that are left to the host")
    decomposed = DECOMPOSED

    device: str = "cpu"
    vector_bits: int = 512
    fmas_per_cycle: int = FMAS_PER_CYCLE
    max_ops: int = 512
    dtypes: tuple[str, ...] | None = None
    host_ops: tuple[str, ...] = ()

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.vector_bits < 64 or self.vector_bits & (self.vector_bits - 1):
            raise DiagnosticError(
                f"form-kernels: vector-bits is {self.vector_bits}; expected a power of two from 64 on", op
            )
        check_fmas_per_cycle(self.fmas_per_cycle, op)
        if self.device not in DEVICES:
            raise DiagnosticError(
                f"form-kernels: device is {self.device}; expected one of {', '.join(DEVICES)}", op
            )
        if self.max_ops < 1:
            raise DiagnosticError(f"form-kernels: max-ops is {self.max_ops}; expected 1 or more", op)
        try:
            native = NativeSupport.of(self.dtypes, self.host_ops, None if self.device == "cpu" else HOST)
        except ValueError as error:
            raise DiagnosticError(f"form-kernels: {error}", op) from None
        check_finished(op)
        for function in op.ops:
            if not isinstance(function, func.FuncOp) or not function.body.blocks:
                continue
            if self.device != "cpu":
                check_placement(function)
            elif is_spread(function):
                raise DiagnosticError(
                    "form-kernels: the program names devices, and kernels for cpu have none: run place-devices first",
                    function,
                )
            if not is_formed(function.body.block):
                native.mark(operations_within(function))
                decompose(function)
                share_products(function)
                prepare_mosaics(function)
                if self.device == "cpu":
                    read_factors_in_place(function)
                    state_borders(function)
                    state_single_elements(function)
                native.mark(operations_within(function))
                form(function.body.block, self, native)
                tune(function, self)
                if is_counting():
                    self._count(function)

    def key_on(self, device: str | None) -> str:
        """The key of a schedule under which the parameters are for kernels on a device of the program."""
        return "cpu" if device == HOST else DEVICES[self.device]

    def vector_bits_on(self, device: str | None) -> int | None:
        """The width of a vector register on a device of the program; None for GPUs."""
        return self.vector_bits if self.key_on(device) == "cpu" else None

    def _count(self, function: func.FuncOp) -> None:
        for op in operations_within(function):
            if isinstance(op, Kernel) and op.schedule is not None:
                self.kernels.add(kind=op.schedule.data.kind)
                self.fused.add(sum(1 for _ in op.body.block.ops) - 1)
            elif runs_on_host(op) and not isinstance(op.parent_op(), Kernel):
                self.host.add()


def check_finished(module: ModuleOp) -> None:
    """Raises DiagnosticError at the first call, request for gradients, or marker of them, that is left."""
    for op in operations_within(module):
        if (todo := UNFINISHED.get(type(op))) is not None:
            raise DiagnosticError(f"form-kernels: '{op.name}' is still open: run {todo} first", op)


def is_formed(block: Block) -> bool:
    """Tells whether all that kernels compute in a block, and in the regions of its loops, is in kernels already."""
    loops = [op for op in block.ops if isinstance(op, While)]
    bodies = [region.block for loop in loops for region in loop.regions]
    return all(map(is_settled, block.ops)) and all(map(is_formed, bodies))


def is_settled(op: Operation) -> bool:
    """Tells whether this pass would leave an operation as it is."""
    if isinstance(op, (*PLACED, Condition, Yield, func.ReturnOp)):
        return True
    return runs_on_host(op) and not (isinstance(op, Composite) and becomes_native(op))
