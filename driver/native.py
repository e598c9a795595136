"""Target `cpu`: level 4c as native code, with an arena of its own and outputs from a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, i1

from pullback.backends.cpu.runtime import Call, compile_module
from pullback.dialects.graph.types import element_type_of
from pullback.driver.buffers import OutputPool, aligned_empty
from pullback.driver.levels import main_function

Array = npt.NDArray[Any]
ARGUMENTS = "graph.arguments"
"""The attribute of `@main` that gives the role of each argument: input, variable:NAME, output, arena."""


class NativeFunction:
    """Runs `@main` of a module of level 4c.

    Args:
        loops: the module of level 4c.
        finished: the same program at level 2 with static shapes: it tells which results are i1.
    """

    def __init__(self, loops: ModuleOp, finished: ModuleOp) -> None:
        self._compiled = compile_module(loops)
        roles = argument_roles(loops)
        parameters = self._compiled.parameters
        results = main_function(finished).function_type.outputs.data
        outputs = [p for p, role in zip(parameters, roles, strict=True) if role == "output"]
        self._pools = [
            OutputPool(p.shape, np.dtype(np.bool_) if element_type_of(r) == i1 else p.dtypes[0])
            for p, r in zip(outputs, results, strict=True)
        ]
        self._variables = {
            at: role.removeprefix("variable:")
            for at, role in enumerate(roles)
            if role.startswith("variable:")
        }
        self._arena = {
            at: aligned_empty(parameters[at].shape, parameters[at].dtypes[0])
            for at, role in enumerate(roles)
            if role == "arena"
        }
        self._bound: list[Array] | None = None
        self._call: Call = self._compiled
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        outputs = [pool.take() for pool in self._pools]
        with self._lock:  # two calls at once would share the arena
            self._bind(variables)
            self._call(*inputs, *outputs)
        return outputs

    def _bind(self, variables: Mapping[str, Array]) -> None:
        """Fixes the arrays of variables and the arena; they are the same in almost every call."""
        arrays = [variables[name] for name in self._variables.values()]
        bound = self._bound
        if bound is not None and all(a is b for a, b in zip(arrays, bound, strict=True)):
            return
        self._call = self._compiled.bind({**dict(zip(self._variables, arrays, strict=True)), **self._arena})
        self._bound = arrays


def argument_roles(loops: ModuleOp) -> list[str]:
    """What each argument of `@main` is for."""
    roles = main_function(loops).attributes.get(ARGUMENTS)
    if not isinstance(roles, ArrayAttr):
        raise ValueError(f"@main says nothing about its arguments: expected the attribute {ARGUMENTS}")
    return [role.data for role in roles.data if isinstance(role, StringAttr)]  # pyright: ignore[reportUnknownVariableType]
