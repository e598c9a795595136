"""Which memref arguments of each function are written to."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.dialects import func, memref, vector
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.host import is_host_function, written_positions
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
}


class Aliases:
    """Classes of memrefs that may share memory (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[SSAValue, SSAValue] = {}

    def find(self, value: SSAValue) -> SSAValue:
        """The representative of a value's class."""
        parent = self._parent.setdefault(value, value)
        while parent is not value:
            self._parent[value] = self._parent[parent]
            value, parent = parent, self._parent[parent]
        return value

    def join(self, values: Iterable[SSAValue]) -> None:
        """Makes one class of all the memrefs among `values`."""
        memrefs = [value for value in values if isinstance(value.type, MemRefType)]
        for value in memrefs[1:]:
            self._parent[self.find(value)] = self.find(memrefs[0])


def written_arguments(module: ModuleOp) -> dict[str, set[int]]:
    """For each function, the positions of the arguments that it, or what it calls, may write to.

    Views share memory with their source; whatever a loop or a branch passes around is held to share memory.
    """
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    aliases = {name: aliases_of(op) for name, op in functions.items()}
    written: dict[str, set[int]] = {name: set() for name in functions}
    changed = True
    while changed:  # until calls tell nothing new
        changed = False
        for name, op in functions.items():
            found = written_by(op, aliases[name], written)
            changed |= found != written[name]
            written[name] = found
    return written


def aliases_of(function: func.FuncOp) -> Aliases:
    """The classes of memrefs of one function."""
    aliases = Aliases()
    for op in function.walk():
        if op is function or isinstance(op, func.CallOp | CopyOp | memref.CopyOp):
            continue
        values: list[SSAValue] = [*op.operands, *op.results]
        for region in op.regions:
            for block in region.blocks:
                values += block.args
                values += block.last_op.operands if block.last_op is not None else ()
        aliases.join(values)
    return aliases


def written_by(function: func.FuncOp, aliases: Aliases, written: dict[str, set[int]]) -> set[int]:
    """The arguments that one function writes to, given what is known of those that it calls."""
    if is_host_function(function):
        return written_positions(function)
    targets: set[SSAValue] = set()
    for op in function.walk():
        if type(op) in WRITES:
            targets.add(aliases.find(op.operands[WRITES[type(op)]]))
        elif isinstance(op, func.CallOp):
            positions = written.get(op.callee.string_value(), range(len(op.arguments)))
            targets.update(aliases.find(op.arguments[position]) for position in positions)
    if not function.body.blocks:
        return set(range(len(function.function_type.inputs)))
    return {at for at, value in enumerate(function.body.block.args) if aliases.find(value) in targets}
