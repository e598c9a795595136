"""Interprocedural alias analysis: the memref arguments of each function that are written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from xdsl.dialects import func, memref, vector
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.host_call import is_host_function, written_positions
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.upstream.gather import ScatterOp
from pullback.dialects.upstream.memref import CopyOp

# Operation -> the position of the operand that it writes to.
WRITES: dict[type[Operation], int] = {
    CopyOp: 1,
    ScatterOp: 0,
    memref.CopyOp: 1,
    memref.DeallocOp: 0,
    memref.StoreOp: 1,
    vector.MaskedStoreOp: 0,
    vector.StoreOp: 1,
    vector.TransferWriteOp: 1,
}


class Aliases:
    """May-alias classes of memrefs (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[SSAValue, SSAValue] = {}

    def find(self, value: SSAValue) -> SSAValue:
        """The representative of a value's class."""
        parent = self._parent.setdefault(value, value)
        while parent is not value:
            self._parent[value] = self._parent[parent]
            value, parent = parent, self._parent[parent]
        return value

    def join(self, memrefs: Sequence[SSAValue]) -> None:
        """Unites the classes of these memrefs."""
        for value in memrefs[1:]:
            self._parent[self.find(value)] = self.find(memrefs[0])


@dataclass
class Accesses:
    """The summary of one function: its own writes and calls, and its alias classes of memrefs."""

    aliases: Aliases = field(default_factory=Aliases)
    targets: list[SSAValue] = field(default_factory=list[SSAValue])
    calls: list[func.CallOp] = field(default_factory=list[func.CallOp])


def written_arguments(module: ModuleOp, known: Mapping[str, set[int]] | None = None) -> dict[str, set[int]]:
    """For each function, the positions of the arguments that it, or a callee, may write to: a fixed point over calls.

    Views alias their source; all memrefs that a loop or a branch passes around are taken to alias each other. Of some
    functions it may be `known`.
    """
    known = known or {}
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    written = {name: known.get(name, set[int]()) for name in functions}
    functions = {name: op for name, op in functions.items() if name not in known}
    accesses = {name: accesses_of(op) for name, op in functions.items()}
    changed = True
    while changed:  # until calls tell nothing new
        changed = False
        for name, op in functions.items():
            found = written_by(op, accesses[name], written)
            changed |= found != written[name]
            written[name] = found
    return written


def accesses_of(function: func.FuncOp) -> Accesses:
    """The writes and calls of a function, and which of its memrefs may alias."""
    accesses = Accesses()
    for op in operations_within(function):
        kind = type(op)
        if kind in WRITES:
            accesses.targets.append(op.operands[WRITES[kind]])
        if kind is func.CallOp:
            accesses.calls.append(cast(func.CallOp, op))
        elif op is not function and _may_alias(kind):
            accesses.aliases.join(memrefs_of(op))
    return accesses


@cache
def _may_alias(kind: type[Operation]) -> bool:
    """Whether operations of a class may make one memref of another, or pass it on: not those that access one."""
    if kind.name.startswith(("arith.", "math.", "vector.")):
        return kind.name == "arith.select"
    return kind not in (CopyOp, memref.CopyOp, memref.LoadOp, memref.StoreOp)


def memrefs_of(op: Operation) -> list[SSAValue]:
    """The memrefs that an operation takes, makes, and passes into its regions and out of them."""
    values = [*op.operands, *op.results]
    for region in op.regions:
        for block in region.blocks:
            values += block.args
            values += block.last_op.operands if block.last_op is not None else ()
    return [value for value in values if type(value.type) is MemRefType]


def written_by(function: func.FuncOp, accesses: Accesses, written: dict[str, set[int]]) -> set[int]:
    """The arguments that one function writes to, given what is known of its callees."""
    if is_host_function(function):
        return written_positions(function)
    if not function.body.blocks:
        return set(range(len(function.function_type.inputs)))
    find = accesses.aliases.find
    targets = {find(value) for value in accesses.targets}
    for call in accesses.calls:
        positions = written.get(call.callee.string_value(), range(len(call.arguments)))
        targets.update(find(call.arguments[position]) for position in positions)
    return {at for at, value in enumerate(function.body.block.args) if find(value) in targets}
