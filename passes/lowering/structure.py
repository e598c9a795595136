"""Value numbering of whole kernels: two of equal structure compute the same, and share one function."""

from __future__ import annotations

from xdsl.ir import Attribute, Block, Operation, OpResult, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.ir.by_identity import by_identity

Structure = tuple[object, ...]
"""A key: equal for equal kernels, whatever their values are called."""


def structure_of(kernel: Kernel) -> Structure:
    """The region and the schedule of a kernel, the types of its operands and of its results.

    Operations count in the order in which they are needed, whatever the order in which a program made them.
    """
    numbers: dict[SSAValue, int] = {}
    parts: list[object] = [kernel.schedule]
    parts += map(_number_of, kernel.operand_types)
    parts.append("to")
    parts += map(_number_of, kernel.result_types)
    for argument in kernel.body.block.args:
        numbers[argument] = len(numbers)
    for op in in_order_of_need(kernel.body.block):
        parts.append(type(op))
        parts += [numbers[v] for v in op.operands]
        parts += map(_number_of, op.result_types)
        parts += tuple(op.properties.items()), tuple(op.attributes.items())
        for result in op.results:
            numbers[result] = len(numbers)
    return tuple(parts)


_NUMBERS: dict[Attribute, int] = {}


@by_identity
def _number_of(type_: Attribute) -> int:
    """A number that equal types have, and no others."""
    return _NUMBERS.setdefault(type_, len(_NUMBERS))


def in_order_of_need(block: Block) -> list[Operation]:
    """The operations of a block without regions: what its terminator needs first, then what nothing needs."""
    order: dict[Operation, None] = {}
    for root in reversed(block.ops):
        pending = [(root, False)]
        while pending:
            op, is_next = pending.pop()
            if op in order:
                continue
            if is_next:
                order[op] = None
                continue
            pending.append((op, True))
            makers = [value.op for value in op.operands if type(value) is OpResult]
            pending += [(maker, False) for maker in reversed(makers)]
    return list(order)
