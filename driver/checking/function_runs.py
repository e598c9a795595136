"""Runs a function of a module at any level on given inputs: on the evaluator, the interpreter or the emulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, MemRefType, ModuleOp, TensorType
from xdsl.ir import Attribute

from pullback.backends.evaluator.evaluator import check_array
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.kernel.argument_roles import (
    CONSTANT,
    UNDEFINED,
    VARIABLE,
    argument_roles,
    check_roles,
)
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import GraphError, SlicesType, data_type_of
from pullback.dialects.ir.diagnostics import UnsupportedError
from pullback.driver.checking.drawn_inputs import Inputs
from pullback.driver.checking.partial_evaluation import PartialEvaluator, evaluate_partly
from pullback.driver.layout import constant_array
from pullback.driver.module_functions import functions_of, is_on_memory
from pullback.driver.run_function import memory_runners
from pullback.driver.run_pipeline import function_named
from pullback.driver.targets.target import MemoryRunner

MakeEvaluator: TypeAlias = Callable[[Mapping[str, Array]], PartialEvaluator]
"""Makes an evaluator on the contents of variables."""
_TAKEN = (TensorType, SlicesType, MemRefType)


@dataclass(frozen=True)
class Results:
    """What a run of a function leaves.

    Attributes:
        values: the results in order; for a function on memory the arrays of its outputs, or of all its arguments where
            nothing says which are outputs.
        variables: the contents of each variable afterwards.
        unknown: the names of variables whose contents depend on a gradient that was not generated yet.
    """

    values: tuple[Any, ...]
    variables: Mapping[str, Array]
    unknown: frozenset[str] = frozenset()


def functions_to_run(module: ModuleOp) -> list[str]:
    """The functions of a module that can be run from outside: public, of one block, on tensors or on memory."""
    return [
        name
        for name, function in functions_of(module).items()
        if function.sym_visibility is None
        and len(function.body.blocks) == 1
        and all(isinstance(a.type, _TAKEN) for a in function.body.block.args)
    ]


def largest_value(function: func.FuncOp) -> int:
    """How many elements the largest value of a function has; an extent of `?` counts as 1."""
    values = [*function.body.block.args, *(r for op in function.walk() for r in op.results)]
    types = [data_type_of(value.type) for value in values]
    shapes = [t.get_shape() for t in types if isinstance(t, TensorType | MemRefType)]
    return max((prod(1 if n == DYNAMIC_INDEX else n for n in shape) for shape in shapes), default=0)


def on_memory(function: func.FuncOp) -> bool:
    """Whether a function takes memory, or was lowered though it takes nothing."""
    return bool(argument_roles(function)) or is_on_memory(function)


def run_function(
    module: ModuleOp,
    name: str,
    inputs: Inputs,
    make: MakeEvaluator = PartialEvaluator,
    runner: MemoryRunner | None = None,
) -> Results:
    """Runs a function: on tensors on the evaluator, on memory on the interpreter, kernels for GPUs on the emulator.

    Args:
        module: of any level; it is not changed.
        name: of the function.
        inputs: stay as they are.
        make: the evaluator to use.
        runner: what runs a function on memory, in place of those.

    Raises:
        GraphError: the inputs do not fit the function.
        DiagnosticError: the function cannot be run on them.
    """
    function = function_named(module, name)
    inputs = inputs.copies()
    if on_memory(function):
        return _on_memory(module, function, inputs, runner)
    for value, argument in zip(inputs.arguments, function.body.block.args, strict=False):
        _check(value, argument.type, f"'{name_of_value(argument)}'")
    evaluator = make(inputs.variables)
    values = evaluate_partly(evaluator, function, inputs.arguments)
    return Results(tuple(values), inputs.variables, frozenset(evaluator.unknown_variables))


def _check(value: Any, type_: Attribute, what: str) -> None:
    if isinstance(value, SlicesValue) and isinstance(type_, SlicesType):
        check_array(value.values, type_.values_type, what)
        check_array(value.indices, type_.indices_type, what)
    elif isinstance(type_, TensorType) and not isinstance(value, SlicesValue):
        check_array(value, type_, what)
    else:
        raise GraphError(f"{what}: {type(value).__name__} is no {type_}")


def _on_memory(
    module: ModuleOp, function: func.FuncOp, inputs: Inputs, runner: MemoryRunner | None
) -> Results:
    check_roles(function)
    arguments = function.body.block.args
    roles = list(argument_roles(function)) or [""] * len(arguments)
    parts = [part for value in inputs.arguments for part in _parts(value)]
    if roles.count("input") + roles.count("") != len(parts) or len(roles) != len(arguments):
        raise GraphError(f"@{function.sym_name.data}: {len(parts)} inputs for {len(arguments)} arguments")
    rest = iter(parts)
    buffers = [
        constant_array(module, role)
        if role.startswith(CONSTANT)
        else _buffer(argument.type, role, rest, inputs.variables)
        for argument, role in zip(arguments, roles, strict=True)
    ]
    undefined = [at for at, role in enumerate(roles) if role in UNDEFINED]
    if runner is None:
        for_gpu = any(op.name.startswith("gpu.") for op in module.walk())
        runner = memory_runners()["simt" if for_gpu else "numpy"]
    runner(module, function.sym_name.data, buffers, undefined)
    outputs = [buffer for buffer, role in zip(buffers, roles, strict=True) if role in ("output", "")]
    return Results(tuple(outputs), inputs.variables)


def _parts(value: Any) -> Sequence[Array]:
    return [value.values, value.indices] if isinstance(value, SlicesValue) else [value]


def _buffer(type_: Attribute, role: str, rest: Any, variables: Mapping[str, Array]) -> Array:
    """The memory of one argument; in memory truth values are bytes, and integers have no sign."""
    if not isinstance(type_, MemRefType):
        raise GraphError(f"an argument of a function on memory is {type_}, which no array is a value of")
    dtype = dtype_of(type_)
    if role in UNDEFINED and DYNAMIC_INDEX in type_.get_shape():
        raise UnsupportedError(f"an argument of a function on memory is {type_}, whose extents are not known")
    if role in UNDEFINED:
        return np.empty(tuple(type_.get_shape()), dtype)
    array = variables[role.removeprefix(VARIABLE)] if role.startswith(VARIABLE) else next(rest)
    same_bytes = array.dtype.itemsize == dtype.itemsize and array.dtype.kind in "biu" and dtype.kind in "iu"
    return array.view(dtype) if same_bytes else array
