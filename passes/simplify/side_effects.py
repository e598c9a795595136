"""Side effects of operations: updates of variables, reads that see them, and regions that have some."""

from __future__ import annotations

from functools import cache

from xdsl.ir import Operation, SSAValue
from xdsl.traits import IsTerminator, MemoryReadEffect, Pure, RecursiveMemoryEffect, is_side_effect_free

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.state.variables import ReadsVariable, Update, VariableOp
from pullback.dialects.ir.operations_within import operations_within


@cache
def is_pure(cls: type[Operation]) -> bool:
    """Tells whether operations of this class are pure: they only compute their results."""
    return cls.has_trait(Pure) and not cls.has_trait(IsTerminator)


@cache
def only_reads(cls: type[Operation]) -> bool:
    """Tells whether operations of this class have no effect, though they may read what others change."""
    return is_pure(cls) or cls.has_trait(MemoryReadEffect)


@cache
def runs_regions(cls: type[Operation]) -> bool:
    """Tells whether operations of this class have exactly the effects of their regions: loops and kernels."""
    return issubclass(cls, GraphOp) and cls.has_trait(RecursiveMemoryEffect)


def has_effect(op: Operation) -> bool:
    """Tells whether an operation, its regions aside, may change something that outlives it."""
    cls = type(op)
    if only_reads(cls) or cls.has_trait(IsTerminator):
        return False
    if issubclass(cls, GraphOp):
        return not runs_regions(cls)
    return not is_side_effect_free(op)


def label_of(variable: SSAValue) -> str | None:
    """The name of the variable that a reference refers to, `None` if that is unknown here."""
    owner = variable.owner
    return owner.label if isinstance(owner, VariableOp) else None


def updates_in(op: Operation) -> set[str | None]:
    """The variables that an operation or its regions may change; `None` among them means any."""
    changed: set[str | None] = set()
    for inner in operations_within(op):
        if isinstance(inner, Update):
            changed.add(label_of(inner.operands[0]))
        elif has_effect(inner):
            changed.add(None)
    return changed


def reads_in(op: Operation) -> bool:
    """Tells whether an operation or its regions read variables."""
    return any(isinstance(inner, ReadsVariable) for inner in operations_within(op))
