"""A rough cost model of level `loops`: operations executed, scalars and vectors alike."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from xdsl.dialects import arith, func, memref, scf
from xdsl.dialects.builtin import DYNAMIC_INDEX, IntegerAttr, MemRefType, ModuleOp
from xdsl.ir import Block, Operation, SSAValue

from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.dialects.upstream.memref import CopyOp
from pullback.dialects.upstream.scf import ParallelOp

HOST = 1 << 20
"""The cost of an operation of the host, and of anything that is not known."""
UNKNOWN_TRIPS = 1 << 10
"""The trip count of a loop whose bounds are not known."""
COPIED_AT_ONCE = 16
"""Elements that a copy moves in the time of one operation."""


class Costs:
    """The costs of the operations of one module."""

    def __init__(self, functions: Mapping[str, func.FuncOp]) -> None:
        self.functions = functions
        self._known: dict[str, int] = {}

    @classmethod
    def of_module(cls, module: ModuleOp) -> Costs:
        """The costs of the operations of a module's functions."""
        return cls({op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)})

    def of(self, op: Operation) -> int:
        """The cost of one operation, its regions and callees included."""
        match op:
            case func.CallOp():
                return self._function(op.callee.string_value())
            case scf.ForOp():
                return trips(op.lb, op.ub, op.step) * self.block(op.body.block)
            case ParallelOp():
                bounds = zip(op.lowerBound, op.upperBound, op.step, strict=True)
                return prod(trips(*bound) for bound in bounds) * self.block(op.body.block)
            case scf.WhileOp():
                return UNKNOWN_TRIPS * sum(self.block(region.block) for region in op.regions)
            case CopyOp() | memref.CopyOp():
                return 1 + _elements(op.operands[0]) // COPIED_AT_ONCE
            case _:
                return 1 + sum(self.block(block) for region in op.regions for block in region.blocks)

    def block(self, block: Block) -> int:
        """The cost of running a block once."""
        return sum(map(self.of, block.ops))

    def _function(self, name: str) -> int:
        if name not in self._known:
            function = self.functions.get(name)
            self._known[name] = HOST  # also for one that calls itself
            if function is not None and function.body.blocks and not is_host_function(function):
                self._known[name] = self.block(function.body.block)
        return self._known[name]


def trips(lower: SSAValue, upper: SSAValue, step: SSAValue) -> int:
    """The trip count of a loop of these bounds, at least 1."""
    values = [_constant(lower), _constant(upper), _constant(step)]
    if isinstance(upper.owner, arith.AddiOp) and upper.owner.lhs is lower:  # a part of a longer loop
        values[:2] = 0, _constant(upper.owner.rhs)
    if None in values:
        return UNKNOWN_TRIPS
    low, high, by = (value or 0 for value in values)
    return max(1, (high - low) // max(1, by))


def _constant(value: SSAValue) -> int | None:
    owner = value.owner
    if isinstance(owner, arith.ConstantOp) and isinstance(owner.value, IntegerAttr):
        return owner.value.value.data
    return None


def _elements(value: SSAValue) -> int:
    assert isinstance(value.type, MemRefType)
    shape = value.type.get_shape()
    return HOST if DYNAMIC_INDEX in shape else prod(shape)
