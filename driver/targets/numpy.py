"""Target `numpy`: the finished graph, operation by operation, on the evaluator; what all the rest is tested against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.state.variables import Update
from pullback.driver.run_pipeline import function_named, main_function
from pullback.driver.targets.target import Target
from pullback.process.interrupts import run_changing

Array = npt.NDArray[Any]


class EvaluatedFunction:
    """Runs `@main` of a module of level `graph` or `kernels`."""

    def __init__(self, module: ModuleOp) -> None:
        self.function = main_function(module)
        self._updates = any(isinstance(op, Update) for op in self.function.walk())

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        from pullback.backends.evaluator.evaluator import evaluate

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


def _compiled(module: ModuleOp, graph: ModuleOp) -> EvaluatedFunction:
    return EvaluatedFunction(module)


def _evaluated(
    module: ModuleOp, entry: str, inputs: Sequence[Array], variables: Mapping[str, Array]
) -> Sequence[Any]:
    from pullback.backends.evaluator.evaluator import evaluate

    return evaluate(function_named(module, entry), inputs, variables)


def _interpreted(module: ModuleOp, entry: str, buffers: Sequence[Array], undefined: Sequence[int]) -> None:
    from pullback.backends.interpreter.interpreter import interpret

    interpret(module, buffers, entry, undefined=undefined)


NUMPY = Target(
    name="numpy",
    meaning="NumPy, operation by operation, for inputs of any shape",
    passes="",
    executor=_compiled,
    static_shapes=False,
    run_on_memory=_interpreted,
    run_graph=_evaluated,
)
