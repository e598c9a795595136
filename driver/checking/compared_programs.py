"""Compares two versions of a program by running both: before a pass, and after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.dialects.graph.kernel.argument_roles import argument_roles
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.types import GraphError
from pullback.dialects.ir.diagnostics import DiagnosticError, UnsupportedError
from pullback.dialects.ir.text import print_module
from pullback.driver.checking.drawn_inputs import Inputs
from pullback.driver.checking.first_difference import first_different_value
from pullback.driver.checking.first_run import (
    ERRORS,
    NoInputsError,
    Run,
    check_declared,
    first_run,
    has_unknown,
    one_line,
    run_as_declared,
)
from pullback.driver.checking.function_runs import Results, on_memory, run_function
from pullback.driver.checking.measured_rounding import RoundingEvaluator, Spread
from pullback.driver.checking.partial_evaluation import EndlessError
from pullback.driver.checking.result_changed import ResultChangedError
from pullback.driver.checking.results import Allowed, Change, first_change, values_of
from pullback.driver.checking.run_limits import LARGEST
from pullback.driver.module_functions import functions_of


@dataclass(frozen=True)
class Blame:
    """What made a program another: in words, as a pipeline's text if it is a pass, by its name if it is a target."""

    what: str
    pass_text: str = ""
    target: str = ""


@dataclass
class ComparedPrograms:
    """Runs functions of versions of a program on the same inputs.

    Attributes:
        arguments: values by the names of arguments, or by their positions; others are drawn.
        variables: the contents of variables by name; others are drawn.
        seed: of what is drawn.
        largest: functions with a value of more elements are not run; `None` for no limit.
        most_operations: that the first run of a function may take; `None` for any number.
        skipped: told, in one line, of what cannot be compared.
        on_tensors: the last version on tensors of each function: it tells what rounding does to the numbers of those on
            memory, too.
        endless: the functions that are left out, because a loop does not end.
    """

    arguments: Mapping[str | int, Any]
    variables: Mapping[str, Array]
    seed: int = 0
    largest: int | None = LARGEST
    most_operations: int | None = None
    skipped: Callable[[str], None] = field(default=lambda line: None)
    on_tensors: dict[str, ModuleOp] = field(default_factory=dict[str, ModuleOp])
    endless: set[str] = field(default_factory=set[str])

    def first_run(self, module: ModuleOp, name: str) -> Run | None:
        """Runs a function on given or drawn inputs; `None` where it cannot be run, which is told."""
        if name in self.endless:
            return None
        entry = entry_of(module, name)
        try:
            run = first_run(
                module,
                entry,
                arguments=self.arguments,
                variables=self.variables,
                seed=self.seed,
                largest=self.largest,
                most_operations=self.most_operations,
            )
        except (NoInputsError, EndlessError) as error:
            self.skipped(f"@{name} is not run: {error}")
            if isinstance(error, EndlessError):  # the interpreter of loops would not end either
                self.endless.add(name)
            return None
        self._note(module, name)
        return run

    def compared(self, blame: Blame, name: str, before: ModuleOp, run: Run, after: ModuleOp) -> Run | None:
        """Runs a function after a change on what it ran on before; `None` where it cannot be run any more.

        Raises:
            ResultChangedError: a number changed by more than rounding, or the function fails where it ran before.
        """
        entry, old_entry = entry_of(after, name), entry_of(before, name)
        function, old_function = functions_of(after)[entry], functions_of(before)[old_entry]
        try:
            results = run_function(after, entry, run.inputs)
        except ERRORS as error:
            if not _must_run(error, old_function, function):
                return self._run_again(blame, name, before, after, error)
            op = error.op if isinstance(error, DiagnosticError) else None
            message = f"after {blame.what}, @{name} does not run any more on what it ran on before: {one_line(error)}"
            raise changed(message, blame, name, run, before, op=op or function) from error
        if change := self._change(name, before, run, results):
            found = first_different_value((before, old_entry), (after, entry), run.inputs)
            where = "" if found is None else f"; the first value that differs is {found}"
            message = f"{blame.what} changed a number of @{name}: {change}{where}"
            op = old_function if found is None else found.op
            raise changed(message, blame, name, run, before, change, op)
        try:
            check_declared(function, results)  # gradients that were just generated may tell that they are not
        except GraphError as error:
            return self._run_again(blame, name, before, after, error)
        self._note(after, name)
        # A kernel names its results by their places: the first names are those that a user gave.
        return Run(run.inputs, results, run.names)

    def compare_results(self, blame: Blame, name: str, program: ModuleOp, run: Run, found: Results) -> None:
        """Compares what something else computed with what a program computes.

        Raises:
            ResultChangedError: a number is another by more than rounding.
        """
        if change := self._change(name, program, run, found):
            message = f"{blame.what} changed a number of @{name}: {change}"
            raise changed(message, blame, name, run, program, change)

    def _change(self, name: str, before: ModuleOp, run: Run, found: Results) -> Change | None:
        return first_change(
            run.names, run.results, found, lambda runs: self._allowed(name, before, run, runs)
        )

    def _run_again(
        self, blame: Blame, name: str, before: ModuleOp, after: ModuleOp, error: Exception
    ) -> Run | None:
        """A run of a program that takes other inputs than before (its shapes are known now), compared on those."""
        again = self.first_run(after, name)
        if again is None:
            return None
        try:
            run = run_as_declared(before, entry_of(before, name), again.inputs)
        except ERRORS:
            reason = f"after {blame.what} it takes other inputs ({one_line(error)})"
            self.skipped(f"@{name} is not compared: {reason}")
            return again
        return self.compared(blame, name, before, run, after)

    def _note(self, module: ModuleOp, name: str) -> None:
        if not on_memory(functions_of(module)[entry_of(module, name)]):
            self.on_tensors[name] = module

    def _allowed(self, name: str, before: ModuleOp, run: Run, runs: int) -> Allowed | None:
        """What rounding does to the numbers of the program before: measured on the last one on tensors, if any."""
        if on_memory(functions_of(before)[entry_of(before, name)]):
            if name not in self.on_tensors:
                return None
            before = self.on_tensors[name]
        graph, entry, inputs = before, entry_of(before, name), run.inputs
        values = values_of(run_function(graph, entry, inputs))
        return Spread(values, lambda rng: _rounded(graph, entry, inputs, rng), runs).allowed


