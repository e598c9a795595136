"""Runs host operations on memory: calls of functions that are declared for an operation of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects import func

from pullback.backends.evaluator.evaluator import EvaluationError, compute
from pullback.dialects.graph.kernel.host_call import operation_of, parts_of
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import SlicesType, element_type_of, numpy_dtype, shape_of_type

Array = npt.NDArray[Any]


class HostCall:
    """The operation of a host function, as a callable on the arrays of its arguments.

    Raises:
        DiagnosticError: the function's attributes state no operation.
    """

    def __init__(self, function: func.FuncOp) -> None:
        self.op = operation_of(function)
        types = [*self.op.operand_types, *self.op.result_types]
        parts = [part for type_ in types for part in parts_of(type_)]
        self.shapes = [shape_of_type(part) for part in parts]
        self.dtypes = [numpy_dtype(element_type_of(part)) for part in parts]
        """The dtype of each argument; in memory i1 is a byte, and integers have no sign."""
        self.results = len(parts) - len(self.op.result_types)
        """The position of the first result; what comes before is only read."""
        self._slices = [t if isinstance(t, SlicesType) else None for t in self.op.operand_types]

    def __call__(self, arrays: Sequence[Array]) -> None:
        """Compute the results from the operands, one array for each argument of the function; see `compute`.

        Raises:
            GraphError: as the evaluator does, where the operation cannot be run on these values.
            Exception: whatever else the operation raises.
        """
        operands, targets = arrays[: self.results], arrays[self.results :]
        if len(operands) != len(self._slices):
            operands = self._put_together(operands)
        for target, value in zip(targets, compute(self.op, operands), strict=True):
            if value.dtype != target.dtype or value.shape != target.shape:
                raise EvaluationError(
                    f"{self.op.name}: numpy() gives an array of {value.dtype} and shape {value.shape}, its type is "
                    f"{target.dtype} and {target.shape}",
                    self.op,
                )
            target[...] = value

    def _put_together(self, parts: Sequence[Array]) -> list[Any]:
        """Groups the arrays into operands: slices take several, their rows and their indices."""
        rest = iter(parts)
        return [
            next(rest)
            if type_ is None
            else SlicesValue(next(rest), next(rest), shape_of_type(type_.data_type))
            for type_ in self._slices
        ]
