"""Target `numpy`: the finished graph, operation by operation, on the evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.backends.evaluator.evaluator import evaluate
from pullback.dialects.graph.state.variables import Update
from pullback.driver.pipelines import main_function
from pullback.process.interrupts import run_changing

Array = npt.NDArray[Any]


class EvaluatedFunction:
    """Runs `@main` of a module of level `graph` or `kernels`."""

    def __init__(self, module: ModuleOp) -> None:
        self.function = main_function(module)
        self._updates = any(isinstance(op, Update) for op in self.function.walk())

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        if self._updates:
            results = run_changing(
                lambda progress: evaluate(self.function, inputs, variables, None, progress)
            )
        else:
            results = evaluate(self.function, inputs, variables)
        return _owned(results, inputs)


def _owned(results: Sequence[Array], inputs: Sequence[Array]) -> list[Array]:
    """The results as arrays that share memory with nothing: operations may give views, or an input itself."""
    seen = {id(array) for array in inputs}
    owned: list[Array] = []
    for array in results:
        if id(array) in seen or not (
            array.flags.owndata and array.flags.c_contiguous and array.flags.writeable
        ):
            array = np.array(array, order="C")
        seen.add(id(array))
        owned.append(array)
    return owned
