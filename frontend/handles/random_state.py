"""The state of random operations without a seed of their own, and `set_random_seed`.

It is a variable of the graph, of two words: a seed, and a count of steps. A step that draws reads it once, before all
else, and adds one to the count at its end. So all of it is in the text of the step.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import Block, Operation

from pullback.dialects.graph.creation.constants import Constant
from pullback.dialects.graph.creation.random_key import SEED, RandomKey
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.state.variables import AssignAdd, Read, VariableOp
from pullback.dialects.graph.tensor.location import named
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, GraphError, VariableType
from pullback.driver.storage import VariableStorage
from pullback.frontend.graph.graph import Graph, entered_graph
from pullback.frontend.graph.trip_counts import trips_around
from pullback.frontend.handles.variable import Variable
from pullback.frontend.operands.axes import is_whole_number
from pullback.process.locks import Lock

__all__ = ["set_random_seed"]

NAME = "_random_state"
"""The variable's name, which no other one can have, since names do not begin with `_`."""


class RandomState(Variable):
    """The seed and the count of steps of one graph, or of all functions. It is not among `global_variables`."""

    hidden = True

    def __init__(self, home: Graph) -> None:
        self.home = home
        self.trainable = False
        self.name = NAME
        self.storage = VariableStorage(np.zeros(2, np.int64))
        self.lock = Lock()
        self.seed(None)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copies of the state that all functions share are that state."""
        shared = self is state_of_functions()
        return (state_of_functions, ()) if shared else super().__reduce_ex__(protocol)

    def seed(self, seed: int | None) -> None:
        """Starts again from this seed, or from one drawn from the operating system."""
        with self.lock:
            self.storage.replace((int.from_bytes(os.urandom(8)) >> 1 if seed is None else seed, 0))

    def take(self) -> Array:
        """The state now, for several steps that are to draw the same; the next ones draw other numbers."""
        with self.lock:
            taken = self.array.copy()
            self.array[1] += 1
        return taken

    def read_in(self, graph: Graph) -> Tensor:
        """The state as a step of this graph finds it, read before all else."""
        draws = graph.draws
        if not draws.read or draws.read[0].parent is None:
            variable = VariableOp.create(
                result_types=[VariableType(SEED)],
                properties={"variable": StringAttr(NAME)},
                location=named(NAME),
            )
            read = Read.create(
                operands=[variable.results[0]], result_types=[SEED], location=named(f"{NAME}/read")
            )
            variable.results[0].name_hint = NAME.strip("_")
            _put_first(graph.body, [variable, read])
            graph.variables[NAME] = self
            draws.read = variable, read
        return Tensor(draws.read[1].results[0])

    def __repr__(self) -> str:
        seed, steps = self.storage.contents()
        return f"<RandomState: seed {seed}, {steps} steps>"


def _put_first(block: Block, ops: list[Operation]) -> None:
    first = block.first_op
    for op in ops:
        if first is None:
            block.add_op(op)
        else:
            block.insert_op_before(op, first)


@cache
def state_of_functions() -> RandomState:
    """The state that all functions share: each call of one that draws is a step."""
    return RandomState(Graph())


def random_state(graph: Graph | None) -> RandomState:
    """The state of a graph; that of functions where one is traced, and outside of graphs."""
    if graph is None or graph.draws.shared:
        return state_of_functions()
    if graph.draws.state is None:
        graph.draws.state = RandomState(graph)
    return graph.draws.state


def known_random_state(graph: Graph) -> RandomState | None:
    """The state of a graph, if it has one already."""
    return state_of_functions() if graph.draws.shared else graph.draws.state


def source_of_keys(graph: Graph) -> Tensor:
    """The tensor that the seeds of draws are derived from where a graph grows now: the state that its steps read."""
    source = graph.draws.source
    return random_state(graph).read_in(graph) if source is None else source


def next_key(graph: Graph) -> Tensor:
    """The seed of the next draw of a graph that has none of its own."""
    number = IntegerAttr(graph.draws.number, i64)
    graph.draws.number += 1
    return RandomKey.of(source_of_keys(graph), *trips_around(graph), number=number)


def count_step(variable: Tensor) -> None:
    """Adds one to the count of the state, at the end of a step that has read it."""
    AssignAdd.apply(variable, Constant.from_array([0, 1], "i64"))


def set_random_seed(seed: int | None, graph: Graph | None = None) -> None:
    """Seeds the random state of a graph: its steps repeat what they drew after the last call with this seed.

    It is for all random operations of the graph without `seed=`, and for steps that are compiled already. Outside of
    all graphs it is for `function` and its like, which share one state.

    Args:
        seed: an integer of 64 bits; `None` for one from the operating system, as graphs have at first.
        graph: the current one unless given.

    Raises:
        ValueError: for another seed, and in a function that is being traced: its calls would not do it again.
    """
    if seed is not None and not is_whole_number(seed):
        raise ArgumentTypeError(f"set_random_seed: seed: expected an integer or None, got {seed!r}")
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise GraphError(f"set_random_seed: seed: {seed} does not fit 64 bits")
    where = entered_graph() if graph is None else graph
    if where is not None and where.adopts_variables:
        raise GraphError(
            "set_random_seed: a function is being traced, and its calls would not set it: call it outside"
        )
    random_state(where).seed(None if seed is None else int(seed))
