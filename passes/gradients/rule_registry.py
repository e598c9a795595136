"""Looks up the gradient rule of an operation: an override, a registered rule, the class's own, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeAlias, TypeVar

from xdsl.dialects import func
from xdsl.dialects.builtin import StringAttr, UnregisteredOp
from xdsl.ir import Operation
from xdsl.traits import IsTerminator, OpTrait

from pullback.dialects.graph.gradient.custom_gradient import HasClosure
from pullback.dialects.graph.op.graph_op import OPS, Broadcasts, KeepsRows, NotDifferentiable, PassesSlices
from pullback.dialects.graph.state.control_flow import HasLoopGradient
from pullback.dialects.graph.tensor.location import name_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.process.registries import DuplicateError, Registry

Rule: TypeAlias = Callable[..., "Tensor | Sequence[Tensor | None] | None"]
"""`rule(op, *dys)`: one gradient or `None` per operand, from one `dy` per result."""
RuleT = TypeVar("RuleT", bound=Rule)

OVERRIDE = "gradient_op_type"
"""The attribute by which an operation names another registered rule than its type's."""

RULES: Registry[Rule | None] = Registry("gradient rule")
"""The rules that are registered by name, `None` for what is not differentiable. Rules of ours are in their classes."""


class MissingGradientError(DiagnosticError, LookupError):
    """A gradient must pass through an operation for which no rule is defined."""

    def __init__(self, op: Operation, key: str | None = None) -> None:
        remedy = ": run inline-calls first" if isinstance(op, func.CallOp) else ""
        super().__init__(
            f"No gradient defined for operation '{name_of(op)}' (op type: {key or type_name(op)}){remedy}", op
        )


class RuleState(StrEnum):
    """The three states of an operation type: it has a rule, it is not differentiable, or no rule is known."""

    RULE = "rule"
    NOT_DIFFERENTIABLE = "not differentiable"
    NONE = "none"


def register(op_type: str, rule: Rule | None, *, replace: bool = False) -> None:
    """Registers a rule under a name, usually an operation's (`None`: it is not differentiable).

    Raises:
        TypeError: `op_type` is no string.
        KeyError: the name has another rule already, which does not give way (`replace`).
    """
    if not isinstance(op_type, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"op_type must be a string, got {type(op_type).__name__}")
    try:
        RULES.add(op_type, rule, replace=replace)
    except DuplicateError as error:
        raise KeyError(f"Registering two gradient with name '{op_type}'! {error}") from None


def unregister(op_type: str) -> None:
    """Takes a registration back; unknown names are left alone."""
    if op_type in RULES.registered:
        RULES.remove(op_type)


def gradient_of(op: type[Operation] | str) -> Callable[[RuleT], RuleT]:
    """Decorator: the rule for an operation class that is not ours, or for a name to use in an override."""

    def decorate(rule: RuleT) -> RuleT:
        register(op if isinstance(op, str) else op.name, rule)
        return rule

    return decorate


def type_name(op: Operation) -> str:
    """The name of an operation's type, as written; xDSL has one class for all that it does not know."""
    return op.op_name.data if isinstance(op, UnregisteredOp) else op.name


def _key(op: Operation) -> str:
    """The name under which the rule of an operation is looked up: its override's, or that of its type."""
    override = op.attributes.get(OVERRIDE) if op.attributes else None
    return override.data if isinstance(override, StringAttr) else type_name(op)


def lookup(op: Operation) -> Rule | None:
    """The rule of an operation; `None` if it is known to have no gradient.

    Raises:
        MissingGradientError: there is none.
    """
    key = _key(op)
    if key in RULES.registered:
        return RULES.registered[key]
    if key != type_name(op):
        owner = OPS.get(key)
        if key in RULES:  # a plug-in has it, that is discovered now
            return RULES[key]
        if owner is None or not hasattr(owner, "gradient"):
            raise MissingGradientError(op, key)
        return owner.gradient  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]
    if is_barrier(op):
        return None
    rule = getattr(type(op), "gradient", None)
    if rule is None and key in RULES:  # a plug-in has it, that is discovered now
        return RULES[key]
    if rule is None:
        raise MissingGradientError(op)
    return rule


def is_barrier(op: Operation) -> bool:
    """Tells whether gradients end at this operation, since it is not differentiable."""
    key = _key(op)
    if key in RULES.registered:
        return RULES.registered[key] is None
    owner = OPS.get(key) if key != type_name(op) else type(op)
    return owner is not None and facts_of(owner).barrier


@dataclass(frozen=True)
class Facts:
    """Traits of an operation's class that the engine asks for at every visit, cached."""

    barrier: bool
    loop: bool
    closure: bool
    broadcasts: bool
    passes_slices: bool
    keeps_rows: bool


@cache
def facts_of(cls: type[Operation]) -> Facts:
    """The facts of a class, looked up once: xDSL walks the list of traits at each question."""

    def has(trait: type[OpTrait]) -> bool:
        return cls.has_trait(trait, value_if_unregistered=False)

    return Facts(
        barrier=has(NotDifferentiable) or has(IsTerminator),
        loop=has(HasLoopGradient),
        closure=has(HasClosure),
        broadcasts=has(Broadcasts),
        passes_slices=has(PassesSlices),
        keeps_rows=has(KeepsRows),
    )


def state_of(op: type[Operation]) -> RuleState:
    """The state of an operation type, for lists and documentation."""
    if op.name in RULES.registered:
        return RuleState.NOT_DIFFERENTIABLE if RULES.registered[op.name] is None else RuleState.RULE
    facts = facts_of(op)
    if facts.barrier:
        return RuleState.NOT_DIFFERENTIABLE
    return RuleState.RULE if hasattr(op, "gradient") or facts.loop else RuleState.NONE


def source_of(op: Operation) -> str:
    """The source of an operation's rule, in words: `override 'Name'`, `registered`, `class` or `loop`."""
    override = op.attributes.get(OVERRIDE)
    if isinstance(override, StringAttr):
        return f"override '{override.data}'"
    if type_name(op) in RULES.registered:
        return "registered"
    return "loop" if facts_of(type(op)).loop else "class"
