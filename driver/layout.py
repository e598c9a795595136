"""What each argument of a lowered `@main` is for, and the arrays that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from xdsl.dialects.builtin import ArrayAttr, MemRefType, ModuleOp, StringAttr

from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.tensor.types import element_type_of, numpy_dtype
from pullback.driver.buffers import OutputPool, aligned_empty
from pullback.driver.pipelines import main_function

Array = npt.NDArray[Any]
ARGUMENTS = "graph.arguments"
"""The attribute of `@main` that gives the role of each argument: input, variable:NAME, output, arena."""
VARIABLE = "variable:"


@dataclass(frozen=True)
class Layout:
    """The arguments of a function of level 4, by position: inputs, variables, outputs, the arena."""

    inputs: tuple[int, ...]
    variables: Mapping[int, str]
    outputs: Mapping[int, OutputPool]
    arena: Mapping[int, Array]

    @staticmethod
    def of(module: ModuleOp, finished: ModuleOp) -> Layout:
        """The layout of a module of level 4.

        Args:
            module: its `@main` says what its arguments are for.
            finished: the same program at level `graph` with static shapes: it tells the dtypes of results.

        Raises:
            ValueError: `@main` does not say what its arguments are for.
        """
        types = main_function(module).function_type.inputs.data
        roles = _roles(module)
        results = iter(main_function(finished).function_type.outputs.data)
        outputs: dict[int, OutputPool] = {}
        arena: dict[int, Array] = {}
        for at, (role, type_) in enumerate(zip(roles, types, strict=True)):
            assert isinstance(type_, MemRefType)
            shape = tuple(type_.get_shape())
            if role == "output":
                outputs[at] = OutputPool(shape, numpy_dtype(element_type_of(next(results))))
            elif role == "arena":
                arena[at] = aligned_empty(shape, dtype_of(type_))
        return Layout(
            tuple(at for at, role in enumerate(roles) if role == "input"),
            {at: role.removeprefix(VARIABLE) for at, role in enumerate(roles) if role.startswith(VARIABLE)},
            outputs,
            arena,
        )


def _roles(module: ModuleOp) -> Sequence[str]:
    roles = main_function(module).attributes.get(ARGUMENTS)
    if not isinstance(roles, ArrayAttr):
        raise ValueError(f"@main says nothing about its arguments: expected the attribute {ARGUMENTS}")
    return [role.data for role in roles.data if isinstance(role, StringAttr)]  # pyright: ignore[reportUnknownVariableType]
