"""Running things for their effects, together and in order: `group` and `tuple`."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation as IROperation
from xdsl.ir import SSAValue

from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.frontend.gradients.gradient_arguments import handle_of
from pullback.frontend.graph.graph import common_graph, current_graph, graph_of
from pullback.frontend.graph.name_checks import check_name, check_scope_name
from pullback.frontend.handles.handles import IndexedSlices, Operation
from pullback.frontend.handles.variable import Variable
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.operands.errors import ArgumentTypeError


def operations_behind(inputs: Sequence[object], what: str) -> tuple[IROperation, ...]:
    """The operations that make these tensors, variables, slices and operation handles run.

    Placeholders, and what a loop carries, need none: they are there before anything runs.

    Raises:
        ValueError: for something else (a `TypeError` too), or for a tensor that was made inside of a loop or a branch
            and is not there now.
    """
    found: list[IROperation] = []
    for i, value in enumerate(inputs):
        if isinstance(value, Operation):
            found.extend(value.ops)
            continue
        handle = handle_of(value)
        if handle is None:
            kind = type(value).__name__
            raise ArgumentTypeError(f"{what}[{i}]: expected a tensor or an operation, got {kind}")
        graph_of(handle.value).check_visible(handle.value, f"{what}[{i}]")
        if isinstance(handle.value.owner, IROperation):
            found.append(handle.value.owner)
    return tuple(dict.fromkeys(found))


def group(*inputs: Tensor | Variable | IndexedSlices | Operation, name: str = "group") -> Operation:
    """One operation that stands for all of these.

    Raises:
        ValueError: for something else, or for inputs of different graphs.
    """
    check_name(name)
    ops = operations_behind(inputs, "group")
    anchors = [op for value in inputs for op in _anchors(value)]
    graph = common_graph([(f"inputs[{i}]", anchor) for i, anchor in enumerate(anchors)]) or current_graph()
    return Operation(ops, graph, graph.names.unique(name))


def _anchors(value: Tensor | Variable | IndexedSlices | Operation) -> Sequence[SSAValue | IROperation]:
    """What tells the graph of something."""
    handle = handle_of(value)
    return [handle.value] if handle is not None else value.ops if isinstance(value, Operation) else []


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
    check_scope_name(name)
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