def entry_of(module: ModuleOp, name: str) -> str:
    """What a function is called in a module: what is compiled for a target is called `main`."""
    return name if name in functions_of(module) else "main"


def changed(
    message: str,
    blame: Blame,
    name: str,
    run: Run,
    before: ModuleOp,
    change: Change | None = None,
    op: Operation | None = None,
) -> ResultChangedError:
    """The error that a function of a program computes something else, or does not run."""
    return ResultChangedError(
        message,
        op,
        pass_name=blame.pass_text,
        target=blame.target,
        function=name,
        change=change,
        inputs=run.inputs,
        before=print_module(before),
    )


def _must_run(error: Exception, before: func.FuncOp, after: func.FuncOp) -> bool:
    """Whether a program that ran before, and does not now, is a fault of the pass: else it takes other inputs now."""
    if isinstance(error, UnsupportedError):
        return False
    if isinstance(error, ExecutionError) or argument_roles(after):
        return True
    types = [[argument.type for argument in f.body.block.args] for f in (before, after)]
    return types[0] == types[1] and not any(map(has_unknown, types[1]))


def _rounded(module: ModuleOp, name: str, inputs: Inputs, rng: np.random.Generator) -> Sequence[Any]:
    return values_of(run_function(module, name, inputs, lambda variables: RoundingEvaluator(variables, rng)))
