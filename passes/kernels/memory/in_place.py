"""Updates in place: when a kernel may write a result into the buffer of an operand that it reads.

%c = graph.tanh %a
%d = graph.multiply %c, %b           %b of one row, broadcast
graph.yield %d                       over %a: yes; over %b: no, each element is read again for the next row
"""

from __future__ import annotations

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.indexed import Scatter, operand_axes, result_axes, rows_terms
from pullback.dialects.graph.state.control_flow import Yield
from pullback.dialects.graph.tensor.types import element_type_of, shape_of_type


def may_replace(kernel: Kernel, operand: int, result: int) -> bool:
    """Tells whether each element of an operand is read at its own index only, before the result's is written there.

    The proof, by the kind of the kernel:

    - pointwise: the loops visit each index once, and store after they have loaded. So it is enough that on every
      path through the region the operand, and what is made from it, is read at the index of the loops: the map of
      each operation on the way keeps all dims in their order, and none is added, dropped or exchanged.
    - matmul: the same where the product is stored, element by element; the factors themselves are read whole.
    - rows, columns: where the operand has an element for each row (or one in all), and leads, by such values
      alone, to this result alone: its elements are read for what is written there, and for nothing else.
    - scatter: where the operand is the base, which rows are added to or put into. It is not read elsewhere, and rows
      and indices are other operands.

    Whole rows are visited again by later stages, and a concat stores where it has not read: never.
    """
    kind = kernel.schedule.data.kind if kernel.schedule is not None else None
    last = kernel.body.block.last_op
    assert isinstance(last, Yield)
    argument, written = kernel.body.block.args[operand], last.operands[result]
    if element_type_of(argument.type) != element_type_of(written.type):
        return False
    match kind:
        case "pointwise" | "matmul":
            return _long(argument) == _long(written) and _stays_at_its_index(argument)
        case "rows" | "columns":
            per_row = _long(argument) in ([], _parallel(kernel)) and _long(argument) == _long(written)
            return per_row and _stays_at_its_index(argument, only_to=written)
        case "scatter":
            return _is_base(argument, written)
        case _:
            return False


def _long(value: SSAValue) -> list[int]:
    """Lists the extents other than 1."""
    return [n for n in shape_of_type(value.type) if n != 1]


def _parallel(kernel: Kernel) -> list[int]:
    """Lists the parallel extents other than 1."""
    extents = kernel.schedule.data.parallel if kernel.schedule is not None else ()
    return [n for n in extents if n != 1]


def _stays_at_its_index(argument: SSAValue, only_to: SSAValue | None = None) -> bool:
    """Tells whether all that is made from an argument is read at its index, and (if asked) only one value yielded."""
    extents = _long(argument)
    seen = {argument}
    pending = [argument]
    while pending:
        value = pending.pop()
        for use in value.uses:
            user = use.operation
            if isinstance(user, Yield):
                if only_to is not None and value is not only_to:
                    return False
                continue
            if not _keeps_index(user, use.index, extents):
                return False
            fresh = [r for r in user.results if r not in seen]
            seen.update(fresh)
            pending += fresh
    return True


def _keeps_index(op: Operation, number: int, extents: list[int]) -> bool:
    axes = operand_axes(op, number)
    if axes is None or len(op.results) > 1 or _long(op.results[0]) != extents:
        return False
    read = [axis for axis in axes if axis is not None]
    written = [axis for axis in result_axes(op) if axis is not None]
    return read == written


def _is_base(argument: SSAValue, written: SSAValue) -> bool:
    """Tells whether a scatter kernel adds rows to an argument, or replaces some, and uses it for nothing else."""
    op = written.owner
    if not argument.has_one_use():
        return False
    if isinstance(op, Scatter):
        return argument is op.before
    return isinstance(op, Operation) and any(op.operands[1 - at] is argument for at in rows_terms(op))
