"""The calling convention of a lowered `@main`: the role of each argument, and the arrays for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import MemRefType, ModuleOp

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.kernel.argument_roles import (
    ARENAS,
    ARGUMENTS,
    CONSTANT,
    VARIABLE,
    argument_roles,
)
from pullback.dialects.graph.tensor.types import element_type_of, numpy_dtype
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.driver.buffers import OutputPool, aligned_copy, aligned_empty
from pullback.driver.run_pipeline import main_function

Array = npt.NDArray[Any]


class Buffers(NamedTuple):
    """The arrays of one call of a lowered `@main`."""

    arrays: list[Array]
    """One for each argument."""
    undefined: list[int]
    """The positions of those whose contents mean nothing yet: outputs and arenas."""
    outputs: list[Array]
    """Those that hold the results after the call."""


class Argument(NamedTuple):
    """An argument of a function on memory."""

    role: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """That of the array for it, which for an output may be another than the memory's."""


@dataclass(frozen=True)
class Layout:
    """The arguments of a function on memory, by position: inputs, variables, outputs, arenas, constants."""

    inputs: tuple[int, ...]
    variables: Mapping[int, str]
    outputs: Mapping[int, OutputPool]
    arenas: Mapping[int, Array]
    constants: Mapping[int, Array]

    @staticmethod
    def of(module: ModuleOp, finished: ModuleOp, *, has_arenas: bool = True) -> Layout:
        """The layout of a module on memory, such as one of level `loops`.

        Args:
            module: its `@main` says what its arguments are for.
            finished: the same program at level `graph` with static shapes: it tells the dtypes of results. Without it
                (`module` itself in its place) they are those of the memory.
            has_arenas: whether the layout has the memory of arenas, or somebody else does.

        Raises:
            ValueError: `@main` does not say what its arguments are for.
        """
        arguments = arguments_of_main(module, finished)
        constants = {
            at: constant_array(module, argument.role)
            for at, argument in enumerate(arguments)
            if argument.role.startswith(CONSTANT)
        }
        return Layout.of_arguments(arguments, constants, has_arenas=has_arenas)

    @staticmethod
    def of_arguments(
        arguments: Sequence[Argument],
        constants: Mapping[int, Array] | None = None,
        *,
        has_arenas: bool = True,
    ) -> Layout:
        """The layout of arguments, of which those that are constants have these contents."""
        outputs: dict[int, OutputPool] = {}
        arenas: dict[int, Array] = {}
        for at, (role, shape, dtype) in enumerate(arguments):
            if role == "output":
                outputs[at] = OutputPool(shape, dtype)
            elif role in ARENAS and has_arenas:
                arenas[at] = aligned_empty(shape, dtype)
        roles = [argument.role for argument in arguments]
        return Layout(
            tuple(at for at, role in enumerate(roles) if role == "input"),
            {at: role.removeprefix(VARIABLE) for at, role in enumerate(roles) if role.startswith(VARIABLE)},
            outputs,
            arenas,
            constants or {},
        )

    def buffers(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> Buffers:
        """The arrays of a call: the given ones, fresh ones for outputs, and those of the layout."""
        outputs = {at: pool.take() for at, pool in self.outputs.items()}
        undefined = {**outputs, **self.arenas}
        given = dict(zip(self.inputs, inputs, strict=True))
        bound = {at: variables[name] for at, name in self.variables.items()}
        by_position = {**given, **bound, **undefined, **self.constants}
        return Buffers(
            [by_position[at] for at in sorted(by_position)], list(undefined), list(outputs.values())
        )


def arguments_of_main(module: ModuleOp, finished: ModuleOp) -> tuple[Argument, ...]:
    """The arguments of the `@main` of a module on memory; see `Layout.of`."""
    results = None if finished is module else iter(main_function(finished).function_type.outputs.data)
    arguments: list[Argument] = []
    for role, type_ in zip(_roles(module), main_function(module).function_type.inputs.data, strict=True):
        assert isinstance(type_, MemRefType)
        if role == "output" and results is not None:
            dtype = numpy_dtype(element_type_of(next(results)))
        else:
            dtype = dtype_of(type_)
        arguments.append(Argument(role, tuple(type_.get_shape()), dtype))
    return tuple(arguments)


def constant_array(module: ModuleOp, role: str) -> Array:
    """The contents of an argument whose role is that of a constant, which nothing may write to.

    Raises:
        DiagnosticError: the module has no such constant.
    """
    from pullback.backends.interpreter.interpreter import global_memory
    from pullback.dialects.upstream.memref import GlobalOp

    symbol = role.removeprefix(CONSTANT)
    for op in module.ops:
        if isinstance(op, GlobalOp) and op.sym_name.data == symbol:
            array = aligned_copy(global_memory(op).data)
            array.flags.writeable = False
            return array
    raise DiagnosticError(f"an argument is '{role}': the module has no memref.global @{symbol}")


def _roles(module: ModuleOp) -> Sequence[str]:
    main = main_function(module)
    if ARGUMENTS not in main.attributes:
        raise ValueError(f"@main says nothing about its arguments: expected the attribute {ARGUMENTS}")
    return argument_roles(main)
