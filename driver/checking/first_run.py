"""Finds inputs that a function can be run on, and runs it: drawn of both signs or positive, of fitting extents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, ModuleOp, TensorType
from xdsl.ir import Attribute

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.types import GraphError, SlicesType, compatible_shapes, shape_of_type
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.checking.drawn_inputs import Inputs, draw_inputs
from pullback.driver.checking.function_runs import Results, largest_value, on_memory, run_function
from pullback.driver.checking.measured_rounding import is_inexact, numbers
from pullback.driver.checking.partial_evaluation import EndlessError, PartialEvaluator, Steps
from pullback.driver.checking.points import BOTH_SIGNS, EXTENT, POSITIVE
from pullback.driver.checking.results import values_of
from pullback.driver.checking.run_limits import LARGEST
from pullback.driver.module_functions import functions_of, result_names

ERRORS = (DiagnosticError, ValueError, TypeError, LookupError, RecursionError)
"""What says that a program cannot be run on some inputs, or not at all."""


class NoInputsError(DiagnosticError, ValueError):
    """A function cannot be run on inputs of any of the kinds that were tried; the message is that of the first."""


@dataclass
class Run:
    """What a function was run on, what it left, and the names of its results."""

    inputs: Inputs
    results: Results
    names: list[str]


def first_run(
    module: ModuleOp,
    name: str,
    *,
    arguments: Mapping[str | int, Any] | None = None,
    variables: Mapping[str, Array] | None = None,
    seed: int = 0,
    largest: int | None = LARGEST,
    most_operations: int | None = None,
) -> Run:
    """Runs a function on inputs for which its results are finite, if some of those tried are such.

    Args:
        module: of any level.
        name: of the function.
        arguments, variables, seed: as for `draw_inputs`.
        largest: the most elements that a value may have; `None` for no limit.
        most_operations: that a run on tensors may take; any number unless given.

    Raises:
        NoInputsError: it is too large, or cannot be run.
        EndlessError: it takes more operations.
    """
    function = functions_of(module)[name]
    elements = largest_value(function)
    if largest is not None and elements > largest:
        raise NoInputsError(f"a value has {elements} elements, more than {largest}", function)
    best: Run | None = None
    reason = ""
    unknown = any(has_unknown(argument.type) for argument in function.body.block.args)
    for extent, between in _tried(unknown):
        inputs = draw_inputs(
            function, arguments=arguments, variables=variables, between=between, extent=extent, seed=seed
        )
        try:
            run = run_as_declared(module, name, inputs, most_operations)
        except EndlessError:
            raise
        except ERRORS as error:
            reason = reason or one_line(error)
            continue
        if _finite(run.results):
            return run
        best = best or run
    if best is None:
        raise NoInputsError(reason, function)
    return best


def _tried(unknown: bool) -> Iterator[tuple[int, tuple[float, float]]]:
    for extent in (EXTENT, 1, 2) if unknown else (EXTENT,):
        for between in (BOTH_SIGNS, POSITIVE):
            yield extent, between


def run_as_declared(module: ModuleOp, entry: str, inputs: Inputs, most_operations: int | None = None) -> Run:
    """Runs a function whose results have the declared types: else it is not meant for inputs of these shapes.

    Raises:
        GraphError: they do not, or the inputs do not fit.
        DiagnosticError: the function cannot be run on them.
    """
    steps = None if most_operations is None else Steps(most_operations)
    results = run_function(module, entry, inputs, lambda v: PartialEvaluator(v, steps=steps))
    function = functions_of(module)[entry]
    check_declared(function, results)
    return Run(inputs, results, result_names(function))


def check_declared(function: func.FuncOp, results: Results) -> None:
    """`GraphError` where results are not of the declared types: the program is not meant for inputs of these shapes."""
    if on_memory(function):
        return
    for value, type_ in zip(results.values, function.function_type.outputs, strict=True):
        if isinstance(value, np.ndarray) and not compatible_shapes(value.shape, shape_of_type(type_)):
            raise GraphError(f"a result has the shape {value.shape}, its type is {type_}")


def has_unknown(type_: Attribute) -> bool:
    """Tells whether an extent of a type is `?`."""
    parts = type_.parameters if isinstance(type_, SlicesType) else (type_,)
    return any(
        isinstance(part, TensorType | MemRefType) and DYNAMIC_INDEX in part.get_shape() for part in parts
    )


def _finite(results: Results) -> bool:
    arrays = [numbers(value) for value in values_of(results) if isinstance(value, np.ndarray | tuple)]
    return all(np.isfinite(array).all() for array in arrays if is_inexact(array.dtype))


def one_line(error: Exception) -> str:
    """The message of an error on one line."""
    return " ".join(str(error).split()) or type(error).__name__
