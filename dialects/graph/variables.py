"""State that outlives a step: variables, their reads and their updates.

Updates and reads of one variable happen in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute
from xdsl.irdl import AnyAttr, operand_def, prop_def, result_def, traits_def
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, Pure

from pullback.dialects.graph.base import Array, GraphOp, NotDifferentiable, PassesSlices, Properties, graph_op
from pullback.dialects.graph.indexing import SlicesValue
from pullback.dialects.graph.types import (
    GraphError,
    SlicesType,
    VariableType,
    compatible_types,
    is_static,
)
from pullback.dialects.graph.value import Tensor, insert


@graph_op
class VariableOp(GraphOp):
    """A reference to the variable of this name; its contents live with whoever runs the graph."""

    name = "graph.variable"
    EXAMPLES: ClassVar = ('%r = graph.variable {variable = "w"} : !graph.ref<MATRIX>',)
    variable = prop_def(StringAttr)
    result = result_def(VariableType)
    traits = traits_def(Pure(), NotDifferentiable())

    def verify_(self) -> None:
        (type_,) = self.result_types
        assert isinstance(type_, VariableType)
        if not is_static(type_.data_type):
            raise GraphError(
                f"{self.name}: variable_c1: a variable has a static shape, got {type_.data_type}"
            )

    @property
    def label(self) -> str:
        assert isinstance(self.variable, StringAttr)
        return self.variable.data

    def numpy(self, *operands: Array) -> Any:
        raise NotImplementedError("a variable's contents are the evaluator's business")


def contents_type(op: str, type_: Attribute) -> Attribute:
    """What a variable of this type holds."""
    if not isinstance(type_, VariableType):
        raise GraphError(f"{op}: variable_c2: the first operand must be a variable, got {type_}")
    return type_.data_type


@graph_op
class Read(GraphOp):
    """The variable's contents now; later updates do not change this value."""

    name = "graph.read"
    EXAMPLES: ClassVar = ("%r = graph.read %w : (!graph.ref<MATRIX>) -> MATRIX",)
    variable = operand_def(VariableType)
    result = result_def(AnyAttr())
    traits = traits_def(MemoryReadEffect(), PassesSlices())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        return [contents_type(cls.name, operands[0])]

    def numpy(self, *operands: Array) -> Any:
        return operands[0].copy()

    def gradient(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        return (dy,)


class Update(GraphOp):
    """Changes a variable by a value of its type. Nothing flows out, so no gradient flows back."""

    ACCEPTS_SLICES: ClassVar[bool] = False
    variable = operand_def(VariableType)
    update = operand_def(AnyAttr())
    traits = traits_def(MemoryWriteEffect(), NotDifferentiable())

    def verify_(self) -> None:
        variable, update = self.operand_types
        data = contents_type(self.name, variable)
        if isinstance(update, SlicesType) and self.ACCEPTS_SLICES:
            update = update.data_type
        if not compatible_types(update, data):
            raise GraphError(f"{self.name}: variable_c3: the variable holds {data}, the update is {update}")

    @classmethod
    def apply(cls, variable: Tensor, update: Tensor) -> Update:
        """Updates the variable at this point; `GraphError` if the types do not fit."""
        op = cls.create(operands=[variable.value, update.value])
        op.verify_()
        insert(op)
        return op


@graph_op
class Assign(Update):
    """Replaces the variable's contents."""

    name = "graph.assign"
    EXAMPLES: ClassVar = ("graph.assign %w, %x : !graph.ref<MATRIX>, MATRIX",)

    def numpy(self, *operands: Array) -> Any:
        variable, update = operands
        variable[...] = update
        return ()


@graph_op
class AssignSub(Update):
    """Subtracts from the variable; slices touch only their rows (each as often as it occurs)."""

    name = "graph.assign_sub"
    EXAMPLES: ClassVar = ("graph.assign_sub %w, %p : !graph.ref<MATRIX>, SLICES",)
    ACCEPTS_SLICES: ClassVar = True

    def numpy(self, *operands: Any) -> Any:
        variable, update = operands
        if isinstance(update, SlicesValue):
            inside = (update.indices >= 0) & (update.indices < variable.shape[0])
            np.subtract.at(variable, update.indices[inside], update.values[inside])
        else:
            np.subtract(variable, update, out=variable)
        return ()
