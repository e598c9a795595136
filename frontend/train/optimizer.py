"""`Optimizer`: the base of optimizers, which turn gradients of a loss into updates."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pullback.dialects.graph.tensor.accumulators import ACCUMULATORS, widened
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, compatible_types, data_type_of
from pullback.frontend.gradients.gradients import gradients
from pullback.frontend.graph.graph import Graph, common_graph, graph_of
from pullback.frontend.graph.name_checks import check_scope_name
from pullback.frontend.graph.scopes import on_device
from pullback.frontend.graph.unique_names import checked_name
from pullback.frontend.handles.control_dependencies import group
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.operation import Operation
from pullback.frontend.handles.unwrap import handle_of
from pullback.frontend.handles.variable import Variable, trainable_variables
from pullback.frontend.operands.convert import as_tensor
from pullback.frontend.train.hyperparameters import Hyperparameter, checked, in_dtype
from pullback.frontend.train.state import DenseState, SparseState, VariableState, summed
from pullback.frontend.train.variable_lists import checked_pairs, checked_step, flat_variables, float_loss

__all__ = ["Optimizer"]

Gradient = Tensor | IndexedSlices


class Optimizer:
    """Base of all optimizers: changes variables so that a loss becomes smaller.

    A subclass states in `_apply` how one variable follows its gradient. Where the gradient is `IndexedSlices`, the rows
    of one index are summed first, and only the rows named change, in the variable and in its slots alike. For f16 and
    bf16 the slots and all arithmetic are f32, and the variable is rounded once a step.

    Args:
        name: of the scope of updates, and of slots: `variable/name`.
        hyperparameters: numbers, or tensors or variables that hold one.
    """

    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2
    """No gradient waits; those of one operation wait for each other; all wait for each other."""
    SUMS_ROWS: ClassVar[bool] = True
    """Whether it matters that rows of one index are summed first; of half precision they are in any case."""

    def __init__(self, name: str, **hyperparameters: object) -> None:
        self._name = checked_name(name)
        self._hyperparameters = {key: checked(value, key) for key, value in hyperparameters.items()}
        self._slots: dict[str, dict[Variable, Variable]] = {}
        self._shared: dict[tuple[str, Graph], Variable] = {}

    # ---- for users --------------------------------------------------------------------------------------

    def minimize(
        self,
        loss: Tensor,
        global_step: Variable | None = None,
        var_list: Variable | Sequence[Any] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: str | None = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Operation:
        """Adds one step down the gradient of `loss`: `compute_gradients`, then `apply_gradients`.

        Raises:
            ValueError: whatever these two refuse, or no variable has a gradient.
        """
        check_scope_name(name)
        pairs = self.compute_gradients(
            loss, var_list, gate_gradients, aggregation_method, colocate_gradients_with_ops, grad_loss
        )
        if all(gradient is None for gradient, _ in pairs):
            names = ", ".join(repr(v.name) for _, v in pairs)
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not support gradients, "
                f"between variables {names} and loss '{loss.name}': explain(loss, variable) says where"
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss: Tensor,
        var_list: Variable | Sequence[Any] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: str | None = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> list[tuple[Gradient | None, Variable]]:
        """The gradient of sum(loss) with respect to each variable, `None` where the loss does not depend on it.

        Args:
            loss: of a floating-point dtype.
            var_list: a variable or a list of them; all trainable variables of the graph unless given.
            gate_gradients: `GATE_NONE`, `GATE_OP` or `GATE_GRAPH`.
            aggregation_method: a member of `AggregationMethod`.
            colocate_gradients_with_ops: as for `gradients`.
            grad_loss: the gradient that arrives at the loss, ones unless given.

        Raises:
            ValueError: an argument is invalid, there are no variables, or nothing for `GATE_GRAPH` to wait for.
            LookupError: a path leads through an operation without a gradient.
        """
        gates = {self.GATE_NONE: False, self.GATE_OP: True, self.GATE_GRAPH: "graph"}
        if not isinstance(gate_gradients, int) or gate_gradients not in gates:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                "gate_gradients must be one of Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH, got "
                f"{gate_gradients!r}"
            )
        handle = float_loss(loss)
        graph = graph_of(handle.value)
        variables = trainable_variables(graph) if var_list is None else flat_variables(var_list)
        if not variables:
            raise ValueError("No variables to optimize.")
        with graph.unchanged_on_error():
            found = gradients(
                loss,
                variables,
                grad_ys=grad_loss,
                gate_gradients=gates[gate_gradients],
                aggregation_method=aggregation_method,
                colocate_gradients_with_ops=colocate_gradients_with_ops,
            )
            if gate_gradients == self.GATE_GRAPH and all(gradient is None for gradient in found):
                raise ValueError(
                    "GATE_GRAPH: must have at least one Tensor to wait for: the loss depends on no variable"
                )
        return list(zip(found, variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Any, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """An operation that makes each variable follow its gradient; where that is `None` it stays.

        Args:
            grads_and_vars: pairs of a gradient (a tensor, slices or `None`) and its variable.
            global_step: a variable of integers that is increased by one, too.
            name: of the scope of the updates; that of the optimizer unless given.

        Raises:
            ValueError: for anything else, for no pairs, or if every gradient is `None`. The graph is then as it was.
        """
        check_scope_name(name)
        pairs = checked_pairs(grads_and_vars)
        labelled = [(f"grads_and_vars[{i}]", v.handle.value) for i, (_, v) in enumerate(pairs)]
        given = [(f"grads_and_vars[{i}]", gradient) for i, (gradient, _) in enumerate(pairs)]
        for label, value in [*given, *self._hyperparameters.items()]:
            if (handle := handle_of(value)) is not None:
                labelled.append((label, handle.value))
        if global_step is not None:
            labelled.append(("global_step", checked_step(global_step).handle.value))
        graph = common_graph(labelled)
        assert graph is not None
        with (
            graph.current(),
            self._unchanged_on_error(graph),
            graph.names.entered(name or self._name),
            on_device(None, graph),
        ):
            states: list[tuple[VariableState, Variable]] = []
            for i, (gradient, variable) in enumerate(pairs):
                if gradient is not None:
                    with on_device(variable.device, graph):
                        states.append((self._state(gradient, variable, f"grads_and_vars[{i}]"), variable))
            self._prepare([variable for _, variable in states])
            for state, variable in states:
                with on_device(variable.device, graph):
                    self._apply(state, variable)
            updates = [update for state, _ in states for update in state.updates]
            updates += self._finish(graph)
            if global_step is not None:
                with on_device(global_step.device, graph):
                    updates.append(global_step.assign_add(1))
            return group(*updates, name="update")

    def get_name(self) -> str:
        """The name that it was given."""
        return self._name

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """The slot of this name for a variable; `None` before any gradient was applied to that."""
        return self._slots.get(name, {}).get(var)

    def get_slot_names(self) -> list[str]:
        """The names of its slots."""
        return sorted(self._slots)

    def variables(self) -> list[Variable]:
        """All that it keeps: its slots, and what is there once for all variables."""
        slots = [slot for of_name in self._slots.values() for slot in of_name.values()]
        return sorted([*slots, *self._shared.values()], key=lambda variable: variable.name)

    # ---- for subclasses ---------------------------------------------------------------------------------

    def _prepare(self, variables: Sequence[Variable]) -> None:
        """Makes what is there once for all variables, in a graph where it is not there yet."""

    def _apply(self, state: VariableState, variable: Variable) -> None:
        """Adds the updates of one variable and of its slots."""
        raise NotImplementedError(type(self).__name__)

    def _finish(self, graph: Graph) -> list[Operation]:
        """Updates that come after those of all variables."""
        return []

    def _number(self, name: str, like: Tensor) -> Hyperparameter:
        """A hyperparameter for arithmetic with tensors of this dtype."""
        return in_dtype(self._hyperparameters[name], like.element_type)

    def _slot(self, variable: Variable, name: str, initial: float = 0.0) -> Variable:
        """The slot of this name; made in the shape of the variable (half precision in f32) if not there."""
        slots = self._slots.setdefault(name, {})
        if variable not in slots:
            array = widened(variable.numpy())
            array[...] = initial
            slots[variable] = self._new_variable(variable.graph, array, f"{variable.name}/{self._name}")
        return slots[variable]

    def _new_variable(self, graph: Graph, initial: Any, name: str, dtype: str | None = None) -> Variable:
        with graph.names.entered(None):
            return Variable(initial, name, dtype, trainable=False)

    # ---- inside -----------------------------------------------------------------------------------------

    def _state(self, gradient: object, variable: Variable, label: str) -> VariableState:
        if isinstance(gradient, IndexedSlices):
            _check_fits(gradient.type.data_type, variable, label)
            gradient = gradient.known_as(data_type_of(variable.handle.type))
            is_narrow = gradient.values.element_type in ACCUMULATORS
            return SparseState(summed(gradient) if self.SUMS_ROWS or is_narrow else gradient)
        dense = as_tensor(gradient, label, variable.dtype)
        _check_fits(dense.type, variable, label)
        return DenseState(dense)

    @contextmanager
    def _unchanged_on_error(self, graph: Graph) -> Generator[None]:
        slots, shared = {name: dict(of_name) for name, of_name in self._slots.items()}, dict(self._shared)
        try:
            with graph.unchanged_on_error():
                yield
        except BaseException:
            self._slots, self._shared = slots, shared
            raise


def _check_fits(type_: Any, variable: Variable, label: str) -> None:
    """`ValueError` for a gradient of another shape or dtype than its variable's."""
    contents = data_type_of(variable.handle.type)
    if not compatible_types(type_, contents):
        raise ArgumentTypeError(
            f"{label}: variable '{variable.name}' holds {contents}, its gradient is {type_}"
        )
