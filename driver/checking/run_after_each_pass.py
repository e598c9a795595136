"""Runs a program after every pass, and stops at the first that changes a number by more than rounding.

What a pass may do is rewrite a program so that it means the same: on the same inputs, results and the contents of
variables are the same numbers, up to rounding, which `measured_rounding.py` measures. That gradients are right is
another question, which `check-gradients` answers: before they are generated there are no numbers to compare them with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.ir.diagnostics import DiagnosticError
from pullback.dialects.ir.source import note_copies
from pullback.driver.checking.run_limits import LARGEST, MOST_OPERATIONS
from pullback.driver.module_functions import functions_of
from pullback.passes.pipeline.instrumentation import PassInstrumentation

if TYPE_CHECKING:
    from pullback.driver.checking.first_run import Run

# What runs and compares programs is imported by an object of the class: its name is public, and there at once.


@dataclass
class _State:
    """A program before a pass: a copy of it, and the runs of its functions."""

    copy: ModuleOp
    runs: dict[str, Run]


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
        most_operations: functions whose first run takes more are left out; `None` for no limit.
        skipped: told, in one line, of what cannot be compared; of the same once.
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
        most_operations: int | None = MOST_OPERATIONS,
        skipped: Callable[[str], None] | None = None,
        one_program: bool = False,
    ) -> None:
        from pullback.driver.checking.compared_programs import ComparedPrograms

        given: dict[str | int, Any] = {}
        given.update(inputs or {})  # pyright: ignore[reportArgumentType, reportCallIssue]
        contents = {label: np.array(array) for label, array in (variables or {}).items()}
        self._programs = ComparedPrograms(
            given, contents, seed, largest, most_operations, _once(skipped or _ignored)
        )
        self._function, self._one_program = function, one_program
        self._module: ModuleOp | None = None
        self._state: _State | None = None

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        """Runs a program that was not seen before."""
        if self._module is module:
            return
        if self._one_program and self._state is not None:
            self._compare(module, f"what precedes '{pass_}'")
            self._module = module
        else:
            self.start(module)

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        """Runs the program again.

        Raises:
            ResultChangedError: a number changed by more than rounding, or the program does not run any more.
        """
        self._compare(module, f"'{pass_}'", str(pass_))

    def start(self, module: ModuleOp) -> None:
        """Takes a program as the one before the next pass, and runs it."""
        state = _State(_copied(module), {})
        for name in self._names(module):
            if (run := self._programs.first_run(state.copy, name)) is not None:
                state.runs[name] = run
        self._state, self._module = state, module

    def run_code(
        self,
        target: str,
        code: Callable[[Sequence[Array], Mapping[str, Array]], Sequence[Any]],
        inputs: Sequence[Array],
        variables: Mapping[str, Array],
    ) -> None:
        """Runs what a target made of the last program, and compares it with what that program computes.

        Args:
            target: the name of the target.
            code: takes inputs, and variables, which it updates.
            inputs: those of the one function.
            variables: their contents before; they are copied.

        Raises:
            ResultChangedError: a number is another by more than rounding, or the code cannot be run.
        """
        from pullback.driver.checking.compared_programs import Blame, changed
        from pullback.driver.checking.first_run import one_line
        from pullback.driver.checking.function_runs import Results

        if (last := self._last_run()) is None:
            return
        name, program, run = last
        blame = Blame(f"target '{target}'", target=target)
        contents = {label: np.array(array) for label, array in variables.items()}
        try:
            found = Results(tuple(map(np.asarray, code(inputs, contents))), contents)
        except (DiagnosticError, ValueError, TypeError, LookupError) as error:
            message = f"{blame.what} does not run @{name}: {one_line(error)}"
            raise changed(message, blame, name, run, program) from error
        self._programs.compare_results(blame, name, program, run, found)

    def compare_outputs(self, target: str, arrays: Sequence[Array]) -> None:
        """Compares what a target computed from the last program with what that program computes.

        Args:
            target: the name of the target.
            arrays: the results, then the contents of variables, in the order in which the program names them.

        Raises:
            ResultChangedError: a number is another by more than rounding.
        """
        from pullback.driver.checking.compared_programs import Blame
        from pullback.driver.checking.function_runs import Results

        if (last := self._last_run()) is None:
            return
        name, program, run = last
        count = len(run.results.values)
        if len(arrays) == count + len(run.results.variables):
            contents = dict(zip(run.results.variables, arrays[count:], strict=True))
            blame = Blame(f"target '{target}'", target=target)
            found = Results(tuple(arrays[:count]), contents)
            self._programs.compare_results(blame, name, program, run, found)

    def _last_run(self) -> tuple[str, ModuleOp, Run] | None:
        """The one function, the last program, and its run; `None` where it could not be run."""
        state, name = self._state, self._function
        run = None if state is None or name is None else state.runs.get(name)
        return None if state is None or name is None or run is None else (name, state.copy, run)

    def _names(self, module: ModuleOp) -> list[str]:
        from pullback.driver.checking.compared_programs import entry_of
        from pullback.driver.checking.function_runs import functions_to_run

        names = functions_to_run(module)
        if self._function is None:
            return names
        return [self._function] if entry_of(module, self._function) in names else []

    def _compare(self, module: ModuleOp, what: str, pass_text: str = "") -> None:
        """Compares a program with the one before; it is the one before of the next pass."""
        from pullback.driver.checking.compared_programs import Blame, changed, entry_of

        blame = Blame(what, pass_text)
        before = self._state
        assert before is not None
        after = _State(_copied(module), {})
        for name, run in before.runs.items():
            if entry_of(module, name) not in functions_of(module):
                raise changed(
                    f"after {blame.what} there is no @{name} any more", blame, name, run, before.copy
                )
        for name in self._names(module):
            old = before.runs.get(name)
            if old is None:
                run = self._programs.first_run(after.copy, name)
            else:
                run = self._programs.compared(blame, name, before.copy, old, after.copy)
            if run is not None:
                after.runs[name] = run
        self._state = after


def _ignored(line: str) -> None:
    pass


def _once(told: Callable[[str], None]) -> Callable[[str], None]:
    """Tells each line once: what cannot be run before a pass cannot be run after it, either."""
    known: set[str] = set()

    def tell(line: str) -> None:
        if line not in known:
            known.add(line)
            told(line)

    return tell


def _copied(module: ModuleOp) -> ModuleOp:
    copy = module.clone()
    note_copies(module, copy)
    return copy
