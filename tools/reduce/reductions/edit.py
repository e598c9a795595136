"""What a kind of reduction is: a list of edits, each of which makes a program smaller in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.kernel.kernel import Kernel
from pullback.dialects.graph.tensor.types import VariableType
from pullback.passes.calls.call_order import is_of_graph

Edit: TypeAlias = Callable[[], None]
"""Changes the program that it was made for. One that earlier edits left nothing to do for does nothing."""


@dataclass(frozen=True)
class ReductionKind:
    """A kind of reduction.

    Attributes:
        name: in words, for progress.
        edits: what can be done to a program, in the order of its text; equal programs have equal lists. Edits of a
            group are applied last first, so that users go before what they use.
        in_groups: whether to try many edits at once.
    """

    name: str
    edits: Callable[[ModuleOp], Sequence[Edit]]
    in_groups: bool = True


def functions_in(module: ModuleOp) -> Iterator[func.FuncOp]:
    """The functions with a body."""
    return (op for op in module.ops if isinstance(op, func.FuncOp) and op.body.blocks)


def entries(module: ModuleOp) -> list[func.FuncOp]:
    """The functions on tensors that no other calls: their arguments and results may change."""
    called = {op.callee.root_reference.data for op in module.walk() if isinstance(op, func.CallOp)}
    return [f for f in functions_in(module) if f.sym_name.data not in called and is_of_graph(f)]


def entry_of(op: Operation, among: Sequence[func.FuncOp]) -> func.FuncOp | None:
    """The function around an operation, if it is one of these and its values are visible at the operation."""
    around = op.parent_op()
    while around is not None and not isinstance(around, func.FuncOp):
        if isinstance(around, Kernel):
            return None
        around = around.parent_op()
    return around if around in among else None


def returned(function: func.FuncOp) -> Operation:
    """The terminator of a function."""
    last = function.body.block.last_op
    assert last is not None
    return last


def new_argument(function: func.FuncOp, like: SSAValue) -> SSAValue:
    """Adds an argument of the type of a value, last."""
    argument = function.body.block.insert_arg(like.type, len(function.body.block.args))
    argument.name_hint = like.name_hint
    function.update_function_type()
    return argument


def may_be_argument(value: SSAValue) -> bool:
    """Whether a function can be given a value of this type from outside: not a reference to a variable."""
    return not isinstance(value.type, VariableType)


def is_in_program(op: Operation, module: ModuleOp) -> bool:
    """Whether an operation was not taken out by an earlier edit."""
    return module.is_ancestor(op)
