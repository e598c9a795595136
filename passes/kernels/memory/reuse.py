"""Buffer reuse: results that are written over an operand, and values that a loop carries in one buffer (coalescing).

%y = graph.kernel %x, %h        pointwise, the last use of %h: %y takes its buffer
%z = graph.while %y ...         %y is not used again: the loop begins with it in place, without a copy
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

from pullback.dialects.graph.by_index.gather import MakeSlices
from pullback.dialects.graph.kernel.buffer import MemorySpace
from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.op.indexed import Alias
from pullback.dialects.graph.state.control_flow import While
from pullback.passes.kernels.memory.lifetimes import Lifetimes, Storage
from pullback.passes.lowering.kinds import may_replace


def replace_operands(kernel: Kernel, lives: Lifetimes) -> None:
    """Coalesces results with operands that are not needed afterwards, where the kernel permits it."""
    now = lives.start[kernel]
    ending = [s for value in kernel.operands if (s := lives.of(value)) is not None and s.end == now]
    open_ = [s for s in dict.fromkeys(ending) if _is_free(s) and all(v.owner is not kernel for v in s.values)]
    for result in kernel.results:
        made = lives.of(result)
        if made is None or made.start != now or not _may_grow_back(made):
            continue
        for old in open_:
            if old.size == made.size and may_overwrite(kernel, result, old, lives):
                made.absorb(old)
                open_.remove(old)  # another result cannot take it, even if this one is not used
                break


def share_carried(loop: While, lives: Lifetimes) -> None:
    """Coalesces a carried value with an initial one that ends at the loop, and with a next one that may replace it."""
    last = loop.body.block.last_op
    assert last is not None
    for number, (init, following) in enumerate(zip(loop.operands, last.operands, strict=True)):
        carried = lives.of(loop.results[number])
        if carried is None:
            continue
        first = lives.of(init)
        if first is not None and _ends_once(first, loop, lives):
            carried.absorb(first)
        later = lives.of(following)
        if later is None or later is carried or not _ends_once(later, last, lives):
            continue
        if makes_way(loop.body.block.args[number], later.values[0], lives):
            carried.absorb(later)


def _ends_once(storage: Storage, user: Operation, lives: Lifetimes) -> bool:
    """Tells whether a storage that has no buffer yet is needed by this operation last, and by one operand of it."""
    count = sum(lives.of(v) is storage for v in user.operands)
    return count == 1 and storage.end == lives.start[user] and _is_free(storage)


def _is_free(storage: Storage) -> bool:
    """Tells whether a storage has no buffer yet."""
    return storage.buffer is None


def _may_grow_back(storage: Storage) -> bool:
    """Tells whether a live range may begin earlier: in a variable's memory it must not."""
    return storage.buffer is None or storage.buffer.kind is MemorySpace.OUTPUT


def makes_way(argument: BlockArgument, following: SSAValue, lives: Lifetimes) -> bool:
    """Tells whether the body does not need the carried value once the following one is being computed."""
    maker = following.owner
    if not isinstance(maker, Kernel) or maker.parent is not argument.owner:
        return False
    names, now = _names(argument), lives.start[maker]
    ends = [lives.last_use(value, use.operation) for value in names for use in value.uses]
    if any(end > now for end in ends):
        return False
    return _reads_in_place(maker, following, names)


def may_overwrite(kernel: Kernel, result: SSAValue, old: Storage, lives: Lifetimes) -> bool:
    """Tells whether a kernel may write a result to the buffer of its operands: by how it reads those."""
    slices = [
        use.operation.results[0]
        for value in old.values
        for use in value.uses
        if isinstance(use.operation, MakeSlices)
    ]
    return _reads_in_place(kernel, result, [*old.values, *slices])


def _reads_in_place(kernel: Kernel, result: SSAValue, values: Iterable[SSAValue]) -> bool:
    assert isinstance(result, OpResult)
    numbers = {use.index for value in values for use in value.uses if use.operation is kernel}
    return all(may_replace(kernel, number, result.index) for number in numbers)


def _names(value: SSAValue) -> set[SSAValue]:
    """Lists a value and its aliases: what is the same bytes under another name."""
    names, pending = {value}, [value]
    while pending:
        for use in pending.pop().uses:
            op = use.operation
            same: Sequence[SSAValue] = ()
            if isinstance(op, Alias):
                same = op.results[use.index : use.index + 1]
            elif isinstance(op, MakeSlices):
                same = op.results
            fresh = [v for v in same if v not in names]
            names.update(fresh)
            pending += fresh
    return names
