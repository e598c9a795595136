"""Scopes of new operations: their names, and the device that they ask for."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Operation as IROperation

from pullback.dialects.graph.state.variables import ask_for_device
from pullback.dialects.graph.tensor.device import parse_device
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError
from pullback.frontend.graph.graph import Graph, current_graph, entered_graph

__all__ = ["device", "name_scope"]


@contextmanager
def name_scope(name: str | None) -> Generator[str]:
    """Puts the names of new operations under `name`, made unique.

    `"scope/"` enters a scope again, `None` and `""` leave all scopes. Yields the scope, a slash at its end.
    """
    with current_graph().names.entered(name) as scope:
        yield scope


@contextmanager
def device(name: str | None) -> Generator[None]:
    """Asks that new operations run on the device of this name; `None` lifts the request of outer blocks.

    A variable stays where it was made: it is read there, and what reads it elsewhere gets a copy.

    Args:
        name: such as `"cpu:0"`, `"cuda:1"`, or TensorFlow's `"/gpu:1"` and `"/device:GPU:1"`.

    Raises:
        ValueError: this is the name of no device.
    """
    if name is not None and not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentTypeError(f"device: expected a name or None, got {type(name).__name__}")
    if name:
        try:
            parse_device(name)
        except ValueError as error:
            raise GraphError(f"device: {error}") from None
    with on_device(name or None, current_graph()):
        yield


class _Device:
    """Stamps the name of a device."""

    def __init__(self, name: str) -> None:
        self.attribute = StringAttr(name)

    def __call__(self, op: IROperation) -> None:
        ask_for_device(op, self.attribute)


@contextmanager
def on_device(name: str | None, graph: Graph) -> Generator[None]:
    """Asks for this device, or for none, in place of what surrounding blocks ask for."""
    outer = [s for s in graph.stamps if isinstance(s, _Device)]
    if not outer and name is None:  # nearly always
        yield
        return
    with graph.stamping([] if name is None else [_Device(name)], without=outer):
        yield


def asked_device() -> str | None:
    """The device that the surrounding block asks for."""
    graph = entered_graph()
    asked = [s.attribute.data for s in graph.stamps if isinstance(s, _Device)] if graph is not None else []
    return asked[-1] if asked else None
