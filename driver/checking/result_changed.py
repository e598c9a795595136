"""`ResultChangedError`: a pass, or a target, changed what a program computes; it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation

from pullback.dialects.graph.kernel.argument_roles import VARIABLE, argument_roles
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.ir.diagnostics import DiagnosticError

if TYPE_CHECKING:
    from pullback.driver.checking.drawn_inputs import Inputs
    from pullback.driver.checking.results import Change
    from pullback.driver.reproducer import Reproducer


class ResultChangedError(DiagnosticError, ArithmeticError):
    """A pass, or the code of a target, changed what a program computes.

    Attributes:
        pass_name: the pass, with its options; empty where none is to blame.
        target: the target whose code is to blame, if one is.
        function: the function whose numbers changed.
        change: the first value and element; `None` where the program does not run any more.
        inputs: what the function was run on.
        before: the program before, as text.
    """

    def __init__(
        self,
        message: str,
        op: Operation | None = None,
        *,
        pass_name: str,
        target: str,
        function: str,
        change: Change | None,
        inputs: Inputs,
        before: str,
    ) -> None:
        super().__init__(message, op)
        self.pass_name, self.target, self.function, self.change = pass_name, target, function, change
        self.inputs, self.before = inputs, before

    @property
    def reproducer(self) -> Reproducer:
        """The program before the pass, the pass alone, and what the function was run on; its string is a text to keep.

        `pullback-run --run-reproducer` repeats it.
        """
        from pullback.dialects.context import context
        from pullback.dialects.ir.source import parse
        from pullback.driver.module_functions import functions_of
        from pullback.driver.reproducer import Reproducer

        functions = functions_of(parse(context(), self.before).module)
        name = self.function if self.function in functions else "main"
        inputs, variables = _named(functions[name], self.inputs)
        return Reproducer.of_run(
            self.before,
            self.pass_name,
            target=self.target or "numpy",
            function=name,
            inputs={key: value for key, value in inputs.items() if isinstance(value, np.ndarray)},
            variables=variables,
            arguments=("--verify-each=run",),
            error=str(self),
        )


def _named(function: func.FuncOp, inputs: Inputs) -> tuple[dict[str, Any], Mapping[str, Array]]:
    """The inputs by the names of arguments, and the variables; on memory these are arguments, too."""
    names = [name_of_value(argument) for argument in function.body.block.args]
    roles = argument_roles(function)
    if not roles:
        return dict(zip(names, inputs.arguments, strict=False)), inputs.variables
    rest = iter(inputs.arguments)
    named: dict[str, Any] = {}
    for name, role in zip(names, roles, strict=False):
        if role == "input":
            named[name] = next(rest)
        elif role.startswith(VARIABLE):
            named[name] = inputs.variables[role.removeprefix(VARIABLE)]
    return named, {}
