"""Puts one trip of a loop's body in place of the loop, carries fewer values, and takes kernels apart."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue, SSAValues

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.state.control_flow import While
from pullback.tools.reduce.reductions.edit import Edit, ReductionKind, is_in_program
from pullback.tools.reduce.reductions.remove_operations import drop_all


def _bodies(module: ModuleOp) -> list[Edit]:
    def of(op: While | Kernel) -> Edit:
        def edit() -> None:
            if is_in_program(op, module):
                _put_in_place(op, op.body.block, op.operands)

        return edit

    return [of(op) for op in module.walk() if isinstance(op, While | Kernel)]


def _put_in_place(op: Operation, body: Block, operands: Sequence[SSAValue]) -> None:
    """Moves the operations of a body before the operation around it, and uses what it yields in place of results."""
    values: list[SSAValue] = list(operands)
    for argument, value in zip(body.args, values, strict=True):
        argument.replace_all_uses_with(value)
    last = body.last_op
    assert last is not None
    assert op.parent is not None
    for inner in list(body.ops):
        if inner is not last:
            inner.detach()
            op.parent.insert_op_before(inner, op)
    for result, value in zip(op.results, list(last.operands), strict=True):
        result.replace_all_uses_with(value)
    drop_all(op)


def _carried(module: ModuleOp) -> list[Edit]:
    """Carried values that no one uses after the loop become what they are at first."""

    def of(op: While, place: int) -> Edit:
        def edit() -> None:
            if not is_in_program(op, module) or op.results[place].first_use is not None:
                return
            last = op.body.block.last_op
            assert last is not None
            for region in op.regions:
                argument = region.block.args[place]
                argument.replace_all_uses_with(op.operands[place])
                region.block.erase_arg(argument)
            last.operands = [v for at, v in enumerate(last.operands) if at != place]
            op.operands = [v for at, v in enumerate(op.operands) if at != place]
            op.results = SSAValues(r for at, r in enumerate(op.results) if at != place)
            for index, result in enumerate(op.results):
                result.index = index

        return edit

    loops = [op for op in module.walk() if isinstance(op, While)]
    return [of(op, n) for op in loops for n, r in enumerate(op.results) if r.first_use is None]


BODIES = ReductionKind("put bodies in place of loops and kernels", _bodies)
CARRIED = ReductionKind("carry fewer values", _carried)
