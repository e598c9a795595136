"""Runs one function of a program as it is, at any level: one on tensors, or a lowered one on memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp, StringAttr
from xdsl.ir import Attribute, OpResult, SSAValue

from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.location import is_called, name_in, name_of_value, role_of
from pullback.dialects.graph.tensor.types import data_type_of
from pullback.dialects.ir.source import note_copies
from pullback.driver.program import compile_function
from pullback.driver.targets.registry import target_named, targets
from pullback.driver.targets.target import MemoryRunner
from pullback.passes.calls.inline_calls import inline_calls

Array = npt.NDArray[Any]


def run_on_tensors(
    module: ModuleOp, name: str, inputs: Sequence[Array], variables: Mapping[str, Array], target: str
) -> Sequence[Any]:
    """Runs a function of a graph on a target, calls included; the arrays of variables are updated in place."""
    run_graph = target_named(target).run_graph
    if run_graph is not None:
        return run_graph(module, name, inputs, variables)
    inline_calls(module, sys.maxsize)  # what is too large was refused before
    return compile_function(alone_as_main(module, name), target)(inputs, variables)


def alone_as_main(module: ModuleOp, name: str) -> ModuleOp:
    """A module with a copy of one function alone, as `@main`: what programs are compiled from."""
    function = functions_of(module)[name]
    alone = function.clone()
    note_copies(function, alone)
    alone.sym_name = StringAttr("main")
    return ModuleOp([alone])


def memory_runners() -> Mapping[str, MemoryRunner]:
    """What runs functions on memory, by the names of targets."""
    return {name: t.run_on_memory for name, t in targets().items() if t.run_on_memory is not None}


def functions_of(module: ModuleOp) -> dict[str, func.FuncOp]:
    """The functions of a module that have a body, by name."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp) and op.body.blocks}


def arguments_of(function: func.FuncOp) -> dict[str, Attribute]:
    """The types of a function's arguments, by the names under which arrays are given."""
    return {name_of_value(argument): argument.type for argument in function.body.block.args}


def is_on_memory(function: func.FuncOp) -> bool:
    """Tells whether a function takes memrefs: it was lowered, or written so."""
    return any(isinstance(argument.type, MemRefType) for argument in function.body.block.args)


def variables_of(module: ModuleOp) -> dict[str, Attribute]:
    """The types of the contents of a graph's variables, by name."""
    return {op.label: data_type_of(op.results[0].type) for op in module.walk() if isinstance(op, VariableOp)}


def result_names(function: func.FuncOp) -> list[str]:
    """The names of the results; one that several results share gets the place of each."""
    last = function.body.block.last_op
    names = [_result_name(value) for value in last.operands] if last is not None else []
    return [name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names)]


def _result_name(value: SSAValue) -> str:
    """The name that a user gave in a location; where none did, the engine, or a function called, that in the text."""
    op = value.op if isinstance(value, OpResult) else None
    named = op is None or not (name_in(op.location) is None or role_of(op) or is_called(op))
    return name_of_value(value) if named or value.name_hint is None else value.name_hint
