"""Draws what a function of a program is run on: its arguments, and the contents of variables.

Each argument and each variable has a generator of its own, seeded by its position or its name. So what is drawn for
one depends on its type alone: the program may be rewritten or lowered meanwhile, and gets the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from pullback.dialects.graph.kernel.argument_roles import VARIABLE, argument_roles
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.dialects.graph.tensor.types import data_type_of
from pullback.driver.checking.points import BOTH_SIGNS, EXTENT, random_argument, random_value


@dataclass(frozen=True)
class Inputs:
    """What a function is run on.

    Attributes:
        arguments: a value for each input, in order: an array, or a `SlicesValue`. For a function on memory that a
            lowering made, outputs and the arena are not among them.
        variables: the contents of each variable by its name.
    """

    arguments: tuple[Any, ...]
    variables: Mapping[str, Array]

    def copies(self) -> Inputs:
        """The same values in arrays of their own, which a run may change."""
        return Inputs(
            tuple(_copy(value) for value in self.arguments),
            {name: np.array(array) for name, array in self.variables.items()},
        )


def draw_inputs(
    function: func.FuncOp,
    *,
    arguments: Mapping[str | int, Any] | None = None,
    variables: Mapping[str, Array] | None = None,
    between: tuple[float, float] = BOTH_SIGNS,
    extent: int = EXTENT,
    seed: int = 0,
) -> Inputs:
    """Draws the inputs of a function at any level, always the same for the same types, names and seed.

    Args:
        function: on tensors, or on memory.
        arguments: values that are given, by the names of arguments or by their positions among the inputs.
        variables: contents that are given, by the names of variables. Others have those of the function's module, so
            that functions that it calls have theirs, too.
        between: the range of real numbers.
        extent: what each `?` becomes.
        seed: other numbers for another seed.

    Raises:
        TypeError: an argument is of a type that no array is a value of.
    """
    given = arguments or {}
    drawn: list[Any] = []
    roles = argument_roles(function)
    contents: dict[str, Array] = dict(variables or {})
    for position, argument in enumerate(function.body.block.args):
        role = roles[position] if position < len(roles) else "input"
        if role.startswith(VARIABLE):
            name = role.removeprefix(VARIABLE)
            if name not in contents:
                contents[name] = random_value(argument.type, between, _named(seed, name), extent)
        elif role == "input":
            key = next((k for k in (name_of_value(argument), len(drawn)) if k in given), None)
            if key is not None:
                drawn.append(given[key])
            else:
                rng = np.random.default_rng([seed, 0, len(drawn)])
                drawn.append(random_argument(argument.type, between, rng, extent))
    scope = function.parent_op()
    around = scope.walk() if isinstance(scope, ModuleOp) else ()
    for op in (*function.walk(), *around):  # its own first: other functions may have others of the same names
        if isinstance(op, VariableOp) and op.label not in contents:
            type_ = data_type_of(op.results[0].type)
            contents[op.label] = random_value(type_, between, _named(seed, op.label), extent)
    return Inputs(tuple(drawn), contents)


def _named(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, 1, *name.encode()])


def _copy(value: Any) -> Any:
    if isinstance(value, SlicesValue):
        return SlicesValue(np.array(value.values), np.array(value.indices), value.dense_shape)
    return np.array(value)
