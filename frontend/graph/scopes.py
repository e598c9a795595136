"""What surrounds new operations: names, devices, needs, and the rules that override their gradients."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation as IROperation

from pullback.frontend.graph.graph import Graph, current_graph
from pullback.frontend.handles.control_dependencies import operations_behind
from pullback.frontend.operands.errors import ArgumentTypeError

DEVICE = "device"


@contextmanager
def name_scope(name: str | None) -> Generator[str]:
    """Puts the names of new operations under `name`, made unique.

    `"scope/"` enters a scope again, `None` and `""` leave all scopes. Yields the scope, a slash at its end.
    """
    with current_graph().names.entered(name) as scope:
        yield scope


@contextmanager
def device(name: str | None) -> Generator[None]:
    """Asks that new operations run on the device of this name; `None` lifts the request of outer blocks."""
    if name is not None and not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"device: expected a name or None, got {type(name).__name__}")
    graph = current_graph()
    outer = [s for s in graph.stamps if isinstance(s, _Device)]
    with graph.stamping([_Device(name)] if name else [], without=outer):
        yield


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
        outer = [s for s in graph.stamps if isinstance(s, _Needs)]
        with graph.stamping([], without=outer):
            yield
        return
    if not isinstance(inputs, list | tuple):
        raise ArgumentTypeError(f"control_dependencies: expected a list, got {type(inputs).__name__}")
    with graph.stamping([_Needs(graph, operations_behind(inputs, "control_dependencies"))]):
        yield


class _Device:
    """Stamps the name of a device."""

    def __init__(self, name: str) -> None:
        self.attribute = StringAttr(name)

    def __call__(self, op: IROperation) -> None:
        op.attributes.setdefault(DEVICE, self.attribute)


class _Needs:
    """Notes what operations need, unless one of their operands needs it already."""

    def __init__(self, graph: Graph, needed: tuple[IROperation, ...]) -> None:
        self.graph = graph
        self.needed = needed
        self.made: set[IROperation] = set()

    def __call__(self, op: IROperation) -> None:
        if not any(operand.owner in self.made for operand in op.operands):
            known = self.graph.control_inputs.get(op, ())
            self.graph.control_inputs[op] = tuple(dict.fromkeys((*known, *self.needed)))
        self.made.add(op)


@contextmanager
def without_devices(graph: Graph) -> Generator[None]:
    """Lifts the request for a device of all surrounding blocks."""
    with graph.stamping([], without=[s for s in graph.stamps if isinstance(s, _Device)]):
        yield
