"""`cond`: a branch on a scalar that is known at run time.

Both branches become loops of at most one trip. So only the branch that is taken runs, and only its gradients do: a NaN
in the other one does not leak, which `where` on values could not promise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.by_index.gather import zeros_like
from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.elementwise.comparisons import LogicalNot
from pullback.dialects.graph.state.control_flow import Condition, While, Yield, captured_values
from pullback.dialects.graph.state.variables import Update
from pullback.dialects.graph.tensor.location import named
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, compatible_types, is_static
from pullback.frontend.graph.graph import Graph, current_graph
from pullback.frontend.nests.nest import Nest
from pullback.frontend.operands.convert import as_tensor

__all__ = ["cond"]

Branch = Callable[[], Any]


def cond(pred: Operand, true_fn: Branch, false_fn: Branch, name: str = "cond") -> Any:
    """The results of `true_fn()` if `pred` holds, else those of `false_fn()`.

    Args:
        pred: a scalar i1 tensor.
        true_fn, false_fn: give a tensor, or a nest of tensors, of the same form, dtypes and shapes. Each is called
            once, to build its branch, and may use tensors from outside. Gradients flow through the branch that is
            taken; what only the other one uses gets zeros, and `pred` gets none.
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
        otherwise = LogicalNot.of(taken)
        first, second = _BranchLoop(graph, "true_fn()", true_fn), _BranchLoop(graph, "false_fn()", false_fn)
        _check_same_types(first, second)
        values = second.finished(otherwise, first.finished(taken, first.zeros()))
        return first.nest.rebuilt(values)


class _BranchLoop:
    """The loop of one branch. What it carries is known when both functions were called."""

    def __init__(self, graph: Graph, what: str, function: Branch) -> None:
        self.graph = graph
        self.loop = While.over([])
        self.body = self.loop.body.block
        graph.insertion_block.add_op(self.loop)
        with graph.names.entered("branch") as self.scope, graph.inside(self.body):
            self.nest = Nest.of(function())
            self.labels = self.nest.labels(what)
            labelled = zip(self.nest.leaves, self.labels, strict=True)
            self.results = [self._result(leaf, f"cond: {label}") for leaf, label in labelled]

    def _result(self, leaf: object, what: str) -> Tensor:
        tensor = as_tensor(leaf, what)
        self.graph.check_visible(tensor.value, what)
        return tensor

    def zeros(self) -> list[Tensor]:
        """Zeros of the types of the results; of their shapes, where only the run tells."""
        shaped = self._copied([t for t in self.results if not is_static(t.type)])
        return [
            Fill.full(0, t.type) if is_static(t.type) else zeros_like(Tensor(shaped.get(t.value, t.value)))
            for t in self.results
        ]

    def _copied(self, results: Sequence[Tensor]) -> dict[SSAValue, SSAValue]:
        """Copies, before the loop, of what computes these: for their shapes alone, so none of it runs."""
        if results and any(isinstance(op, Update) for op in self.body.walk()):
            raise GraphError(
                f"cond: true_fn updates a variable, and only the run tells the shape of its result "
                f"{results[0].type}: give results of known shape"
            )
        needed: set[Operation] = set()
        work = [t.value for t in results]
        while work:
            op = work.pop().owner
            if isinstance(op, Operation) and op.parent is self.body and op not in needed:
                needed.add(op)
                work.extend((*op.operands, *captured_values(op)))
        copies: dict[SSAValue, SSAValue] = {}
        for op in self.body.ops:
            if op in needed:
                copy = op.clone(copies)
                for inner in copy.walk():  # no two operations have one name
                    inner.location = named(self.graph.names.unique(inner.name.rpartition(".")[2]))
                self.graph.insert(copy)
        return copies

    def finished(self, condition: Tensor, others: Sequence[Tensor]) -> list[Tensor]:
        """Finishes the loop: the function's results if the condition holds, else the others."""
        types = [t.type for t in (condition, *others)]
        regions = [self.loop.detach_region(region) for region in tuple(self.loop.regions)]
        self.loop.detach()
        self.loop.erase()
        for block in (region.block for region in regions):
            for type_ in types:
                block.insert_arg(type_, len(block.args))
        loop = While.create(
            operands=[condition.value, *(t.value for t in others)], result_types=types, regions=regions
        )
        with self.graph.names.entered(self.scope):
            self.graph.insert(loop)
            with self.graph.inside(loop.condition.block):
                self.graph.insert(Condition.create(operands=[loop.condition.block.args[0]]))
            with self.graph.inside(self.body):
                over = as_tensor(False)
                self.graph.insert(Yield.create(operands=[over.value, *(t.value for t in self.results)]))
        loop.verify_()
        return [Tensor(r) for r in loop.results[1:]]


def _check_same_types(first: _BranchLoop, second: _BranchLoop) -> None:
    if first.nest.form != second.nest.form:
        raise GraphError(
            f"cond: true_fn gives {first.nest.form}, false_fn gives {second.nest.form}: expected the same form"
        )
    for label, a, b in zip(first.labels, first.results, second.results, strict=True):
        if not compatible_types(a.type, b.type):
            raise GraphError(
                f"cond: {label} is {a.type} in true_fn and {b.type} in false_fn: cast or reshape one of them"
            )
