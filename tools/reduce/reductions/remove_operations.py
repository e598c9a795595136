"""Removes operations: from the end, from the start, and out of the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Operation, SSAValue
from xdsl.traits import IsTerminator, SymbolOpInterface

from pullback.dialects.graph.creation.constants import Constant, Fill
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.types import is_static
from pullback.tools.reduce.reductions.cleanup import is_removable
from pullback.tools.reduce.reductions.edit import (
    Edit,
    ReductionKind,
    entries,
    entry_of,
    is_in_program,
    may_be_argument,
    new_argument,
    returned,
)


def _operations(module: ModuleOp) -> Iterator[Operation]:
    """What may be removed: all operations but terminators, modules and functions."""
    for op in module.walk():
        kept = (IsTerminator, SymbolOpInterface)
        if op is not module and not any(op.has_trait(t, value_if_unregistered=False) for t in kept):
            yield op


def _edits(module: ModuleOp, chosen: Sequence[Operation], edit: Callable[[Operation], None]) -> list[Edit]:
    def of(op: Operation) -> Edit:
        return lambda: edit(op) if is_in_program(op, module) else None

    return [of(op) for op in chosen]


# ---- dead operations ------------------------------------------------------------------------------------------


def _dead(module: ModuleOp) -> list[Edit]:
    unused = [op for op in _operations(module) if is_removable(op) and not _is_used(op)]
    return _edits(module, unused, lambda op: None if _is_used(op) else drop_all(op))


def _is_used(op: Operation) -> bool:
    return any(result.first_use is not None for result in op.results)


# ---- effects --------------------------------------------------------------------------------------------------


def _effects(module: ModuleOp) -> list[Edit]:
    """Updates, stores, loops that only store: operations without results."""
    return _edits(module, [op for op in _operations(module) if not op.results], drop_all)


# ---- from the end: an operation goes with all that uses it; its operands are returned ------------------------


def _with_users(module: ModuleOp) -> list[Edit]:
    known = entries(module)
    outer = [op for f in known for op in f.body.block.ops if op is not f.body.block.last_op]
    return _edits(module, outer, drop_with_users)


def drop_with_users(op: Operation) -> None:
    """Removes an operation of a function's body, and all that uses its results; what it used is returned instead."""
    function = op.parent_op()
    assert isinstance(function, func.FuncOp)
    for result in op.results:
        drop_users(result)
    end = returned(function)
    used = dict.fromkeys(v for inner in op.walk() for v in inner.operands)
    block = op.parent
    drop_all(op)
    lost = [v for v in used if v.first_use is None and v.owner.parent is block and may_be_argument(v)]
    end.operands = [*end.operands, *lost]
    function.update_function_type()


def drop_users(value: SSAValue) -> None:
    """Removes what depends on a result of an operation of a function's body, and returns it no more."""
    op = value.owner
    function = op.parent_op()
    assert isinstance(op, Operation)
    assert isinstance(function, func.FuncOp)
    end = returned(function)
    gone = {value}
    users: list[Operation] = []
    following = op.next_op
    while following is not None and following is not end:
        if any(v in gone for inner in following.walk() for v in inner.operands):
            users.append(following)
            gone.update(following.results)
        following = following.next_op
    end.operands = [v for v in end.operands if v not in gone]
    for user in reversed(users):  # the users of each are gone by then
        drop_with_users(user)
    function.update_function_type()


def drop_all(op: Operation) -> None:
    """Erases an operation without uses, its regions included."""
    if op.parent is not None:
        op.detach()
    op.drop_all_references()


# ---- from the start: results become arguments -----------------------------------------------------------------


def _to_arguments(module: ModuleOp) -> list[Edit]:
    known = entries(module)
    placed = {op: function for op in _operations(module) if (function := entry_of(op, known)) is not None}
    fitting = [op for op in placed if op.results and all(map(may_be_argument, op.results))]

    def edit(op: Operation) -> None:
        for result in op.results:
            if result.first_use is not None:
                result.replace_all_uses_with(new_argument(placed[op], result))
        drop_all(op)

    return _edits(module, fitting, edit)


# ---- out of the middle: results become operands, or zeros -----------------------------------------------------


def _to_operands(module: ModuleOp, *, last: bool) -> list[Edit]:
    found = {op: values for op in _operations(module) if (values := _forwarded(op, last)) is not None}

    def edit(op: Operation) -> None:
        values = _forwarded(op, last)
        if values is None:
            return
        for result, value in zip(op.results, values, strict=True):
            result.replace_all_uses_with(value)
        drop_all(op)

    return _edits(module, list(found), edit)


def _forwarded(op: Operation, last: bool) -> list[SSAValue] | None:
    """For each result a value of its type: what a loop starts with, an operand, an argument of the block around."""
    if isinstance(op, While):
        return list(op.inits)
    block = op.parent
    assert block is not None
    operands = list(reversed(op.operands)) if last else list(op.operands)
    values: list[SSAValue] = []
    for result in op.results:
        fits = [v for v in (*operands, *block.args) if v.type == result.type]
        if not fits:
            return None
        values.append(fits[0])
    return values


def _to_zeros(module: ModuleOp) -> list[Edit]:
    def fits(op: Operation) -> bool:
        types = [r.type for r in op.results]
        return bool(types) and all(isinstance(t, TensorType) and is_static(t) for t in types)

    chosen = [op for op in _operations(module) if fits(op) and not isinstance(op, Fill | Constant)]

    def edit(op: Operation) -> None:
        block = op.parent
        assert block is not None
        for result in op.results:
            if result.first_use is not None:
                with inserting(lambda made: block.insert_op_before(made, op)):
                    result.replace_all_uses_with(Fill.full(0, result.type).value)
        drop_all(op)

    return _edits(module, chosen, edit)


OPERATIONS = (
    ReductionKind("remove operations and what uses them", _with_users),
    ReductionKind("replace results by arguments", _to_arguments),
    ReductionKind("replace results by operands", lambda module: _to_operands(module, last=False)),
    ReductionKind("replace results by last operands", lambda module: _to_operands(module, last=True)),
)
EFFECTS = ReductionKind("remove operations without results", _effects)
DEAD = ReductionKind("remove dead operations", _dead)
ZEROS = ReductionKind("replace results by zeros", _to_zeros)
