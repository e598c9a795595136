"""Slices a graph: copies the part that a step needs to a function of inputs and outputs, with updates in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.ir import Block, Operation, OpResult, Region, SSAValue

from pullback.dialects.graph.by_index.gather import (
    ConcatSlices,
    Densify,
    MakeSlices,
    SliceIndices,
    SliceValues,
)
from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.movement.shapes import ShapeOf
from pullback.dialects.graph.state.variables import Read, VariableOp
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.location import location_of, name_of, name_of_value, named
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, is_static
from pullback.dialects.ir.copying import copy_operation
from pullback.dialects.ir.diagnostics import note_place
from pullback.dialects.ir.positions import placed_as
from pullback.frontend.graph.graph import Graph, is_placeholder
from pullback.frontend.handles.random_state import NAME, count_step


@dataclass(frozen=True)
class StepOutput:
    """A result of a step: a tensor, the parts of slices, or a variable's contents at the end."""

    label: str
    value: SSAValue


def slice_function(
    graph: Graph, inputs: Sequence[SSAValue], outputs: Sequence[StepOutput], updates: Iterable[Operation]
) -> ModuleOp:
    """Copies what outputs and updates need (a backward slice), in creation order, to `@main` of a new module.

    Args:
        graph: all values and operations are of this graph.
        inputs: the values that are given; what only they need is left out.
        outputs: one result each, in order; slices are two (values, indices), or three (their dense shape).
        updates: operations to run for their effect.

    Raises:
        ValueError: if a placeholder is needed that is not among the inputs, or a value is inside a loop.
    """
    block = Block(arg_types=[v.type for v in inputs])
    copies: dict[SSAValue, SSAValue] = {}
    for value, argument in zip(inputs, block.args, strict=True):
        argument.location = placed_as(named(name_of_value(value)), location_of(value))
        argument.name_hint = value.name_hint
        copies[value] = argument
    wanted = [(o.label, o.value) for o in outputs]
    needed = _Needed(graph, set(inputs)).collect(wanted, updates)
    given = dict(copies)
    for op in graph.body.ops:
        if op not in needed:
            continue
        if isinstance(op, CustomGradient):  # its gradients are there already, if any were asked for
            copies.update((r, copies[v]) for r, v in zip(op.results, op.values, strict=True))
        else:
            block.add_op(copy_operation(op, copies))
        copies.update((r, given[r]) for r in op.results if r in given)
    state = next((op for op in needed if isinstance(op, VariableOp) and op.label == NAME), None)
    if state is not None:
        with inserting(block.add_op):
            count_step(Tensor(copies[state.results[0]]))
    results = [part for o in outputs for part in _parts(block, copies[o.value])]
    block.add_op(func.ReturnOp(*results))
    type_ = FunctionType.from_lists(list(block.arg_types), [v.type for v in results])
    return ModuleOp([func.FuncOp("main", type_, Region(block))])


class _Needed:
    """The backward slice of a step's results: the operations of a graph that it needs."""

    def __init__(self, graph: Graph, given: set[SSAValue]) -> None:
        self.graph = graph
        self.given = given
        self.found: set[Operation] = set()
        self.work: list[Operation] = []

    def collect(self, values: Iterable[tuple[str, SSAValue]], updates: Iterable[Operation]) -> set[Operation]:
        for label, value in values:
            owner = value.owner
            block = owner.parent if isinstance(owner, Operation) else owner
            if value not in self.given and block is not self.graph.body:
                error = ValueError(
                    f"{label}: '{name_of_value(value)}' is defined inside a loop: return it from the loop's body"
                )
                raise note_place(error, value)
            self._need_value(value, label)
        for op in updates:
            self._need(op)
        while self.work:
            op = self.work.pop()
            if isinstance(op, CustomGradient):
                for value in op.values:
                    self._need_value(value, op)
                continue
            for inner in op.walk() if op.regions else (op,):
                for operand in inner.operands:
                    self._need_value(operand, inner)
                for other in self.graph.control_inputs.get(inner, ()):
                    self._need(other)
        return self.found

    def _need_value(self, value: SSAValue, user: str | Operation) -> None:
        if value in self.given:
            return
        if isinstance(value, OpResult):
            self._need(value.op)
        elif is_placeholder(value):
            who = f"{user} is" if isinstance(user, str) else f"'{name_of(user)}' needs"
            error = ValueError(
                f"{who} placeholder '{name_of_value(value)}': name it among the inputs, or feed it"
            )
            raise note_place(error, value if isinstance(user, str) else user)

    def _need(self, op: Operation) -> None:
        while op.parent is not self.graph.body:
            outer = op.parent_op()
            if outer is None:
                raise ValueError(f"'{name_of(op)}' belongs to no graph: it was erased")
            op = outer
        if op not in self.found:
            self.found.add(op)
            self.work.append(op)


def _parts(block: Block, value: SSAValue) -> list[SSAValue]:
    """The tensors that leave the function for one output."""
    with inserting(block.add_op):
        if isinstance(value.owner, VariableOp):
            return [Read.of(Tensor(value)).value]
        if not isinstance(value.type, SlicesType):
            return [value]
        slices = Tensor(value)
        parts = [SliceValues.of(slices).value, SliceIndices.of(slices).value]
        if not is_static(value.type.data_type):
            parts.append(_dense_shape(slices))
        return parts


def _dense_shape(slices: Tensor) -> SSAValue:
    maker = slices.op
    while isinstance(maker, ConcatSlices):
        maker = Tensor(maker.operands[0]).op
    if isinstance(maker, MakeSlices):
        return maker.operands[2]
    return ShapeOf.of(Densify.of(slices)).value
