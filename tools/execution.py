"""Runs one function of a program on named arrays: one on tensors, or a lowered one on memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.kernel.argument_roles import CONSTANT, VARIABLE, argument_roles, check_roles
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.driver.layout import constant_array
from pullback.driver.module_functions import (
    arguments_of,
    functions_of,
    is_on_memory,
    result_names,
    variables_of,
)
from pullback.driver.run_function import memory_runners, run_on_tensors
from pullback.driver.targets.target import MemoryRunner
from pullback.passes.calls.call_order import graph_calls
from pullback.passes.calls.inline_calls import check_expansion
from pullback.passes.rewriting.limits import MAX_OPERATIONS
from pullback.tools.array_arguments import Array, ArrayError, named_arrays


def execute(
    module: ModuleOp,
    name: str,
    inputs: Sequence[str],
    variables: Sequence[str],
    target: str,
    max_operations: int = MAX_OPERATIONS,
) -> dict[str, Array]:
    """The arrays that a run leaves, by name.

    For a function on tensors these are its results and the contents of its variables; for one on memory,
    every argument: those that are not given start undefined (they are outputs, or arenas),
    but for constants, which hold what the program says. Arguments that are variables may be given as either.

    Args:
        module: the program; calls in it may be inlined.
        name: the function to run.
        inputs: `NAME=ARRAY` for each of its arguments.
        variables: `NAME=ARRAY` for each variable of the program.
        target: the name of a registered target.
        max_operations: the most operations of the program with each call inlined.

    Raises:
        SizeError: for a program of more; on NumPy, where calls are no copies, it would take as long.
        ArrayError: for arguments that do not fit the function, or a target that cannot run its level.
    """
    function = functions_of(module).get(name)
    if function is None:
        known = ", ".join(functions_of(module)) or "none"
        raise ArrayError(f"--function {name}: the program has no such function; it has: {known}")
    arguments = arguments_of(function)
    if is_on_memory(function):
        return _on_memory(module, function, inputs, variables, _memory_runner(target))
    check_expansion(module, graph_calls(module), max_operations)
    given = named_arrays("input", inputs, arguments)
    contents = named_arrays("variable", variables, variables_of(module))
    names = result_names(function)
    results = run_on_tensors(module, name, list(given.values()), contents, target)
    return {**_named(names, results), **contents}


def _memory_runner(target: str) -> MemoryRunner:
    runners = memory_runners()
    if target not in runners:
        raise ArrayError(f"--target {target}: runs no functions on memory; these do: {', '.join(runners)}")
    return runners[target]


def _on_memory(
    module: ModuleOp,
    function: func.FuncOp,
    inputs: Sequence[str],
    variables: Sequence[str],
    runner: MemoryRunner,
) -> dict[str, Array]:
    check_roles(function)
    buffers = named_arrays("input", inputs, arguments_of(function), may_be_missing=True)
    given = {argument.partition("=")[0] for argument in inputs}
    roles = dict(zip(buffers, argument_roles(function), strict=False))
    for name, contents in _contents(function, roles, variables).items():
        if name in given:
            raise ArrayError(f"--input {name}: --variable {_variable(roles[name])} gives the same argument")
        buffers[name] = contents
        given.add(name)
    for name, role in roles.items():
        if role.startswith(CONSTANT) and name not in given:
            buffers[name] = constant_array(module, role)
            given.add(name)
    undefined = [place for place, name in enumerate(buffers) if name not in given]
    runner(module, function.sym_name.data, list(buffers.values()), undefined)
    return buffers


def _contents(function: func.FuncOp, roles: Mapping[str, str], variables: Sequence[str]) -> dict[str, Array]:
    """The given contents of variables, by the names of the arguments of a function that hold them."""
    arguments = {_variable(role): name for name, role in roles.items() if role.startswith(VARIABLE)}
    types = arguments_of(function)
    expected = {variable: types[name] for variable, name in arguments.items()}
    arrays = named_arrays("variable", variables, expected, may_be_missing=True)
    return {arguments[given]: arrays[given] for given in (each.partition("=")[0] for each in variables)}


def _variable(role: str) -> str:
    return role.removeprefix(VARIABLE)


def _named(names: Sequence[str], results: Sequence[Any]) -> dict[str, Array]:
    """Each result under its name; slices become two arrays, as they are two."""
    arrays: dict[str, Array] = {}
    for name, result in zip(names, results, strict=True):
        if isinstance(result, SlicesValue):
            arrays |= {f"{name}.values": result.values, f"{name}.indices": result.indices}
        else:
            arrays[name] = np.asarray(result)
    return arrays
