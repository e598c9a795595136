"""Running things for their effects, together and in order: `group` and `tuple`."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation as IROperation

from pullback.dialects.graph.markers import Gate
from pullback.dialects.graph.value import Tensor
from pullback.frontend.convert import as_tensor
from pullback.frontend.errors import ArgumentTypeError
from pullback.frontend.graph import common_graph, current_graph
from pullback.frontend.handles import IndexedSlices, Operation
from pullback.frontend.variables import Variable


def operations_behind(inputs: Sequence[object], what: str) -> tuple[IROperation, ...]:
    """The operations that make these tensors, variables, slices and operation handles run."""
    found: list[IROperation] = []
    for i, value in enumerate(inputs):
        match value:
            case Operation():
                found.extend(value.ops)
            case Variable():
                found.append(value.handle.op)
            case IndexedSlices():
                found.append(value.tensor.op)
            case Tensor():
                found.append(value.op)
            case _:
                kind = type(value).__name__
                raise ArgumentTypeError(f"{what}[{i}]: expected a tensor or an operation, got {kind}")
    return tuple(dict.fromkeys(found))


def group(*inputs: Tensor | Variable | IndexedSlices | Operation, name: str = "group") -> Operation:
    """One operation that stands for all of these.

    Raises:
        ValueError: for something else, or for inputs of different graphs.
    """
    ops = operations_behind(inputs, "group")
    graph = common_graph([(f"inputs[{i}]", op) for i, op in enumerate(ops)]) or current_graph()
    return Operation(ops, graph, graph.names.unique(name))


def tuple_of(
    tensors: Sequence[Tensor | Variable | IndexedSlices | None],
    name: str = "tuple",
    control_inputs: Sequence[Tensor | Variable | Operation] = (),
) -> list[Tensor | IndexedSlices | None]:
    """The same values, none of which may be used before all of them are computed. `None` stays `None`.

    Args:
        tensors: at least one of them not `None`; the values and indices of slices wait together.
        name: of the barrier.
        control_inputs: what must run before it, too.

    Raises:
        ValueError: if there is nothing to wait for.
    """
    if not isinstance(tensors, list | tuple):
        raise ArgumentTypeError(f"tensors: expected a list of tensors, got {type(tensors).__name__}")
    given = [
        t.tensor if isinstance(t, IndexedSlices) else as_tensor(t, "tensors")
        for t in tensors
        if t is not None
    ]
    if not given:
        raise ValueError("tuple: must have at least one Tensor, all are None")
    graph = common_graph([(f"tensors[{i}]", t.value) for i, t in enumerate(given)]) or current_graph()
    with graph.current(), graph.names.entered(name):
        gate = Gate.emit([t.value for t in given])
    if control_inputs:
        needed = operations_behind(control_inputs, "control_inputs")
        graph.control_inputs[gate] = (*graph.control_inputs.get(gate, ()), *needed)
    results = map(Tensor, gate.results)

    def gated(tensor: object) -> Tensor | IndexedSlices | None:
        if tensor is None:
            return None
        value = next(results)
        return IndexedSlices.wrap(value) if isinstance(tensor, IndexedSlices) else value

    return [gated(t) for t in tensors]
