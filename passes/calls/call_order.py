"""The call graph of functions on tensors, callees first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute

from pullback.dialects.graph.kernel.host_call import is_host_function
from pullback.dialects.ir.calls import fault_of
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.operations_within import operations_of_class
from pullback.passes.gradients.rule_registry import OVERRIDE

Calls: TypeAlias = Mapping[func.FuncOp, Sequence[tuple[func.CallOp, func.FuncOp]]]
"""For each function that calls others: its calls in program order, each with its callee."""


class CallError(DiagnosticError):
    """A call cannot be inlined."""


def graph_calls(module: ModuleOp) -> Calls:
    """The calls of graph functions in a module, callees before callers (a topological order of the call graph).

    A function on memory, or on scalars, is not of the graph: calls of it are left out.

    Raises:
        CallError: at a call that does not fit its function, or of one without a body; at one of a recursion.
    """
    calls: dict[func.FuncOp, list[tuple[func.CallOp, func.FuncOp]]] = {}
    functions = {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp)}
    of_graph: dict[func.FuncOp, bool] = {}
    for function in functions.values():
        for call in operations_of_class(func.CallOp, function):
            callee = _fitting(call, functions.get(call.callee.root_reference.data))
            if callee not in of_graph:
                of_graph[callee] = is_of_graph(callee)
            if of_graph[callee]:
                calls.setdefault(function, []).append((call, callee))
    for call, callee in (pair for pairs in calls.values() for pair in pairs):
        _check(call, callee)
    order = TopologicalSorter({caller: [callee for _, callee in pairs] for caller, pairs in calls.items()})
    try:
        return {function: calls[function] for function in order.static_order() if function in calls}
    except CycleError as error:
        raise _recursion(calls, error.args[1]) from None


def _fitting(call: func.CallOp, callee: func.FuncOp | None) -> func.FuncOp:
    fault = fault_of(call, callee)
    if callee is None or fault is not None:
        raise CallError(f"inline-calls: {fault}", call)
    return callee


def is_of_graph(function: func.FuncOp) -> bool:
    """Tells whether a function takes, returns and computes nothing but the graph dialect's types."""
    type_ = function.function_type
    inner = (result for op in function.body.walk() for result in op.result_types)
    return not is_host_function(function) and all(
        map(_is_graph_type, (*type_.inputs.data, *type_.outputs.data, *inner))
    )


def _is_graph_type(type_: Attribute) -> bool:
    return isinstance(type_, TensorType) or type_.name.startswith("graph.")


def _check(call: func.CallOp, callee: func.FuncOp) -> None:
    name = f"@{callee.sym_name.data}"
    if not callee.body.blocks:
        raise CallError(f"inline-calls: {name} has no body to put in place of the call: define it here", call)
    if OVERRIDE in call.attributes:
        raise CallError(
            f"inline-calls: the call names a gradient of its own ({OVERRIDE}), which {name} in its place would not "
            "have: write graph.custom_gradient in the function",
            call,
        )


def _recursion(calls: Calls, cycle: Sequence[func.FuncOp]) -> CallError:
    """`cycle` begins and ends with the same function, and each is called by the next."""
    ring = list(reversed(cycle[1:]))
    start = min(range(len(ring)), key=lambda i: list(calls).index(ring[i]))
    ring = [*ring[start:], *ring[:start]]
    first, second = ring[0], ring[1 % len(ring)]
    call = next(call for call, callee in calls[first] if callee is second)
    names = " calls ".join(f"@{f.sym_name.data}" for f in (*ring, first))
    return CallError(f"inline-calls: recursion: {names}; what repeats is a loop (graph.while)", call)
