"""Variables (state that outlives a step), their reads and their updates.

Reads and updates of one variable are executed in program order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.irdl import AnyAttr, operand_def, prop_def, result_def, traits_def
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, Pure

from pullback.dialects.graph.by_index.gather import Densify, MakeSlices, rows_at, rows_type
from pullback.dialects.graph.by_index.replace_rows import ReplaceRows, replace_rows
from pullback.dialects.graph.op.families import numeric
from pullback.dialects.graph.op.graph_op import (
    OPS,
    Array,
    GradientTerms,
    GraphOp,
    NotDifferentiable,
    PassesSlices,
    Properties,
    graph_op,
)
from pullback.dialects.graph.tensor.accumulators import add_rows
from pullback.dialects.graph.tensor.device import DEVICE
from pullback.dialects.graph.tensor.insertion import insert
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    GraphError,
    SlicesType,
    VariableType,
    compatible_types,
    element_type_of,
    is_static,
)
from pullback.dialects.ir.diagnostics import DiagnosticError


@graph_op
class VariableOp(GraphOp):
    """A reference to the variable of this name; the runtime holds its contents."""

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


def label_of(reference: SSAValue) -> str:
    """Names the variable of a reference.

    Raises:
        DiagnosticError: the reference came into the function from outside, so that its variable is not known.
    """
    if isinstance(reference.owner, VariableOp):
        return reference.owner.label
    raise DiagnosticError(
        f"a reference of type {reference.type} has no name here: functions take no references, write graph.variable "
        "where it is used",
        reference.owner.parent_op() if isinstance(reference.owner, Block) else reference.owner,
    )


def ask_for_device(op: Operation, device: Attribute) -> None:
    """Stamps a device on a new operation that asks for none; a read stays where its variable is."""
    if not isinstance(op, ReadsVariable):
        op.attributes.setdefault(DEVICE, device)


def contents_type(op: str, type_: Attribute) -> Attribute:
    """The type of the contents of a variable of this type; `GraphError` for other types."""
    if not isinstance(type_, VariableType):
        raise GraphError(f"{op}: variable_c2: the first operand must be a variable, got {type_}")
    return type_.data_type


# ---- reads --------------------------------------------------------------------------------------------------


class ReadsVariable(GraphOp):
    """An operation that reads a variable's contents as they are at this point."""


@graph_op
class Read(ReadsVariable):
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

    def gradient(self, dy: Tensor) -> GradientTerms:
        return (dy,)


@graph_op
class ReadRows(ReadsVariable):
    """Rows of the variable's contents now: as `gather` of `read`, without reading the other rows."""

    name = "graph.read_rows"
    EXAMPLES: ClassVar = (
        "%r = graph.read_rows %w, %i : (!graph.ref<MATRIX>, tensor<4xi32>) -> tensor<4x3xf32>",
    )
    variable = operand_def(VariableType)
    indices = operand_def(AnyAttr())
    result = result_def(AnyAttr())
    traits = traits_def(MemoryReadEffect())

    @classmethod
    def infer(cls, operands: Sequence[Attribute], properties: Properties) -> Sequence[Attribute]:
        variable, indices = operands
        return [rows_type(cls.name, contents_type(cls.name, variable), indices)]

    def numpy(self, *operands: Array) -> Any:
        return rows_at(*operands)

    def gradient(self, dy: Tensor) -> GradientTerms:
        variable, indices = (Tensor(v) for v in self._operands)
        # The read only gives the type of the slices; its value is unused.
        return MakeSlices.rows_of(Read.of(variable), dy, indices), None


# ---- updates ------------------------------------------------------------------------------------------------


