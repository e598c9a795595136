"""What operations do besides computing their results."""

from __future__ import annotations

from functools import cache

from xdsl.ir import Operation, SSAValue
from xdsl.traits import IsTerminator, MemoryReadEffect, Pure, RecursiveMemoryEffect, is_side_effect_free

from pullback.dialects.graph.op.graph_op import GraphOp
from pullback.dialects.graph.state.variables import ReadsVariable, Update, VariableOp


@cache
def is_pure(cls: type[Operation]) -> bool:
    """Whether every operation of this class only computes its results."""
    return cls.has_trait(Pure) and not cls.has_trait(IsTerminator)


@cache
def only_reads(cls: type[Operation]) -> bool:
    """Whether operations of this class change nothing, though they may see changes."""
    return is_pure(cls) or cls.has_trait(MemoryReadEffect)


@cache
def runs_regions(cls: type[Operation]) -> bool:
    """Whether operations of this class do what their regions do, and nothing else: loops and kernels."""
    return issubclass(cls, GraphOp) and cls.has_trait(RecursiveMemoryEffect)


def has_effect(op: Operation) -> bool:
    """Whether an operation (not what stands in its regions) may change something that outlives it."""
    cls = type(op)
    if only_reads(cls) or cls.has_trait(IsTerminator):
        return False
    if issubclass(cls, GraphOp):
        return not runs_regions(cls)
    return not is_side_effect_free(op)


def label_of(variable: SSAValue) -> str | None:
    """The name of the variable that a reference means, `None` if that is unknown here."""
    owner = variable.owner
    return owner.label if isinstance(owner, VariableOp) else None


def updates_in(op: Operation) -> set[str | None]:
    """The variables that an operation or its regions may change; `None` among them stands for any."""
    changed: set[str | None] = set()
    for inner in op.walk():
        if isinstance(inner, Update):
            changed.add(label_of(inner.operands[0]))
        elif has_effect(inner):
            changed.add(None)
    return changed


def reads_in(op: Operation) -> bool:
    """Whether an operation or its regions see the contents of variables."""
    return any(isinstance(inner, ReadsVariable) for inner in op.walk())
