"""`cond`: one of two functions runs, as a scalar says at run time.

Both become loops of at most one turn. So only the branch that is taken runs, and only its gradients do: a NaN in the
other one does not leak, which `where` on values could not promise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pullback.dialects.graph.comparisons import LogicalNot
from pullback.dialects.graph.creation import Fill
from pullback.dialects.graph.indexing import zeros_like
from pullback.dialects.graph.types import GraphError, compatible_types, is_static
from pullback.dialects.graph.value import Operand, Tensor
from pullback.dialects.graph.variables import Update
from pullback.frontend.convert import as_tensor
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.functions.control_flow import while_loop
from pullback.frontend.graph import current_graph
from pullback.frontend.nest import Nest

__all__ = ["cond"]

Branch = Callable[[], Any]


def cond(pred: Operand, true_fn: Branch, false_fn: Branch, name: str = "cond") -> Any:
    """What `true_fn()` gives where `pred` holds, and else what `false_fn()` gives.

    Args:
        pred: a scalar i1 tensor.
        true_fn, false_fn: give a tensor, or a nest of tensors, of the same form, dtypes and shapes. They may use
            tensors from outside. Gradients flow through the branch that is taken; what only the other one uses gets
            zeros, and `pred` gets none.
        name: the scope of what is inside.

    Raises:
        ValueError: if `pred` is no scalar i1, or the two results differ in form, dtype or shape. The graph is then
            as it was.
    """
    for what, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise ArgumentTypeError(f"cond: {what}: expected a function, got {type(function).__name__}")
    graph = current_graph()
    with graph.unchanged_on_error(), graph.names.entered(name):
        taken = as_tensor(pred, "cond: pred")
        if taken.dtype != "i1" or taken.ndim != 0:
            raise GraphError(f"cond: pred must be a scalar i1 tensor, got {taken.type}")
        nest = _checked(true_fn, false_fn)
        values = [_nothing(true_fn, i, t) for i, t in enumerate(nest.leaves)]
        for condition, function in ((taken, true_fn), (LogicalNot.of(taken), false_fn)):
            values = _at_most_once(condition, function, values)
    return nest.rebuilt(values)


def _at_most_once(condition: Tensor, function: Branch, values: list[Tensor]) -> list[Tensor]:
    """What the function gives if the condition holds; else the values."""

    def goes_on(going_on: Tensor, *others: Tensor) -> Tensor:
        return going_on

    def branch(*others: Tensor) -> list[Operand]:
        return [False, *(as_tensor(leaf) for leaf in Nest.of(function()).leaves)]

    return while_loop(goes_on, branch, [condition, *values], name="branch")[1:]


def _checked(true_fn: Branch, false_fn: Branch) -> Nest:
    """What the first function gives, its leaves only to look at: both are called, and what they add is taken back."""
    nests: list[Nest] = []
    for what, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        with current_graph().tentatively():
            nest = Nest.of(function())
            labelled = zip(nest.leaves, nest.labels(f"{what}()"), strict=True)
            nests.append(
                Nest([as_tensor(leaf, f"cond: {label}").type for leaf, label in labelled], nest.form)
            )
    first, second = nests
    if first.form != second.form:
        raise GraphError(
            f"cond: true_fn gives {first.form}, false_fn gives {second.form}: expected the same form"
        )
    for label, a, b in zip(first.labels("true_fn()"), first.leaves, second.leaves, strict=True):
        if not compatible_types(a, b):
            raise GraphError(
                f"cond: {label} is {a} in true_fn and {b} in false_fn: cast or reshape one of them"
            )
    return first


def _nothing(function: Branch, index: int, type_: Any) -> Tensor:
    """Zeros of the type of a result; of its shape, where only the run tells: what has the shape is not computed."""
    if is_static(type_):
        return Fill.full(0, type_)
    block = current_graph().insertion_block
    last = block.last_op
    like = as_tensor(Nest.of(function()).leaves[index])
    added = block.first_op if last is None else last.next_op
    while added is not None:
        if any(isinstance(op, Update) for op in added.walk()):
            raise GraphError(
                f"cond: true_fn updates a variable, and only the run tells the shape of its result {type_}: give "
                "results of known shape"
            )
        added = added.next_op
    return zeros_like(like)
