"""The functions of a module: what each takes and gives, by name."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp, StringAttr
from xdsl.ir import Attribute, OpResult, SSAValue

from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.location import is_called, name_in, name_of_value, role_of
from pullback.dialects.graph.tensor.types import data_type_of
from pullback.dialects.ir.source import note_copies


def functions_of(module: ModuleOp) -> dict[str, func.FuncOp]:
    """The functions of a module that have a body, by name."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, func.FuncOp) and op.body.blocks}


def arguments_of(function: func.FuncOp) -> dict[str, Attribute]:
    """The types of a function's arguments, by the names under which arrays are given.

    A name that several arguments share gets the place of each.
    """
    arguments = function.body.block.args
    names = _apart([name_of_value(argument) for argument in arguments])
    return {name: argument.type for name, argument in zip(names, arguments, strict=True)}


def is_on_memory(function: func.FuncOp) -> bool:
    """Tells whether a function takes memrefs: it was lowered, or written so."""
    return any(isinstance(argument.type, MemRefType) for argument in function.body.block.args)


def variables_of(module: ModuleOp) -> dict[str, Attribute]:
    """The types of the contents of a graph's variables, by name."""
    return {op.label: data_type_of(op.results[0].type) for op in module.walk() if isinstance(op, VariableOp)}


def result_names(function: func.FuncOp) -> list[str]:
    """The names of the results; one that several results share gets the place of each."""
    last = function.body.block.last_op
    return _apart([_result_name(value) for value in last.operands] if last is not None else [])


def _apart(names: Sequence[str]) -> list[str]:
    """The names, those that are there several times with the place of each."""
    return [name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names)]


def _result_name(value: SSAValue) -> str:
    """The name that a user gave in a location; where none did, the engine, or a function called, that in the text."""
    op = value.op if isinstance(value, OpResult) else None
    named = op is None or not (name_in(op.location) is None or role_of(op) or is_called(op))
    return name_of_value(value) if named or value.name_hint is None else value.name_hint


def alone_as_main(module: ModuleOp, name: str) -> ModuleOp:
    """A module with a copy of one function alone, as `@main`: what programs are compiled from."""
    function = functions_of(module)[name]
    alone = function.clone()
    note_copies(function, alone)
    alone.sym_name = StringAttr("main")
    return ModuleOp([alone])
