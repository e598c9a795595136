"""Serialises graphs, their tensors and operations, for `pickle` and `copy.deepcopy`.

A graph is written as rows, one for each operation. A tensor or an operation is written as its graph and a number, so
that it comes back in the graph that it is pickled with. `Graph` uses this module, which does not know it.
"""

from __future__ import annotations

from typing import Any

from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.record import Record, numbered, operations_in, values_in

EMPTIED = frozenset({"stamps", "steps", "requests", "next_name", "_entered"})
"""Attributes of a graph that are not copied: those of `with` blocks that work on it, and what is compiled again."""
BUILT = frozenset({"_body", "_block", "_function", "_module", "_closed"})
"""Attributes of a graph that are its operations, which are written as rows."""


def state_of(graph: Any) -> dict[str, Any]:
    """The state of a graph, outside of every scope and device, with numbers for its operations and values.

    Raises:
        GraphError: a loop or a branch is under construction.
    """
    if graph.insertion_block is not graph.body:
        raise GraphError(
            "a graph is copied while a loop or a branch is being built in it: copy it afterwards"
        )
    ops = {op: number for number, op in enumerate(operations_in(graph.body))}
    values = {value: number for number, value in enumerate(values_in(graph.body))}
    state = {key: value for key, value in vars(graph).items() if key not in EMPTIED | BUILT}
    state["record"] = Record.of(graph.body)
    state["handles"] = {v: values[t.value] for v, t in graph.handles.items() if t.value in values}
    state["control_inputs"] = {
        ops[op]: tuple(ops[n] for n in needed) for op, needed in graph.control_inputs.items() if op in ops
    }
    state["placed_before"] = [ops[op] for op in graph.placed_before if op in ops]
    state["draws"] = {
        **vars(graph.draws),
        "source": None,
        "trips": {},
        "read": tuple(ops[op] for op in graph.draws.read if op in ops),
    }
    return state


def restore(graph: Any, state: dict[str, Any]) -> None:
    """Restores a graph, which is not initialised yet, from what `state_of` has returned."""
    type(graph).__init__(graph)
    state = dict(state)
    state.pop("record").written_to(graph.body)
    ops, values = list(operations_in(graph.body)), list(values_in(graph.body))
    handles, control_inputs = state.pop("handles"), state.pop("control_inputs")
    placed_before, draws = state.pop("placed_before"), state.pop("draws")
    vars(graph).update(state)
    graph.handles = {variable: Tensor(values[number]) for variable, number in handles.items()}
    graph.control_inputs = {ops[op]: tuple(ops[n] for n in needed) for op, needed in control_inputs.items()}
    graph.placed_before = [ops[number] for number in placed_before]
    _restore_draws(graph.draws, draws, [ops[number] for number in draws["read"]])


def _restore_draws(draws: Any, state: dict[str, Any], read: list[Any]) -> None:
    vars(draws).update(state)
    draws.read = tuple(read)


def tensor_at(graph: Any, number: int) -> Tensor:
    """The tensor of this number."""
    return Tensor(numbered(values_in(graph.body), number))
