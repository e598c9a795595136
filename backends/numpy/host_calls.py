"""Host operations on memory: what a call of a function that stands for an operation does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects import func

from pullback.backends.numpy.evaluator import EvaluationError, compute
from pullback.dialects.graph.host import operation_of, parts_of
from pullback.dialects.graph.indexing import SlicesValue
from pullback.dialects.graph.types import SlicesType, element_type_of, numpy_dtype, shape_of_type

Array = npt.NDArray[Any]


class HostCall:
    """The operation that a host function stands for, on the arrays of its arguments.

    Raises:
        DiagnosticError: the function's attributes state no operation.
    """

    def __init__(self, function: func.FuncOp) -> None:
        self.op = operation_of(function)
        parts = [
            part for type_ in (*self.op.operand_types, *self.op.result_types) for part in parts_of(type_)
        ]
        self.shapes = [shape_of_type(part) for part in parts]
        self.dtypes = [numpy_dtype(element_type_of(part)) for part in parts]
        """Of each argument; in memory i1 is a byte, and integers have no sign."""
        self.results = len(parts) - len(self.op.result_types)
        """The position of the first result; what comes before is only read."""

    def __call__(self, arrays: Sequence[Array]) -> None:
        """Compute the results from the operands, one array for each argument of the function.

        Raises:
            GraphError: as the evaluator does, where the operation cannot be run on these values.
            Exception: whatever else the operation raises.
        """
        values = compute(self.op, self._operands(arrays))
        for target, value in zip(arrays[self.results :], values, strict=True):
            if value.dtype != target.dtype or value.shape != target.shape:
                raise EvaluationError(
                    f"{self.op.name}: numpy() gives an array of {value.dtype} and shape {value.shape}, its type is "
                    f"{target.dtype} and {target.shape}",
                    self.op,
                )
            target[...] = value

    def _operands(self, arrays: Sequence[Array]) -> list[Any]:
        rest = iter(arrays)
        return [self._operand(type_, rest) for type_ in self.op.operand_types]

    @staticmethod
    def _operand(type_: Any, rest: Any) -> Any:
        if not isinstance(type_, SlicesType):
            return next(rest)
        return SlicesValue(next(rest), next(rest), shape_of_type(type_.data_type))
