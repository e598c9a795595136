"""Fetches: tensors, slices, variables and operations as outputs of a step, and their values from its results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.ir import Operation as IROperation
from xdsl.ir import SSAValue

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import ArgumentTypeError, SlicesType, is_static, shape_of_type
from pullback.frontend.handles.indexed_slices import IndexedSlices
from pullback.frontend.handles.operation import Operation
from pullback.frontend.handles.variable import Variable
from pullback.frontend.nests.nest import Nest
from pullback.frontend.trace.subgraph import StepOutput


@dataclass(frozen=True)
class TensorLeaf:
    """A tensor, or a variable's contents at the end of the step."""

    label: str
    source: SSAValue

    @property
    def anchors(self) -> tuple[SSAValue | IROperation, ...]:
        """Values or operations by which its graph is found."""
        return (self.source,)

    @property
    def outputs(self) -> tuple[StepOutput, ...]:
        """The results that the function returns for it."""
        return (StepOutput(self.label, self.source),)

    @property
    def updates(self) -> tuple[IROperation, ...]:
        """The operations that run for their effect."""
        return ()

    def value(self, results: Iterator[Array]) -> Any:
        """Takes its results from the iterator, and returns the caller's value."""
        return next(results)


@dataclass(frozen=True)
class SlicesLeaf(TensorLeaf):
    """Slices, whose value is values, indices and dense shape."""

    def value(self, results: Iterator[Array]) -> Any:
        type_ = self.source.type
        assert isinstance(type_, SlicesType)
        values, indices = next(results), next(results)
        static = is_static(type_.data_type)
        shape = shape_of_type(type_.data_type) if static else tuple(map(int, np.asarray(next(results))))
        return SlicesValue(values, indices, shape)


@dataclass(frozen=True)
class OperationLeaf:
    """An operation, run for its effect."""

    label: str
    operation: Operation

    @property
    def anchors(self) -> tuple[SSAValue | IROperation, ...]:
        return self.operation.ops

    @property
    def outputs(self) -> tuple[StepOutput, ...]:
        return ()

    @property
    def updates(self) -> tuple[IROperation, ...]:
        return self.operation.ops

    def value(self, results: Iterator[Array]) -> Any:
        return None


Leaf = TensorLeaf | OperationLeaf


def leaves_of(nest: Nest, label: str) -> list[Leaf]:
    """Classifies the outputs in a nest; `ValueError` (a `TypeError` too) for what cannot be one."""
    return [_leaf(path, value) for path, value in zip(nest.labels(label), nest.leaves, strict=True)]


def anchors_of(wanted: Sequence[Leaf]) -> list[tuple[str, SSAValue | IROperation]]:
    """Values or operations by which the graph of outputs is found, each under the output's label."""
    return [(leaf.label, anchor) for leaf in wanted for anchor in leaf.anchors]


def _leaf(label: str, value: object) -> Leaf:
    match value:
        case Tensor() if isinstance(value.type, SlicesType):
            return SlicesLeaf(label, value.value)
        case Tensor():
            return TensorLeaf(label, value.value)
        case IndexedSlices():
            return SlicesLeaf(label, value.tensor.value)
        case Variable():
            return TensorLeaf(label, value.handle.value)
        case Operation():
            return OperationLeaf(label, value)
        case None:
            raise ArgumentTypeError(
                f"{label} is None: gradients() gives None for an x that no y depends on; leave it out, or "
                'ask for unconnected_gradients="zero"'
            )
        case _:
            kind = type(value).__name__
            raise ArgumentTypeError(
                f"{label}: expected a tensor, a variable, slices or an operation, got {kind}"
            )
