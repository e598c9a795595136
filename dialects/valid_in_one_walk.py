"""Whether a module is valid, in one walk: it accepts what passes make, and leaves the rest to who says what is wrong.

In a region of one block, and there are hardly others, a value is visible where it was defined before, here or around.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, Region
from xdsl.traits import IsTerminator, NoTerminator, SymbolTable

from pullback.dialects.bounds import check_bounds
from pullback.dialects.ir.calls import GET_GLOBAL, called_function, fault_of, fault_of_global
from pullback.dialects.ir.checks_of_class import checks_within_blocks
from pullback.dialects.isolated_regions import isolates


def is_valid_in_one_walk(module: ModuleOp) -> bool:
    """Tells whether a module is certainly valid: of others, some may be."""
    try:
        _Walk(module).operation(module)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # whatever it is, who looks at one operation after the other finds it again
        return False
    return True


class _UnclearError(Exception):
    """What is found is wrong, or may be."""


class _Walk:
    """The walk: what it has not accepted raises an exception."""

    def __init__(self, module: ModuleOp) -> None:
        self._visible: set[int] = set()
        """The identities of the values that were defined before, here or around."""
        self._functions: dict[str, func.FuncOp] = {}
        """The functions of the module by name."""
        for op in module.ops:
            if isinstance(op, func.FuncOp):
                self._functions.setdefault(op.sym_name.data, op)
        self._module = module
        self._is_in_inner_table = False

    def operation(self, op: Any) -> None:
        """Accepts an operation, whose operands are visible, and what is in it."""
        kind = type(op)
        if op._successors or (kind.name == GET_GLOBAL and fault_of_global(op) is not None):
            raise _UnclearError
        for result in op.results:
            check_bounds(result._type)
        if op.regions:
            if kind is func.FuncOp:
                check_bounds(op.function_type)
            around = self._visible, self._is_in_inner_table
            if isolates(kind):
                self._visible = set()
            if op is not self._module and _has_symbols(kind):
                self._is_in_inner_table = True
            for region in op.regions:
                self._region(op, region)
            self._visible, self._is_in_inner_table = around
        checks_within_blocks(kind)(op)
        if kind is func.CallOp:
            self._call(op)

    def _call(self, call: func.CallOp) -> None:
        name = call.callee
        if self._is_in_inner_table or name.nested_references.data:
            function = called_function(call)
        else:
            function = self._functions.get(name.root_reference.data)
        if fault_of(call, function) is not None:
            raise _UnclearError

    def _region(self, around: Operation, region: Region) -> None:
        block: Any = region.first_block
        if block is None:
            return
        if block is not region.last_block or block.parent is not region:
            raise _UnclearError
        visible = self._visible
        here = [id(argument) for argument in block.args]
        visible.update(here)
        for argument in block.args:
            check_bounds(argument._type)
        op: Any = block.first_op
        last = None
        while op is not None:
            if op.parent is not block:
                raise _UnclearError
            for operand in op._operands:
                if id(operand) not in visible:
                    raise _UnclearError
            self.operation(op)
            for result in op.results:
                made = id(result)
                visible.add(made)
                here.append(made)
            last, op = op, op._next_op
        if not _may_end(type(around), None if last is None else type(last)):
            raise _UnclearError
        visible.difference_update(here)


@cache
def _has_symbols(kind: type[Operation]) -> bool:
    return kind.has_trait(SymbolTable)


@cache
def _may_end(around: type[Operation], last: type[Operation] | None) -> bool:
    """Tells whether the only block of a region of an operation may end in one of a class, or be empty."""
    return around.has_trait(NoTerminator) or (last is not None and last.has_trait(IsTerminator))
