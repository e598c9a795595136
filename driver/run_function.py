"""Runs one function of a program as it is, at any level: one on tensors, or a lowered one on memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, ModuleOp

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.kernel.argument_roles import CONSTANT, VARIABLE, argument_roles, check_roles
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.buffers import aligned_empty
from pullback.driver.layout import constant_array
from pullback.driver.module_functions import alone_as_main, arguments_of, functions_of
from pullback.driver.program import compile_function
from pullback.driver.targets.registry import target_named, targets
from pullback.driver.targets.target import Executor, MemoryRunner
from pullback.driver.truth_values import WithTruthValues, takes_truth_values
from pullback.passes.calls.inline_calls import inline_calls
from pullback.passes.pipeline.verify_level import level_of

Array = npt.NDArray[Any]
GIVEN = ""
"""The role of an argument of which no lowering says what it is for."""


class TargetError(DiagnosticError, ValueError):
    """A target cannot run programs of this level."""


def run_on_tensors(
    module: ModuleOp, name: str, inputs: Sequence[Array], variables: Mapping[str, Array], target: str
) -> Sequence[Any]:
    """Runs a function of a graph on a target, calls included; the arrays of variables are updated in place."""
    run_graph = target_named(target).run_graph
    if run_graph is not None:
        return run_graph(module, name, inputs, variables)
    inline_calls(module, sys.maxsize)  # what is too large was refused before
    return compile_function(alone_as_main(module, name), target)(inputs, variables)


def run_on_memory(
    module: ModuleOp,
    name: str,
    inputs: Mapping[str, Array],
    variables: Mapping[str, Array],
    target: str,
) -> dict[str, Array]:
    """Runs a function on memory on a target; what it leaves, by the names of arguments.

    Where a lowering has said what the arguments are for, these are the outputs. Elsewhere it is every argument, those
    that are not given begin undefined.

    Args:
        module: the program.
        name: the function.
        inputs: arrays by the names of arguments, which are not changed.
        variables: the contents of the variables that the lowering names, updated in place.
        target: the name of a registered target.

    Raises:
        TargetError: the target runs no functions on memory, or an array is missing whose shape no type says.
    """
    runner = _memory_runner(target)
    function = functions_of(module)[name]
    check_roles(function)
    types = arguments_of(function)
    roles = dict(zip(types, argument_roles(function) or [GIVEN] * len(types), strict=True))
    buffers: dict[str, Array] = {}
    for argument, type_ in types.items():
        if roles[argument].startswith(VARIABLE):
            buffers[argument] = variables[roles[argument].removeprefix(VARIABLE)]
        elif roles[argument].startswith(CONSTANT):
            buffers[argument] = constant_array(module, roles[argument])
        elif argument in inputs:
            buffers[argument] = np.array(inputs[argument], order="C")
        else:
            if not isinstance(type_, MemRefType) or DYNAMIC_INDEX in type_.get_shape():
                raise TargetError(f"'{argument}' is missing: a {type_} has no shape of its own", function)
            buffers[argument] = aligned_empty(tuple(type_.get_shape()), dtype_of(type_))
            buffers[argument][...] = 0
    undefined = [
        at
        for at, name in enumerate(types)
        if name not in inputs and not roles[name].startswith((VARIABLE, CONSTANT))
    ]
    runner(module, name, list(buffers.values()), undefined)
    return {argument: array for argument, array in buffers.items() if roles[argument] in (GIVEN, "output")}


def memory_executor(module: ModuleOp, name: str, target: str) -> Executor:
    """Compiles a function on memory for a target, to be run on its inputs in order; see `run_on_memory`.

    What a target lowered to `@main` itself is compiled once; anything else each time that it runs.
    """
    chosen, function = target_named(target), functions_of(module)[name]
    check_roles(function)
    if argument_roles(function) and name == "main" and level_of(module) in chosen.levels[-1:]:
        executor = chosen.executor(module, module)
        return WithTruthValues(executor) if takes_truth_values(module) else executor
    _memory_runner(target)
    names = list(arguments_of(function))
    roles = argument_roles(function) or ["input"] * len(names)
    taken = [n for n, role in zip(names, roles, strict=True) if role == "input"]

    def run(inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        given = dict(zip(taken, inputs, strict=True))
        return list(run_on_memory(module, name, given, variables, target).values())

    return run


def memory_runners() -> Mapping[str, MemoryRunner]:
    """What runs functions on memory, by the names of targets."""
    return {name: t.run_on_memory for name, t in targets().items() if t.run_on_memory is not None}


def _memory_runner(target: str) -> MemoryRunner:
    runners = memory_runners()
    if target not in runners:
        raise TargetError(f"target '{target}' runs no functions on memory; these do: {', '.join(runners)}")
    return runners[target]
