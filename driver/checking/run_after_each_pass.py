"""Runs a program after every pass, and stops at the first that changes a number by more than rounding.

What a pass may do is rewrite a program so that it means the same: on the same inputs, results and the contents of
variables are the same numbers, up to rounding. `Results` of before and after each pass are compared; `rounding.py` says
how far rounding goes. That gradients are right is another question, which `check-gradients` answers: before they are
generated there are no numbers to compare them with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from pullback.backends.interpreter.execution_error import ExecutionError
from pullback.dialects.context import context
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.tensor.types import (
    GraphError,
)
from pullback.dialects.ir.diagnostics import DiagnosticError, UnsupportedError
from pullback.dialects.ir.source import note_copies, parse
from pullback.dialects.ir.text import print_module
from pullback.driver.checking.drawn_inputs import Inputs
from pullback.driver.checking.first_difference import first_different_value
from pullback.driver.checking.first_run import (
    ERRORS,
    LARGEST,
    NoInputsError,
    Run,
    check_declared,
    first_run,
    has_unknown,
    one_line,
    run_as_declared,
)
from pullback.driver.checking.function_runs import (
    Results,
    functions_to_run,
    on_memory,
    run_function,
)
from pullback.driver.checking.measured_rounding import RoundingEvaluator, Spread
from pullback.driver.checking.results import Allowed, Change, first_change, values_of
from pullback.driver.layout import argument_roles
from pullback.driver.reproducer import Reproducer
from pullback.driver.run_function import arguments_of, functions_of
from pullback.passes.pipeline.instrumentation import PassInstrumentation


class ResultChangedError(DiagnosticError, ArithmeticError):
    """A pass changed what a program computes.

    Attributes:
        pass_name: the pass, with its options.
        function: the function whose numbers changed.
        change: the first value and element; `None` where the program does not run any more.
        inputs: what the function was run on.
        before: the program before the pass, as text.
    """

    def __init__(
        self,
        message: str,
        op: Operation | None,
        *,
        pass_name: str,
        function: str,
        change: Change | None,
        inputs: Inputs,
        before: str,
    ) -> None:
        super().__init__(message, op)
        self.pass_name, self.function, self.change = pass_name, function, change
        self.inputs, self.before = inputs, before

    @property
    def reproducer(self) -> Reproducer:
        """The program before the pass, the pass alone, and what the function was run on; its string is a text to keep.

        `pullback-run --run-reproducer` repeats it.
        """
        function = functions_of(parse(context(), self.before).module)[self.function]
        named = dict(zip(arguments_of(function), self.inputs.arguments, strict=False))
        return Reproducer.of_run(
            self.before,
            self.pass_name,
            function=self.function,
            inputs={name: value for name, value in named.items() if isinstance(value, np.ndarray)},
            variables=self.inputs.variables,
            arguments=("--verify-each=run",),
            error=str(self),
        )


@dataclass
class _State:
    """A program before a pass: a copy of it, and the runs of its functions."""

    copy: ModuleOp
    runs: dict[str, Run] = field(default_factory=dict[str, Run])


class RunAfterEachPass(PassInstrumentation):
    """Runs every public function of a program before and after each pass, and compares the numbers.

    Functions on tensors run on the evaluator (where a request for gradients is not expanded, what depends on it is left
    out), those on memory on the interpreter of loops, and kernels for GPUs on the emulator.

    Args:
        function: the only function to run; each public one unless given.
        inputs: arrays by the names of arguments, or by their positions; those that are missing are drawn.
        variables: the contents of variables by name; those that are missing are drawn.
        seed: of what is drawn.
        largest: functions with a value of more elements are not run; `None` for no limit.
        most_operations: that the first run of a function may take; any number unless given.
        skipped: told, in one line, of what cannot be compared.
        one_program: whether all modules that passes are run on are the same program, as in one compilation. Then what
            happens between two runs of passes is checked, too.
    """

    def __init__(
        self,
        function: str | None = None,
        inputs: Mapping[str, Any] | Mapping[int, Any] | None = None,
        variables: Mapping[str, Array] | None = None,
        *,
        seed: int = 0,
        largest: int | None = LARGEST,
        most_operations: int | None = None,
        skipped: Callable[[str], None] | None = None,
        one_program: bool = False,
    ) -> None:
        self._function = function
        self._given: dict[str | int, Any] = {}
        self._given.update(inputs or {})  # pyright: ignore[reportArgumentType, reportCallIssue]
        self._variables = {label: np.array(array) for label, array in (variables or {}).items()}
        self._largest, self._most_operations = largest, most_operations
        self._seed, self._skipped, self._one_program = seed, skipped or _ignored, one_program
        self._module: ModuleOp | None = None
        self._state: _State | None = None
        self._graph: dict[str, ModuleOp] = {}
        """The last program on tensors with each function: it tells what rounding does to the numbers below, too."""

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Runs a program that was not seen before."""
        if self._module is module:
            return
        if self._one_program and self._state is not None:
            self._compare(f"what precedes '{pass_}'", module)
        else:
            self._state = self._started(module)
        self._module = module

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Runs the program again.

        Raises:
            ResultChangedError: a number changed by more than rounding, or the program does not run any more.
        """
        self._compare(f"'{pass_}'", module)

    def start(self, module: ModuleOp) -> None:
        """Takes a program as the one before the next pass."""
        self._state, self._module = self._started(module), module

    def run_code(
        self,
        what: str,
        code: Callable[[Sequence[Array], Mapping[str, Array]], Sequence[Any]],
        inputs: Sequence[Array],
        variables: Mapping[str, Array],
    ) -> None:
        """Runs what a target made of the last program, and compares it with what that program computes.

        Args:
            what: names the code in messages.
            code: takes inputs, and variables, which it updates.
            inputs: those of the one function.
            variables: their contents before; they are copied.

        Raises:
            ResultChangedError: a number is another by more than rounding, or the code cannot be run.
        """
        state, name = self._state, self._function
        if state is None or name is None or (run := state.runs.get(name)) is None:
            return
        contents = {label: np.array(array) for label, array in variables.items()}
        try:
            found = Results(tuple(code(inputs, contents)), contents)
        except (DiagnosticError, ValueError, TypeError, LookupError) as error:
            message = f"{what} does not run @{name}: {one_line(error)}"
            raise _failed(message, None, "", name, None, run, state.copy) from error
        self._compare_code(what, found)

    def compare_outputs(self, what: str, arrays: Sequence[Array]) -> None:
        """Compares what code computed from the last program with what that program computes.

        Args:
            what: names the code in messages.
            arrays: the results, then the contents of variables, in the order in which the program names them.

        Raises:
            ResultChangedError: a number is another by more than rounding.
        """
        state, name = self._state, self._function
        run = None if state is None or name is None else state.runs.get(name)
        if run is None or len(arrays) != len(run.results.values) + len(run.results.variables):
            return
        results, contents = arrays[: len(run.results.values)], arrays[len(run.results.values) :]
        self._compare_code(
            what, Results(tuple(results), dict(zip(run.results.variables, contents, strict=True)))
        )

    def _compare_code(self, what: str, found: Results) -> None:
        state, name = self._state, self._function
        assert state is not None
        assert name is not None
        run = state.runs[name]
        change = first_change(run.names, run.results, found, lambda: self._allowed(name, state.copy, run))
        if change is not None:
            message = f"{what} changed a number of @{name}: {change}"
            raise _failed(message, None, "", name, change, run, state.copy)

    def _started(self, module: ModuleOp) -> _State:
        state = _State(_copied(module))
        for name in self._names(module):
            if (run := self._first_run(state.copy, name)) is not None:
                state.runs[name] = run
                self._note_graph(state.copy, name)
        return state

    def _names(self, module: ModuleOp) -> list[str]:
        names = functions_to_run(module)
        if self._function is None:
            return names
        return [self._function] if self._entry(module, self._function) in names else []

    def _first_run(self, module: ModuleOp, name: str) -> Run | None:
        entry = self._entry(module, name)
        try:
            return first_run(
                module,
                entry,
                arguments=self._given,
                variables=self._variables,
                seed=self._seed,
                largest=self._largest,
                most_operations=self._most_operations,
            )
        except NoInputsError as error:
            self._skipped(f"@{name} is not run: {error}")
            return None

    def _entry(self, module: ModuleOp, name: str) -> str:
        """What a function is called in a module: what is compiled for a target is called `main`."""
        return name if name in functions_of(module) else "main"

    def _note_graph(self, module: ModuleOp, name: str) -> None:
        if not on_memory(functions_of(module)[self._entry(module, name)]):
            self._graph[name] = module

    def _compare(self, what: str, module: ModuleOp) -> None:
        """Compares a program with the one before; it is the one before of the next pass."""
        before = self._state
        assert before is not None
        after = _State(_copied(module))
        for name in self._names(module):
            run = before.runs.get(name)
            if run is None:
                run = self._first_run(after.copy, name)
            else:
                run = self._compared(what, name, before.copy, run, after.copy)
            if run is not None:
                after.runs[name] = run
                self._note_graph(after.copy, name)
        self._state = after

    def _compared(self, what: str, name: str, before: ModuleOp, run: Run, after: ModuleOp) -> Run | None:
        entry, old_entry = self._entry(after, name), self._entry(before, name)
        function, old_function = functions_of(after)[entry], functions_of(before)[old_entry]
        try:
            results = run_function(after, entry, run.inputs)
        except ERRORS as error:
            if not _must_run(error, old_function, function):
                return self._run_again(what, name, before, after, error)
            message = (
                f"after {what}, @{name} does not run any more on what it ran on before: {one_line(error)}"
            )
            op = error.op if isinstance(error, DiagnosticError) else None
            raise _failed(message, op or function, what, name, None, run, before) from error
        change = first_change(run.names, run.results, results, lambda: self._allowed(name, before, run))
        if change is not None:
            found = first_different_value((before, old_entry), (after, entry), run.inputs)
            where = "" if found is None else f"; the first value that differs is {found}"
            message = f"{what} changed a number of @{name}: {change}{where}"
            op = old_function if found is None else found.op
            raise _failed(message, op, what, name, change, run, before)
        try:
            check_declared(function, results)  # gradients that were just generated may tell that they are not
        except GraphError as error:
            return self._run_again(what, name, before, after, error)
        # A kernel names its results by their places: the first names are those that a user gave.
        return Run(run.inputs, results, run.names)

    def _run_again(
        self, what: str, name: str, before: ModuleOp, after: ModuleOp, error: Exception
    ) -> Run | None:
        """A run of a program that takes other inputs than before (its shapes are known now), compared on those."""
        again = self._first_run(after, name)
        if again is None:
            return None
        try:
            entry = self._entry(before, name)
            run = run_as_declared(before, entry, again.inputs)
        except ERRORS:
            self._skipped(f"@{name} is not compared: after {what} it takes other inputs ({one_line(error)})")
            return again
        return self._compared(what, name, before, run, after)

    def _allowed(self, name: str, before: ModuleOp, run: Run) -> Allowed | None:
        """What rounding does to the numbers of the program before: measured on the last one on tensors, if any."""
        if on_memory(functions_of(before)[self._entry(before, name)]):
            if name not in self._graph:
                return None
            before = self._graph[name]
        graph, entry, inputs = before, self._entry(before, name), run.inputs
        values = values_of(run_function(graph, entry, inputs))
        return Spread(values, lambda rng: _rounded(graph, entry, inputs, rng)).allowed


def _failed(
    message: str,
    op: Operation | None,
    what: str,
    name: str,
    change: Change | None,
    run: Run,
    before: ModuleOp,
) -> ResultChangedError:
    return ResultChangedError(
        message,
        op,
        pass_name=what.strip("'"),
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


def _ignored(line: str) -> None:
    pass


def _rounded(module: ModuleOp, name: str, inputs: Inputs, rng: np.random.Generator) -> Sequence[Any]:
    return values_of(run_function(module, name, inputs, lambda variables: RoundingEvaluator(variables, rng)))


def _copied(module: ModuleOp) -> ModuleOp:
    copy = module.clone()
    note_copies(module, copy)
    return copy
