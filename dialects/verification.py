"""Verification at every level: op constraints, limits of types, symbols of globals, and SSA dominance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.ir import Block, Operation, Region
from xdsl.irdl.dominance import DominanceInfo
from xdsl.utils.exceptions import VerifyException

from pullback.dialects.bounds import check_bounds
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.calls import GET_GLOBAL, called_function, fault_of, fault_of_global
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.isolated_regions import isolates
from pullback.dialects.valid_in_one_walk import is_valid_in_one_walk


class VerificationError(DiagnosticError, VerifyException):
    """The module is not valid IR; `op` is the op that breaks a constraint."""


def verify(module: ModuleOp) -> None:
    """Checks the limits of types, every op's own constraints, globals, and SSA dominance.

    Raises:
        VerificationError: for the first op that breaks one, inner ops first.
    """
    if is_valid_in_one_walk(module):
        return
    ops = operations_within(module)
    _check_bounds(ops)
    try:
        module.verify()
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # some of xDSL's operations raise no VerifyException
        raise _located(module, error) from error
    _check_dominance(module)
    _check_globals(ops)


def _check_globals(ops: Sequence[Operation]) -> None:
    """Checks that each `memref.get_global` names an existing global, and has its type."""
    for op in ops:
        if op.name == GET_GLOBAL and (fault := fault_of_global(op)) is not None:
            raise VerificationError(f"'{op.name}': {fault}", op)


def _check_bounds(ops: Sequence[Operation]) -> None:
    """Checks blocks and the limits of all types, before anything computes with their extents or allocates them."""
    for op in ops:
        try:
            for result in op.results:
                check_bounds(result.type)
            for region in op.regions:
                if region.first_block is not region.last_block:
                    _check_reached(op, region)
                for block in region.blocks:
                    for argument in block.args:
                        check_bounds(argument.type)
            if isinstance(op, func.FuncOp) and "function_type" in op.properties:  # generic syntax may lack it
                check_bounds(op.function_type)
        except GraphError as error:
            raise VerificationError(f"'{op.name}': {error}", op) from None


def _check_reached(op: Operation, region: Region) -> None:
    """Checks that something branches to each block of a region but the first."""
    reached = {target for block in region.blocks for end in block.ops for target in end.successors}
    for number, block in enumerate(region.blocks):
        if number and block not in reached:
            raise VerificationError(
                f"'{op.name}': nothing branches to block {number + 1} of its {len(region.blocks)}: a body is one "
                "block, and loops are operations such as graph.while or scf.for",
                op,
            )


def _fault_of_call(op: Operation) -> str | None:
    """What is wrong with a call, in our words; None for other ops, and where generic syntax names no function."""
    if not isinstance(op, func.CallOp) or not isinstance(op.properties.get("callee"), SymbolRefAttr):
        return None
    try:
        return fault_of(op, called_function(op))
    except VerifyException:  # a function around it has no name
        return None


def _located(module: ModuleOp, error: Exception) -> VerificationError:
    """Finds the op that failed, which xDSL's exception does not name, by verifying one by one."""
    for op in module.walk(region_first=True):
        try:
            op.verify(verify_nested_ops=False)
        except Exception as own:
            return VerificationError(f"'{op.name}': {_fault_of_call(op) or _message(own)}", op)
    return VerificationError(_message(error), module)


def _message(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _check_dominance(module: ModuleOp) -> None:
    """Checks dominance, which xDSL does not: its parser accepts uses before definitions, and a pass may make them."""
    paths = _Paths(module)
    for region in module.regions:
        _check_region(region, set(), paths)


def _check_region(region: Region, visible: set[int], paths: _Paths) -> None:
    """Checks the operands in a region, in the order of the text.

    Args:
        region: of an operation that does not isolate it, or no value is visible.
        visible: the identities of the values that were defined before, here or around; the same afterwards.
        paths: decides on those that are not, which are in other blocks of a region, or wrong.
    """
    for block in region.blocks:
        here = list(map(id, block.args))
        visible.update(here)
        for op in block.ops:
            for value in op.operands:
                if id(value) not in visible and not paths.dominates(value.owner, op):
                    name = f"%{value.name_hint}" if value.name_hint else "a value"
                    raise VerificationError(f"'{op.name}': {name} is {_fault(value.owner, op)}", op)
            for inner in op.regions:
                _check_region(inner, set[int]() if isolates(type(op)) else visible, paths)
            made = list(map(id, op.results))
            visible.update(made)
            here += made
        visible.difference_update(here)


def _fault(owner: Operation | Block, user: Operation) -> str:
    """Says why a value of `owner` is not visible to a user."""
    definer = owner if isinstance(owner, Operation) else owner.parent_op()
    around = user.parent_op()
    while around is not None:
        if isolates(type(around)) and not (definer is not None and around.is_ancestor(definer)):
            return f"defined outside of the '{around.name}' around it, which sees its own arguments alone"
        around = around.parent_op()
    return "used where it is not defined yet"


class _Paths:
    """Dominance of values in a module where a region may have several blocks."""

    def __init__(self, module: ModuleOp) -> None:
        self._module = module
        self._regions: dict[Region, DominanceInfo] = {}

    @cached_property
    def _order(self) -> dict[Operation, int]:
        return {op: index for index, op in enumerate(operations_within(self._module))}

    def dominates(self, owner: Operation | Block, user: Operation) -> bool:
        """Tells whether the values of `owner` dominate `user`: defined on every path to it, and visible there."""
        block = owner if isinstance(owner, Block) else owner.parent
        if block is None or block.parent is None or not (owner is block or owner in self._order):
            return False
        ancestor = user
        while (parent := ancestor.parent) is not None and parent.parent is not block.parent:
            outer = ancestor.parent_op()
            if outer is None or isolates(type(outer)):
                return False
            ancestor = outer
        if parent is None:
            return False
        if parent is block:
            # An op's own regions do not see its results: there `ancestor` is the owner itself.
            return isinstance(owner, Block) or self._order[owner] < self._order[ancestor]
        region = block.parent
        if region not in self._regions:
            self._regions[region] = DominanceInfo(region)
        return self._regions[region].strictly_dominates(block, parent)
