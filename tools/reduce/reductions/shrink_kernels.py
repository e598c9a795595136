"""Makes kernels smaller: fewer results and operands, and operands in place of what they compute."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValues
from xdsl.traits import IsTerminator

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.tools.reduce.reductions.edit import (
    Edit,
    ReductionKind,
    entries,
    entry_of,
    is_in_program,
    new_argument,
)
from pullback.tools.reduce.reductions.remove_operations import drop_all


def _kernels(module: ModuleOp) -> list[Kernel]:
    return [op for op in module.walk() if isinstance(op, Kernel)]


def _results(module: ModuleOp) -> list[Edit]:
    def of(op: Kernel, place: int) -> Edit:
        def edit() -> None:
            last = op.body.block.last_op
            if not is_in_program(op, module) or last is None or op.results[place].first_use is not None:
                return
            last.operands = [v for at, v in enumerate(last.operands) if at != place]
            op.results = SSAValues(r for at, r in enumerate(op.results) if at != place)
            for index, result in enumerate(op.results):
                result.index = index

        return edit

    return [of(op, n) for op in _kernels(module) for n, r in enumerate(op.results) if r.first_use is None]


def _operands(module: ModuleOp) -> list[Edit]:
    def of(op: Kernel, place: int) -> Edit:
        def edit() -> None:
            block = op.body.block
            if is_in_program(op, module) and block.args[place].first_use is None:
                block.erase_arg(block.args[place])
                op.operands = [v for at, v in enumerate(op.operands) if at != place]

        return edit

    return [
        of(op, place)
        for op in _kernels(module)
        for place, argument in enumerate(op.body.block.args)
        if argument.first_use is None
    ]


def _computed(module: ModuleOp) -> list[Edit]:
    """What a kernel computes becomes an operand, and an argument of the function."""
    known = entries(module)
    functions = {op: f for op in _kernels(module) if (f := entry_of(op, known)) is not None}

    def of(kernel: Kernel, function: func.FuncOp, op: Operation) -> Edit:
        def edit() -> None:
            if not is_in_program(op, module):
                return
            block = kernel.body.block
            for result in op.results:
                if result.first_use is not None:
                    argument = block.insert_arg(result.type, len(block.args))
                    kernel.operands = [*kernel.operands, new_argument(function, result)]
                    result.replace_all_uses_with(argument)
            drop_all(op)

        return edit

    return [
        of(kernel, function, op)
        for kernel, function in functions.items()
        for op in kernel.body.block.ops
        if not op.has_trait(IsTerminator)
    ]


KERNELS = (
    ReductionKind("remove results of kernels", _results),
    ReductionKind("replace what kernels compute by operands", _computed),
    ReductionKind("remove operands of kernels", _operands),
)
