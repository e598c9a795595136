"""`Variable`: an array that steps read and update."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import StringAttr

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.state.variables import (
    Assign,
    AssignAdd,
    AssignSub,
    Read,
    ReadRows,
    ScatterUpdate,
    Update,
    VariableOp,
)
from pullback.dialects.graph.tensor.arrays import Array, beside, is_number
from pullback.dialects.graph.tensor.conversions import true_as_one
from pullback.dialects.graph.tensor.tensor import Operand, Operators, Tensor
from pullback.dialects.graph.tensor.types import (
    DTYPES,
    ArgumentTypeError,
    GraphError,
    VariableType,
    compatible_types,
    data_type_of,
    element_type_from,
    numpy_dtype,
    tensor_type,
)
from pullback.driver.storage import VariableStorage
from pullback.frontend.graph.emit import named_as
from pullback.frontend.graph.graph import Graph, current_graph, entered_graph
from pullback.frontend.graph.scopes import asked_device, on_device
from pullback.frontend.graph.unique_names import valid_hint
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.operation import Operation
from pullback.frontend.operands.convert import as_array, as_tensor
from pullback.process.locks import Lock, holding

__all__ = ["Variable", "global_variables", "trainable_variables"]


class Variable(Operators):
    """State of a fixed shape and dtype, held in a NumPy array that outlives a step.

    In an expression it means its contents at that point: each use is a read of its own. It belongs to the
    graph in which it is made. Functions (see `function`) may use any variable, and share its contents; one that is
    made outside of all graphs is for them.

    Args:
        initial: the first contents; copied. Python floats become f32, integers i32.
        name: made unique in the graph.
        dtype: such as `"f32"`; that of `initial` unless given.
        trainable: whether optimizers change it unless told which variables to change.

    Raises:
        ValueError: for data that is no array of a known dtype, or in a function that has been traced before.
    """

    DOCUMENTED: ClassVar = (
        "dtype",
        "read",
        "sparse_read",
        "numpy",
        "assign",
        "assign_add",
        "assign_sub",
        "scatter_update",
    )
    """The members that docs/python.md shows: the others are for the inside."""

    hidden: ClassVar = False
    """Whether it is not among `global_variables`."""

    def __init__(
        self,
        initial: npt.ArrayLike,
        name: str = "variable",
        dtype: object = None,
        *,
        trainable: bool = True,
    ) -> None:
        self.home = _home(name)
        """The graph to which it belongs."""
        self.device = asked_device()
        """The device that was asked for where it was made: it stays there, whoever reads it."""
        self.trainable = trainable
        self.storage = VariableStorage(true_as_one(np.array(as_array(initial, "initial", dtype), order="C")))
        """The contents, on the host or on a device."""
        self.lock = Lock()
        """Held by whatever reads or writes the contents: steps, `numpy`, checkpoints."""
        self.home.names.check(name)
        self.name = self.home.names.unique(name)
        self._handle: Tensor | None = self._reference(self.home, self.name)

    @property
    def array(self) -> Array:
        """The contents on the host, to read and to change: asked for anew for each change, so that devices get it."""
        return self.storage.on_host()

    def __getstate__(self) -> dict[str, Any]:
        # The contents are those between two steps, and the handle is found again in the graph, which is copied, too.
        return {**vars(self), "_handle": None, "storage": VariableStorage(self.numpy())}

    def _reference(self, graph: Graph, name: str) -> Tensor:
        """A reference to the variable in a graph, under a name that is free there."""
        type_ = VariableType(tensor_type(element_type_from(self.storage.dtype), self.storage.shape))
        op = VariableOp.create(result_types=[type_], properties={"variable": StringAttr(name)})
        op.results[0].name_hint = valid_hint(name)
        with on_device(self.device, graph):
            graph.insert_outside_loops(op, name)
        graph.variables[name] = self
        return Tensor(op.results[0])

    @property
    def graph(self) -> Graph:
        """The graph that uses it now: of the function that is being traced, or else its home."""
        current = entered_graph()
        return current if current is not None and current.adopts_variables else self.home

    @property
    def handle(self) -> Tensor:
        """The reference to the variable, which its reads and updates take."""
        graph = self.graph
        if graph is self.home:
            if self._handle is None:
                self._handle = self._handle_at_home()
            return self._handle
        known = graph.handles.get(self)
        if known is None or known.op.parent is None:  # erased, since what used it first has failed
            with graph.names.entered(None):
                known = graph.handles[self] = self._reference(graph, graph.names.unique(self.name))
        return known

    def _handle_at_home(self) -> Tensor:
        """The reference in the graph in which it was made, of which this is a copy."""
        for op in self.home.body.ops:
            if isinstance(op, VariableOp) and op.label == self.name:
                return Tensor(op.results[0])
        raise GraphError(f"variable '{self.name}' is not in its graph: what made it has failed")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.storage.shape

    @property
    def dtype(self) -> str:
        """The element type's name, such as `"f32"`."""
        return next(name for name, type_ in DTYPES.items() if numpy_dtype(type_) == self.storage.dtype)

    @property
    def ndim(self) -> int:
        return len(self.storage.shape)

    def read(self) -> Tensor:
        """The contents at this point of the graph; later updates do not change it."""
        with self.graph.current():
            return Read.of(self.handle)

    value = read

    def sparse_read(self, indices: Operand, name: str | None = None) -> Tensor:
        """The rows of the contents at this point that `indices` (integers) name; the others are not looked at."""
        with self.graph.current():
            if name is not None:
                self.graph.names.check(name)
            at = as_tensor(indices, f"indices of variable '{self.name}'")
            return named_as(name, lambda: ReadRows.of(self.handle, at))

    def as_tensor(self) -> Tensor:
        return self.read()

    def numpy(self) -> Array:
        """A copy of the contents now: those before or after a step that another thread runs, never those in between."""
        return holding([self.lock], lambda: self.storage.contents().copy())

    def assign(self, value: Operand) -> Operation:
        """An update that replaces the contents by `value`: a tensor, an array or a number."""
        return self._update(Assign, self._converted(value))

    def assign_add(self, value: Operand) -> Operation:
        """An update that adds `value`; `IndexedSlices` touch only their rows, once per index."""
        return self._update(AssignAdd, self._rows_or_converted(value))

    def assign_sub(self, value: Operand) -> Operation:
        """An update that subtracts `value`; `IndexedSlices` touch only their rows, once per index."""
        return self._update(AssignSub, self._rows_or_converted(value))

    def scatter_update(self, rows: IndexedSlices) -> Operation:
        """An update that puts rows in the place of those at their indices; the last of several at one index stays."""
        if not isinstance(rows, IndexedSlices):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(
                f"the rows for variable '{self.name}': expected IndexedSlices, got {type(rows).__name__}"
            )
        return self._update(ScatterUpdate, self._rows_or_converted(rows))

    def _rows_or_converted(self, value: Operand) -> Tensor:
        if not isinstance(value, IndexedSlices):
            return self._converted(value)
        return value.known_as(data_type_of(self.handle.type)).tensor

    def _converted(self, value: Operand) -> Tensor:
        with self.graph.current():
            type_ = self.handle.type
            assert isinstance(type_, VariableType)
            what = f"the value for variable '{self.name}'"
            number = beside(value, self.storage.dtype, what)
            if is_number(number):
                return Fill.full(number, type_.data_type)
            tensor = as_tensor(value, what, self.dtype)
        if not compatible_types(tensor.type, type_.data_type):
            raise GraphError(f"variable '{self.name}' holds {type_.data_type}, the value is {tensor.type}")
        return tensor

    def _update(self, kind: type[Update], value: Tensor) -> Operation:
        with self.graph.current():
            return Operation.of(kind.apply(self.handle, value))

    def __repr__(self) -> str:
        return f"<Variable {self.name!r}: {self.handle.type}>"


def _home(name: str) -> Graph:
    """The graph that is entered; a new one outside of graphs, and where a function is traced, which adopts it."""
    current = entered_graph()
    if current is None:
        return _home_of_its_own()
    if not current.makes_variables:
        raise GraphError(
            f"variable '{name}' is made by a function that was traced before, so it would be another one for each kind "
            "of arguments: make it outside"
        )
    current.made_variables = True
    return _home_of_its_own() if current.adopts_variables else current


def _home_of_its_own() -> Graph:
    """A graph for a variable that functions use."""
    graph = Graph()
    graph.draws.shared = True
    return graph


def global_variables(graph: Graph | None = None) -> list[Variable]:
    """All variables of a graph, the current one unless given, in the order in which they were made."""
    known = (current_graph() if graph is None else graph).variables
    return [variable for variable in known.values() if not variable.hidden]


def trainable_variables(graph: Graph | None = None) -> list[Variable]:
    """The variables of a graph, the current one unless given, that were made with `trainable=True`."""
    return [v for v in global_variables(graph) if v.trainable]
