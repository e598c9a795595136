"""Truth values as programs expect them: bytes 0 and 1, though NumPy lets a `bool` array hold any byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, i1
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.conversions import true_as_one
from pullback.dialects.graph.tensor.types import data_type_of
from pullback.dialects.ir.operations_within import operations_within
from pullback.driver.device_array import DeviceArray
from pullback.driver.storage import StoredVariables
from pullback.driver.targets.target import Executor
from pullback.driver.whole_call import RunsWholeCalls, WholeCall

Array = npt.NDArray[Any]


def takes_truth_values(module: ModuleOp) -> bool:
    """Tells whether an argument of a function, or a variable, holds truth values."""
    return any(_holds_truth_values(value) for op in operations_within(module) for value in _given(op))


class WithTruthValues:
    """Wraps an executor so that it gets truth values of bytes 0 and 1; variables are normalised in place."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        arrays = variables.on_host_alone() if isinstance(variables, StoredVariables) else variables.values()
        for array in arrays:
            if (stored := true_as_one(array)) is not array:
                array[...] = stored
        # Libraries with devices keep truth values as 0 and 1.
        given = [array if isinstance(array, DeviceArray) else true_as_one(array) for array in inputs]
        return self._executor(given, variables)

    def whole(self, call: WholeCall) -> Callable[..., Any] | None:
        """All of a call as one function, which refuses inputs of other bytes; none with variables of truth values."""
        executor = self._executor
        in_variables = any(storage.dtype == np.bool_ for storage in call.variables.storages.values())
        return executor.whole(call) if isinstance(executor, RunsWholeCalls) and not in_variables else None


def _given(op: Operation) -> Sequence[SSAValue]:
    """The arrays of a call: its arguments, and the contents of variables."""
    if isinstance(op, func.FuncOp):
        return op.body.block.args if op.body.blocks else ()
    return op.results if isinstance(op, VariableOp) else ()


def _holds_truth_values(value: SSAValue) -> bool:
    type_ = data_type_of(value.type)
    return isinstance(type_, TensorType) and type_.element_type == i1
