"""The pass `check-gradients`. It runs programs, so it belongs to the driver: passes know no backend."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.location import name_of_value
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import note_copies
from pullback.driver.checking.check import has_gradient
from pullback.driver.checking.check_function import (
    Ask,
    CheckOptions,
    EvaluationPoint,
    about_requests,
    about_values,
    check_function,
)
from pullback.passes.calls.call_order import is_of_graph
from pullback.passes.calls.inline_calls import inline_calls
from pullback.passes.rewriting.limits import MAX_OPERATIONS
from pullback.passes.rewriting.statistic import Statistic
from pullback.process.close_matches import get_close_matches


@dataclass(frozen=True)
class CheckGradients(ModulePass):
    """Compares gradients with finite differences at random inputs; the module stays as it is.

    Where a function has requests these are checked, elsewhere the gradients of what it returns with respect to its
    arguments and variables, through whatever it calls. The program is run in f64, whatever real dtypes it has. At kinks
    differences mean nothing: random inputs are apart from each other, but no point is away from every kink.
    """

    name = "check-gradients"
    comparisons = Statistic("derivatives that were compared with differences")

    order: Literal[1, 2, "both"] = "both"
    """1 for gradients, 2 for gradients of gradients."""
    function: str | None = None
    """The only function to check; each one unless given."""
    wrt: tuple[str, ...] | None = None
    """The values with respect to which gradients are checked, in place of requests."""
    seed: int = 0
    """Of inputs, weights and directions."""
    step: float | None = None
    """How far values are moved, relative to their size, such as 1.0e-4; 1.0e-5 unless given."""
    tolerance: float | None = None
    """The relative error allowed; 1.0e-6 unless given."""
    directions: int = 1
    """How many random directions are tried for each value."""
    low: float | None = None
    """The least random input; -2 unless given, and 0.5 where the function is not finite there."""
    high: float | None = None
    """The largest random input; 2 unless given."""
    report: bool = False
    """Prints every comparison on standard error."""
    max_operations: int = MAX_OPERATIONS
    """How many operations the program may become without calls and requests."""

    @property
    def only_rewrites(self) -> bool:
        """Whether running it leaves nothing but the program."""
        return not self.report

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        program = without_calls(op, self.max_operations)
        functions = [f for f in program.ops if isinstance(f, func.FuncOp) and f.body.blocks]
        if self.function is not None:
            functions = [self._named(functions, op)]
            if not is_of_graph(functions[0]):
                raise DiagnosticError(
                    f"{self.name}: @{self.function} is no function on tensors", functions[0]
                )
        for function in filter(is_of_graph, functions):
            self._check(function)

    def _check(self, function: func.FuncOp) -> None:
        between = None
        if self.low is not None or self.high is not None:
            between = (-2.0 if self.low is None else self.low, 2.0 if self.high is None else self.high)
        orders = (1, 2) if self.order == "both" else (self.order,)
        options = CheckOptions(orders, self.directions, self.seed, self.step, self.tolerance)
        point = EvaluationPoint([None] * len(function.body.block.args), {}, between)
        report = check_function(function, asked_of(function, self.wrt, self.max_operations), point, options)
        if self.report:
            sys.stderr.write(f"gradients of @{function.sym_name.data}: {report}\n")

    def _named(self, functions: Sequence[func.FuncOp], module: ModuleOp) -> func.FuncOp:
        names = {f.sym_name.data: f for f in functions}
        if self.function in names:
            return names[self.function]
        raise DiagnosticError(
            f"{self.name}: no function @{self.function}{_near(f'@{self.function}', [f'@{n}' for n in names])}",
            module,
        )


def asked_of(
    function: func.FuncOp, wrt: Sequence[str] | None = None, max_operations: int = MAX_OPERATIONS
) -> Ask:
    """What is checked of a function: its requests; without any, the gradients of what it returns.

    Args:
        function: on tensors, without calls.
        wrt: the values with respect to which gradients of the results are checked, in place of requests.
        max_operations: how many operations the function may become without requests.
    """
    if wrt is None and any(isinstance(op, Gradients) for op in function.walk()):
        return about_requests(max_operations)
    last = function.body.block.last_op
    ys = [y for y in (last.operands if last is not None else ()) if has_gradient(y)]
    return about_values(ys, _differentiable(function) if wrt is None else [_value(function, n) for n in wrt])


def without_calls(module: ModuleOp, max_operations: int = MAX_OPERATIONS) -> ModuleOp:
    """The module; where a function calls others, a copy in which the calls are inlined."""
    if not any(isinstance(op, func.CallOp) for op in module.walk()):
        return module
    copy = module.clone()
    note_copies(module, copy)
    inline_calls(copy, max_operations)
    return copy


def _differentiable(function: func.FuncOp) -> list[SSAValue]:
    """The arguments and variables of a function that hold real or complex data."""
    block = function.body.block
    variables = [op.results[0] for op in block.ops if isinstance(op, VariableOp)]
    return [v for v in (*block.args, *variables) if has_gradient(v)]


def _value(function: func.FuncOp, name: str) -> SSAValue:
    """The value of a name, as in the text or else as in its location."""
    block = function.body.block
    values = [*block.args, *(r for op in block.ops for r in op.results)]
    found = [v for v in values if v.name_hint == name] or [v for v in values if name_of_value(v) == name]
    where = f"in @{function.sym_name.data}"
    if len(found) != 1:
        what = f"no value {name} {where}{_near(name, [name_of_value(v) for v in values])}"
        raise DiagnosticError(
            f"check-gradients: {f'several values {name} {where}' if found else what}", function
        )
    if not has_gradient(found[0]):
        raise DiagnosticError(
            f"check-gradients: {name} {where} is {found[0].type}: expected floating-point data", function
        )
    return found[0]


def _near(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}" if known else ""
