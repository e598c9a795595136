"""The programs under `tests/filecheck`, and the result of each for a pipeline and a target."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp, TensorType
from xdsl.ir import Attribute
from xdsl.utils.lexer import Input, Span

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.context import context
from pullback.dialects.graph.kernel.argument_roles import CONSTANT, UNDEFINED, VARIABLE, argument_roles
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import (
    SlicesType,
    data_type_of,
    element_type_of,
    numpy_dtype,
    shape_of_type,
)
from pullback.dialects.ir.source import Source, parse
from pullback.dialects.ir.text import print_module
from pullback.dialects.verification import verify
from pullback.driver.failure import explain
from pullback.driver.layout import constant_array
from pullback.driver.module_functions import functions_of
from pullback.driver.run_function import memory_runners, run_on_tensors
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.tools.array_arguments import ArrayError
from pullback.tools.passes import available_passes

Array = npt.NDArray[Any]
FOLDER = Path(__file__).parents[1] / "filecheck"
SEPARATOR = re.compile(r"^// -----[ \t]*$", re.MULTILINE)
UNKNOWN = 3
"""What an extent of `?` is at run time."""
ARRAYS = (TensorType, SlicesType, MemRefType)
LARGEST = 1 << 15
"""Elements of a value; programs with larger ones go through the pipelines alone."""
SHAPES: Mapping[tuple[str, str, int], Sequence[int]] = {
    ("simplify/reductions", "known_dense_shape", 2): (9, 4),
}
"""Arguments that are shapes, by program, function and position: others would contradict a type."""


@dataclass(frozen=True)
class Section:
    """A program of its own: a file, or a part of one between separators."""

    name: str
    text: str


def sections() -> list[Section]:
    """Every program of every file."""
    found: list[Section] = []
    for path in sorted(FOLDER.rglob("*.mlir")):
        name = str(path.relative_to(FOLDER).with_suffix(""))
        texts = SEPARATOR.split(path.read_text())
        found += [Section(f"{name}:{i}" if i else name, text) for i, text in enumerate(texts)]
    return found


Values = Mapping[str, Array]
"""Results by number, and contents of variables by name; of functions on memory the arguments."""


class RefusedError(Exception):
    """A diagnostic that a tool would print."""


class Program:
    """A section after the passes of a pipeline.

    Raises RefusedError for what a tool would print a diagnostic for, and whatever else comes up.
    """

    def __init__(self, section: Section, pipeline: str) -> None:
        self.section, self.pipeline = section, pipeline
        self.module = self._module()

    def _module(self) -> ModuleOp:
        source: Source | None = None
        try:
            source = parse(context(), self.section.text)
            verify(source.module)
            run_passes(context(), source.module, parse_passes(self.pipeline, available_passes()))
        except Exception as error:
            raise refusal(error, source, self.section.text) from error
        return source.module

    @cached_property
    def printed(self) -> str:
        """The text of the module."""
        return print_module(self.module)

    @property
    def functions(self) -> list[str]:
        """The names of the public functions that take arrays, and are meant to be run on machines like this."""
        public = {n: f for n, f in functions_of(self.module).items() if f.sym_visibility is None}
        return [name for name, function in public.items() if _can_run(function)]

    def is_on_memory(self, name: str) -> bool:
        """Whether a function takes memrefs."""
        types = [argument.type for argument in functions_of(self.module)[name].body.block.args]
        return any(isinstance(type_, MemRefType) for type_ in types)

    def run(self, name: str, target: str) -> Values:
        """What a function leaves, on inputs drawn by type: always the same for one type."""
        module = self.module.clone()  # a run may change it
        function = functions_of(module)[name]
        rng = np.random.default_rng(0)
        inputs = [draw(argument.type, rng) for argument in function.body.block.args]
        for (program, entry, position), shape in SHAPES.items():
            if (program, entry) == (self.section.name, name):
                inputs[position] = np.array(shape)
        try:
            if self.is_on_memory(name):
                return _run_on_memory(module, function, inputs, target)
            return _run_on_tensors(module, name, inputs, target)
        except Exception as error:
            raise refusal(error, None, self.section.text) from error


def _can_run(function: func.FuncOp) -> bool:
    values = [*function.body.block.args, *(r for op in function.walk() for r in op.results)]
    shapes = [v.type.get_shape() for v in values if isinstance(v.type, TensorType | MemRefType)]
    takes_arrays = all(isinstance(a.type, ARRAYS) for a in function.body.block.args)
    return takes_arrays and all(prod(map(abs, shape)) <= LARGEST for shape in shapes)


def refusal(error: Exception, source: Source | None, text: str) -> Exception:
    """A diagnostic as such, anything else as it is."""
    if isinstance(error, ArrayError):
        return RefusedError(str(error))
    said = str(explain(error, source, Span(0, 0, Input(text, "program"))))
    return error if "internal error" in said else RefusedError(said)


def _run_on_tensors(module: ModuleOp, name: str, inputs: Sequence[Any], target: str) -> Values:
    # Functions that it calls may have variables, too; functions beside it, others of the same names.
    function = functions_of(module)[name]
    calls = any(isinstance(op, func.CallOp) for op in function.walk())
    references = [op for op in (module if calls else function).walk() if isinstance(op, VariableOp)]
    contents = {op.label: variable(op.label, data_type_of(op.results[0].type)) for op in references}
    results = run_on_tensors(module, name, inputs, contents, target)
    return {**{str(number): _dense(result) for number, result in enumerate(results)}, **contents}


def _run_on_memory(module: ModuleOp, function: func.FuncOp, buffers: Sequence[Array], target: str) -> Values:
    """By role where a lowering made the function; as hand-written text has it, all arguments are given."""
    roles = argument_roles(function) or [""] * len(buffers)
    named = {at: role.removeprefix(VARIABLE) for at, role in enumerate(roles) if role.startswith(VARIABLE)}
    results = [at for at, role in enumerate(roles) if role in ("", "output")]
    undefined = [at for at, role in enumerate(roles) if role in UNDEFINED]
    fixed = {at: constant_array(module, r) for at, r in enumerate(roles) if r.startswith(CONSTANT)}
    arguments = function.body.block.args
    given = [
        variable(named[at], arguments[at].type)
        if at in named
        else np.zeros_like(b)
        if at in undefined
        else fixed.get(at, b)
        for at, b in enumerate(buffers)
    ]
    memory_runners()[target](module, function.sym_name.data, given, undefined)
    names = {**{at: str(number) for number, at in enumerate(results)}, **named}
    return {name: given[at] for at, name in names.items()}


def variable(name: str, type_: Attribute) -> Array:
    """What is in a variable at first: drawn by name, which the level of a program does not change."""
    return draw(type_, np.random.default_rng(list(name.encode())))


def draw(type_: Attribute, rng: np.random.Generator) -> Any:
    """A value of a type: floats around 1, small integers that name rows, truth values."""
    if isinstance(type_, SlicesType):
        shape = tuple(max(n, 0) or UNKNOWN for n in shape_of_type(type_.data_type))
        return SlicesValue(draw(type_.values_type, rng), draw(type_.indices_type, rng), shape)
    if isinstance(type_, MemRefType):
        shape, dtype = tuple(type_.get_shape()), dtype_of(type_)
    else:
        shape, dtype = shape_of_type(type_), numpy_dtype(element_type_of(type_))
    shape = tuple(UNKNOWN if n < 0 else n for n in shape)
    values = np.asarray(rng.uniform(0.25, 1.75, shape))
    if dtype.itemsize == 1:  # truth values, which are bytes in memory
        return np.asarray(values > 1).astype(dtype)
    return np.asarray(values * 2 if np.issubdtype(dtype, np.integer) else values).astype(dtype)


def _dense(result: Any) -> Array:
    return result.dense() if isinstance(result, SlicesValue) else np.asarray(result)
