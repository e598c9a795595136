"""`generate-gradients`: differentiates: each `graph.gradients` becomes the operations that compute it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.elementwise.basic import Identity
from pullback.dialects.graph.gradient.markers import GradientResults, SumGradients
from pullback.dialects.graph.gradient.policies import GatingAttr, Unconnected
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.location import Origin, Role, name_of_value, named_with_role
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, compatible_types
from pullback.dialects.ir.operations_within import operations_within
from pullback.dialects.ir.positions import placed_as
from pullback.passes.gradients.emitter import GradientOptions, densified
from pullback.passes.gradients.engine import gradients
from pullback.passes.gradients.request_in_loop import RequestInLoop
from pullback.passes.gradients.rule_errors import GradientError
from pullback.passes.rewriting.limits import MAX_OPERATIONS, Budget
from pullback.passes.rewriting.name_scopes import unique, used_scopes
from pullback.passes.rewriting.statistic import Statistic, is_counting


@dataclass(frozen=True)
class GenerateGradients(ModulePass):
    """Expands every `graph.gradients`, in order, by the rules of the operations between its ys and xs."""

    name = "generate-gradients"
    anchor = "func.func"
    requests = Statistic("requests that were answered")
    gradients = Statistic("gradients that were found")
    sums = Statistic("sums of several terms for one value")

    max_operations: int = MAX_OPERATIONS
    """How many operations the program may become: gradients of gradients multiply."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        budget = Budget(self.name, self.max_operations, op)
        sums = _count_sums(op) if is_counting() else 0
        for function in [o for o in operations_within(op) if isinstance(o, func.FuncOp)]:
            scopes = used_scopes(function)
            expanded = [
                expand(o, scopes, budget) for o in operations_within(function) if isinstance(o, Gradients)
            ]
            for request in expanded:  # what the loops around yield is known now
                request.check()
        if is_counting():
            self.sums.add(_count_sums(op) - sums)


def expand(request: Gradients, scopes: set[str], budget: Budget) -> RequestInLoop:
    """Expands one request; returns a record of it, to be checked when the loops around are known.

    Raises:
        GradientError: for a request that cannot be answered.
        SizeError: for more operations than the budget has.
    """
    block = request.parent
    if block is None:
        raise GradientError("graph.gradients: the request is in no block", request)
    scope = unique(request.scope.data if request.scope is not None else "gradients", scopes)
    options = GradientOptions(
        scope=scope,
        aggregation=request.aggregation.data if request.aggregation is not None else None,
        gate=request.gate.data if request.gate is not None else None,
        colocate=request.colocate is not None,
        location=request.location,
    )

    def insert(op: Operation) -> None:
        budget.spend(op, request)
        block.insert_op_before(op, request)

    unconnected = request.unconnected.data if request.unconnected is not None else Unconnected.NONE
    found = gradients(
        request.ys,
        request.xs,
        [Tensor(s) if s is not None else None for s in request.seed_per_y],
        block,
        insert,
        options,
        stops=request.stops,
        unconnected=unconnected,
        about=request,
    )
    GenerateGradients.requests.add()
    GenerateGradients.gradients.add(sum(gradient is not None for gradient in found))
    asked = RequestInLoop([*request.ys], [*request.xs], frozenset(request.stops), block, request)
    _replace(request, found, options, block)
    return asked


def _replace(
    request: Gradients, found: Sequence[Tensor | None], options: GradientOptions, block: Block
) -> None:
    """Replaces the request's results by those of one `graph.gradient_results`, in the types that it declares."""
    location = named_with_role(options.path("results"), Role(Origin.GATE))
    location = placed_as(location, request.location)

    def insert(op: Operation) -> None:
        op.location = location
        block.insert_op_before(op, request)

    with inserting(insert):
        ready = [
            (result, _as_declared(request, i, result, grad))
            for i, (result, grad) in enumerate(zip(request.gradients, found, strict=True))
            if grad is not None or result.first_use is not None
        ]
        properties = {"gate": GatingAttr(options.gate)} if options.gate else {}
        if ready:
            marker = GradientResults.emit([grad.value for _, grad in ready], properties)
            for (old, _), new in zip(ready, marker.results, strict=True):
                new.name_hint = old.name_hint
                old.replace_all_uses_with(new)
    request.detach()
    request.erase()


def _count_sums(module: ModuleOp) -> int:
    return sum(isinstance(op, SumGradients) for op in operations_within(module))


def _as_declared(request: Gradients, index: int, result: SSAValue, grad: Tensor | None) -> Tensor:
    """Converts a gradient to its declared type: slices may be densified, but a dense one cannot become slices."""
    if grad is None:
        x = name_of_value(request.xs[index])
        raise GradientError(
            f"graph.gradients: no gradient reaches xs[{index}] ('{x}'), and its result is used; ask for zeros "
            "with unconnected = #graph.unconnected<zero>",
            request,
        )
    wants_slices = isinstance(result.type, SlicesType)
    if isinstance(grad.type, SlicesType) and not wants_slices:
        grad = densified(grad)
    if wants_slices and not isinstance(grad.type, SlicesType):
        raise GradientError(
            f"graph.gradients: result {index} is declared as {result.type}, but the gradient is dense: declare "
            f"{grad.type}",
            request,
        )
    if not compatible_types(grad.type, result.type):
        raise GradientError(
            f"graph.gradients: result {index} is declared as {result.type}, but the gradient is {grad.type}",
            request,
        )
    # What uses the result, a return for one, may ask for just this type, with what it knows of the shape.
    return grad if grad.type == result.type else Identity.emit_as([grad.value], result.type)
