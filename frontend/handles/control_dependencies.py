"""Orders effects: `control_dependencies` for new operations, `group` and `tuple` for those there are."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from xdsl.ir import Operation as IROperation
from xdsl.ir import SSAValue

from pullback.dialects.graph.gradient.markers import Gate
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.graph.graph import Graph, common_graph, current_graph
from pullback.frontend.graph.name_checks import check_name, check_scope_name
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.operation import Operation
from pullback.frontend.handles.unwrap import handle_of, operations_behind
from pullback.frontend.handles.variable import Variable
from pullback.frontend.operands.convert import as_tensor

__all__ = ["control_dependencies", "group"]


@contextmanager
def control_dependencies(inputs: Sequence[object] | None) -> Generator[None]:
    """Makes new operations need these: where one is run, they are run too, before it.

    An operation that uses the result of another one made in this block needs them through that one.

    Args:
        inputs: tensors, variables and operations; `None` lifts the needs of outer blocks.

    Raises:
        ValueError: for anything else among them.
    """
    graph = current_graph()
    if inputs is None:
        outer = [s for s in graph.stamps if isinstance(s, _ControlInputs)]
        with graph.stamping([], without=outer):
            yield
        return
    if not isinstance(inputs, list | tuple):
        raise ArgumentTypeError(f"control_dependencies: expected a list, got {type(inputs).__name__}")
    with graph.stamping([_ControlInputs(graph, operations_behind(inputs, "control_dependencies"))]):
        yield


class _ControlInputs:
    """Stamps control inputs on operations, unless one of their operands has them already."""

    def __init__(self, graph: Graph, needed: tuple[IROperation, ...]) -> None:
        self.graph = graph
        self.needed = needed
        self.made: set[IROperation] = set()

    def __call__(self, op: IROperation) -> None:
        if not any(operand.owner in self.made for operand in op.operands):
            known = self.graph.control_inputs.get(op, ())
            self.graph.control_inputs[op] = tuple(dict.fromkeys((*known, *self.needed)))
        self.made.add(op)


def group(*inputs: Tensor | Variable | IndexedSlices | Operation, name: str = "group") -> Operation:
    """Groups operations: one handle that runs all of these.

    Raises:
        ValueError: for something else, or for inputs of different graphs.
    """
    check_name(name)
    ops = operations_behind(inputs, "group")
    anchors = [op for value in inputs for op in _anchors(value)]
    graph = common_graph([(f"inputs[{i}]", anchor) for i, anchor in enumerate(anchors)]) or current_graph()
    return Operation(ops, graph, graph.names.unique(name))


def _anchors(value: Tensor | Variable | IndexedSlices | Operation) -> Sequence[SSAValue | IROperation]:
    """Values or operations by which the graph of something is found."""
    handle = handle_of(value)
    return [handle.value] if handle is not None else value.ops if isinstance(value, Operation) else []


def tuple_of(
    tensors: Sequence[Tensor | Variable | IndexedSlices | None],
    name: str = "tuple",
    control_inputs: Sequence[Tensor | Variable | Operation] = (),
) -> list[Tensor | IndexedSlices | None]:
    """A barrier: the same values, none of which may be used before all of them are computed. `None` stays `None`.

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
