"""Runs one function of a program on named arrays: one on tensors, or a lowered one on memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp, StringAttr
from xdsl.ir import Attribute, OpResult, SSAValue

from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.location import is_called, name_in, name_of_value, role_of
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import data_type_of
from pullback.dialects.ir.source import note_copies
from pullback.driver.program import compile_function
from pullback.driver.targets.registry import target_named, targets
from pullback.driver.targets.target import MemoryRunner
from pullback.passes.calls.call_order import graph_calls
from pullback.passes.calls.inline_calls import check_expansion, inline_calls
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
    every argument: those that are not given start undefined (they are outputs, or the arena).

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
    arguments = {name_of_value(argument): argument.type for argument in function.body.block.args}
    on_memory = any(isinstance(type_, MemRefType) for type_ in arguments.values())
    if on_memory:
        return _on_memory(module, name, arguments, inputs, memory_runner(target))
    check_expansion(module, graph_calls(module), max_operations)
    given = named_arrays("input", inputs, arguments)
    contents = named_arrays("variable", variables, _variables(module))
    names = _result_names(function)
    results = run_on_tensors(module, name, list(given.values()), contents, target)
    return {**_named(names, results), **contents}


def run_on_tensors(
    module: ModuleOp, name: str, inputs: Sequence[Array], variables: Mapping[str, Array], target: str
) -> Sequence[Any]:
    """Runs a function of a graph on a target, calls included; the arrays of variables are updated in place."""
    run_graph = target_named(target).run_graph
    if run_graph is not None:
        return run_graph(module, name, inputs, variables)
    inline_calls(module, sys.maxsize)  # what is too large was refused before
    function = functions_of(module)[name]
    alone = function.clone()
    note_copies(function, alone)
    alone.sym_name = StringAttr("main")
    return compile_function(ModuleOp([alone]), target)(inputs, variables)


def memory_runner(target: str) -> MemoryRunner:
    """Finds the runner of functions on memory for a target; ArrayError if it has none."""
    runners = {name: t.run_on_memory for name, t in targets().items() if t.run_on_memory is not None}
    if target not in runners:
        raise ArrayError(f"--target {target}: runs no functions on memory; these do: {', '.join(runners)}")
    return runners[target]


def _on_memory(
    module: ModuleOp, name: str, types: Mapping[str, Attribute], inputs: Sequence[str], runner: MemoryRunner
) -> dict[str, Array]:
    buffers = named_arrays("input", inputs, types, may_be_missing=True)
    given = {argument.partition("=")[0] for argument in inputs}
    undefined = [place for place, argument in enumerate(types) if argument not in given]
    runner(module, name, list(buffers.values()), undefined)
    return buffers


def functions_of(module: ModuleOp) -> dict[str, func.FuncOp]:
    """The functions of a module that have a body, by name."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp) and op.body.blocks}


def _variables(module: ModuleOp) -> dict[str, Attribute]:
    return {op.label: data_type_of(op.results[0].type) for op in module.walk() if isinstance(op, VariableOp)}


def _result_names(function: func.FuncOp) -> list[str]:
    """The names of the results; one that several results share gets the place of each."""
    last = function.body.block.last_op
    names = [_result_name(value) for value in last.operands] if last is not None else []
    return [name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names)]


def _result_name(value: SSAValue) -> str:
    """The name that a user gave in a location; where none did, the engine, or a function called, that in the text."""
    op = value.op if isinstance(value, OpResult) else None
    named = op is None or not (name_in(op.location) is None or role_of(op) or is_called(op))
    return name_of_value(value) if named or value.name_hint is None else value.name_hint


def _named(names: Sequence[str], results: Sequence[Any]) -> dict[str, Array]:
    """Each result under its name; slices become two arrays, as they are two."""
    arrays: dict[str, Array] = {}
    for name, result in zip(names, results, strict=True):
        if isinstance(result, SlicesValue):
            arrays |= {f"{name}.values": result.values, f"{name}.indices": result.indices}
        else:
            arrays[name] = np.asarray(result)
    return arrays
