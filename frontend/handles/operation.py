"""`Operation`: the handle of what runs for its effect; and how tensors and operations are pickled."""

from __future__ import annotations

import copyreg
from dataclasses import dataclass
from typing import Any, ClassVar

from xdsl.ir import Operation as IROperation

from pullback.dialects.graph.tensor.location import name_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.ir.record import number_in, operations_in, values_in
from pullback.frontend.graph.copies import tensor_at
from pullback.frontend.graph.graph import Graph, graph_of

__all__ = ["Operation"]


@dataclass(frozen=True, eq=False)
class Operation:
    """The handle of something to run for its effect: an update, or a group of them. Fetching it gives `None`."""

    DOCUMENTED: ClassVar[tuple[str, ...]] = ()
    """The members that docs/python.md shows: the others are for the inside."""

    ops: tuple[IROperation, ...]
    graph: Graph
    name: str

    @classmethod
    def of(cls, op: IROperation) -> Operation:
        """The handle of one operation of a graph."""
        return cls((op,), graph_of(op), name_of(op))

    def __reduce__(self) -> Any:
        numbers = [number_in(operations_in(self.graph.body), op) for op in self.ops]
        return _operation_at, (self.graph, numbers, self.name)

    def __repr__(self) -> str:
        return f"<Operation {self.name!r}>"


def _operation_at(graph: Graph, numbers: list[int], name: str) -> Operation:
    """The handle of the operations of these numbers in a graph, which was copied."""
    ops = list(operations_in(graph.body)) if numbers else []
    return Operation(tuple(ops[number] for number in numbers), graph, name)


def _reduced(tensor: Tensor) -> Any:
    """Pickles a tensor as its graph, and its number there."""
    graph = graph_of(tensor.value)
    return tensor_at, (graph, number_in(values_in(graph.body), tensor.value))


copyreg.pickle(Tensor, _reduced)