class Update(GraphOp):
    """An update of a variable by a value of its type, or by slices of it; without results, so without gradients."""

    variable = operand_def(VariableType)
    update = operand_def(AnyAttr())
    traits = traits_def(MemoryWriteEffect(), NotDifferentiable())

    def verify_(self) -> None:
        variable, update = self.operand_types
        data = contents_type(self.name, variable)
        if not compatible_types(update.data_type if isinstance(update, SlicesType) else update, data):
            raise GraphError(f"{self.name}: variable_c3: the variable holds {data}, the update is {update}")

    @classmethod
    def apply(cls, variable: Tensor, update: Tensor) -> Update:
        """Emits the update of the variable at this point; `GraphError` if the types do not fit."""
        op = cls.create(operands=[variable.value, update.value])
        op.verify_()
        insert(op)
        return op

    def contents_after(self, before: Tensor) -> Tensor:
        """Computes the contents after this update from those `before`, as a value."""
        raise NotImplementedError(self.name)


@graph_op
class Assign(Update):
    """Replaces the variable's contents."""

    name = "graph.assign"
    EXAMPLES: ClassVar = ("graph.assign %w, %x : !graph.ref<MATRIX>, MATRIX",)

    def verify_(self) -> None:
        super().verify_()
        update = self.operand_types[1]
        if isinstance(update, SlicesType):
            raise GraphError(f"{self.name}: variable_c4: the update must be a tensor, got {update}")

    def numpy(self, *operands: Array) -> Any:
        variable, update = operands
        variable[...] = update
        return ()

    def contents_after(self, before: Tensor) -> Tensor:
        return Tensor(self._operands[1])


class ArithmeticUpdate(Update):
    """An update that combines the variable's contents with a value, element by element."""

    UFUNC: ClassVar[np.ufunc]
    COMBINE: ClassVar[str]
    """The name of the operation that combines two values in the same way."""

    def verify_(self) -> None:
        super().verify_()
        data = contents_type(self.name, self.operand_types[0])
        if not numeric(element_type_of(data)):
            raise GraphError(f"{self.name}: variable_c6: the variable must hold numbers, got {data}")

    def numpy(self, *operands: Any) -> Any:
        variable, update = operands
        if isinstance(update, SlicesValue):
            inside = (update.indices >= 0) & (update.indices < variable.shape[0])
            add_rows(self.UFUNC, variable, update.indices[inside], update.values[inside])
        else:
            self.UFUNC(variable, update, out=variable)
        return ()

    def contents_after(self, before: Tensor) -> Tensor:
        update = Tensor(self._operands[1])
        change = Densify.of(update) if isinstance(update.type, SlicesType) else update
        return OPS[self.COMBINE].of(before, change)


@graph_op
class AssignAdd(ArithmeticUpdate):
    """Adds to the variable; slices touch only their rows (each as often as it occurs)."""

    name = "graph.assign_add"
    EXAMPLES: ClassVar = ("graph.assign_add %w, %x : !graph.ref<MATRIX>, MATRIX",)
    UFUNC: ClassVar = np.add
    COMBINE: ClassVar = "graph.add"


@graph_op
class AssignSub(ArithmeticUpdate):
    """Subtracts from the variable; slices touch only their rows (each as often as it occurs)."""

    name = "graph.assign_sub"
    EXAMPLES: ClassVar = ("graph.assign_sub %w, %p : !graph.ref<MATRIX>, SLICES",)
    UFUNC: ClassVar = np.subtract
    COMBINE: ClassVar = "graph.subtract"


@graph_op
class ScatterUpdate(Update):
    """Replaces rows of the variable; of several rows at one index the last one stays."""

    name = "graph.scatter_update"
    EXAMPLES: ClassVar = ("graph.scatter_update %w, %p : !graph.ref<MATRIX>, SLICES",)

    def verify_(self) -> None:
        super().verify_()
        update = self.operand_types[1]
        if not isinstance(update, SlicesType):
            raise GraphError(f"{self.name}: variable_c5: the update must be slices, got {update}")

    def numpy(self, *operands: Any) -> Any:
        replace_rows(*operands)
        return ()

    def contents_after(self, before: Tensor) -> Tensor:
        return ReplaceRows.of(before, Tensor(self._operands[1]))
