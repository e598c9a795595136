"""What to reduce for: the test, the passes, the target and the inputs, from the options or a reproducer."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from pullback.dialects.ir.text import print_module
from pullback.driver.checking.points import BOTH_SIGNS, POSITIVE
from pullback.driver.module_functions import arguments_of, functions_of, variables_of
from pullback.driver.reproducer import Reproducer, array_text
from pullback.driver.run_pipeline import has_kernels
from pullback.driver.targets.registry import target_named
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.tools.array_arguments import Array, ArrayError, named_arrays
from pullback.tools.passes import available_passes
from pullback.tools.reduce.built_in_test import BuiltInTest, NotInterestingError, built_in_test
from pullback.tools.reduce.command_test import CommandTest
from pullback.tools.reduce.symptoms import (
    CRASH,
    MISMATCH,
    SPECIAL,
    WRONG_GRADIENT,
    WRONG_NUMBER,
    Diagnosis,
    RunSettings,
    crash,
    inputs_of,
    mismatch,
    wrong_gradient,
    wrong_number,
)

FINISH = "gradients,finish"
"""The passes of the built-in tests, unless told."""


@dataclass(frozen=True)
class ReductionSettings:
    """The options, and what a reproducer says where they say nothing."""

    options: argparse.Namespace
    reproducer: Reproducer | None
    passes: str | None
    target: str | None
    function: str
    inputs: Sequence[str]
    variables: Sequence[str]

    @staticmethod
    def of(options: argparse.Namespace, reproducer: Reproducer | None) -> ReductionSettings:
        """The settings of a command line, and of the reproducer that the program is, if it is one."""
        if reproducer is None:
            given = (options.passes, options.target, options.function or "main")
            return ReductionSettings(options, None, *given, options.input, options.variable)
        return ReductionSettings(
            options,
            reproducer,
            reproducer.pipeline if options.passes is None else options.passes,
            options.target or (reproducer.target if reproducer.tool == "pullback-run" else None),
            options.function or reproducer.function,
            options.input or reproducer.inputs,
            options.variable or reproducer.variables,
        )

    def test(self, module: ModuleOp) -> BuiltInTest | CommandTest:
        """The test that was asked for, which the program passes.

        Raises:
            NotInterestingError: it does not, or no test was asked for.
            ArrayError: an input does not fit.
            PipelineError: the passes are wrong.
        """
        options = self.options
        if options.test is not None:
            command = CommandTest(options.test, options.timeout)
            try:
                command.check(print_module(module))
            except BaseException:
                command.close()
                raise
            return command
        diagnosis, kind = self._diagnosis()
        return built_in_test(diagnosis, module, self._runs(module), options.timeout, kind)

    def _diagnosis(self) -> tuple[Diagnosis, str]:
        options = self.options
        kind = self._kind()
        for name in (self.target, *(options.mismatch or ())):
            if name is not None:
                _ = target_named(name).pipeline  # loads what the target needs here, not in every child
        if kind == MISMATCH:
            return mismatch(*options.mismatch), kind
        if kind == WRONG_GRADIENT:
            return wrong_gradient, kind
        return (crash(self.target) if kind == CRASH else wrong_number(self.target or "numpy")), kind

    def _kind(self) -> str:
        options, reproducer = self.options, self.reproducer
        asked = {
            CRASH: options.crash,
            WRONG_NUMBER: options.wrong_number,
            WRONG_GRADIENT: options.wrong_gradient,
            MISMATCH: options.mismatch is not None,
        }
        if any(asked.values()):
            return next(kind for kind, is_asked in asked.items() if is_asked)
        if reproducer is None:
            tests = "--test COMMAND, --wrong-number, --wrong-gradient, --crash or --mismatch A,B"
            raise NotInterestingError(f"expected a test: {tests}")
        # An error that this tool wrote begins with the kind; of others only verify-each's is about numbers.
        kinds = [kind for kind in asked if reproducer.error.startswith(f"{kind}: ") and kind != MISMATCH]
        is_changed = "changed a number" in reproducer.error or not reproducer.error
        return kinds[0] if kinds else WRONG_NUMBER if is_changed else CRASH

    def _runs(self, module: ModuleOp) -> list[RunSettings]:
        """The runs in which the symptom is looked for: with inputs of both signs, then where logarithms are defined."""
        options = self.options
        function = functions_of(module).get(self.function)
        if function is None:
            known = ", ".join(functions_of(module)) or "none"
            raise ArrayError(f"--function {self.function}: the program has no such function; it has: {known}")
        default = "" if options.wrong_gradient or has_kernels(module) else FINISH
        run = RunSettings(
            parse_passes(default if self.passes is None else self.passes, available_passes()),
            self.function,
            _given("input", self.inputs, arguments_of(function)),
            _given("variable", self.variables, variables_of(module)),
            options.seed,
            special=SPECIAL if options.special_values else (),
            tolerance=options.tolerance,
        )
        low = BOTH_SIGNS[0] if options.low is None else options.low
        high = BOTH_SIGNS[1] if options.high is None else options.high
        if not low < high:
            raise ArrayError(f"--low {low:g}, --high {high:g}: expected a least number below the largest")
        has_range = options.low is not None or options.high is not None
        ranges = [(low, high)] if has_range else [BOTH_SIGNS, POSITIVE]
        return [replace(run, between=between) for between in ranges]

    def text(self, test: BuiltInTest | CommandTest, module: ModuleOp, text: str) -> str:
        """What is written of the smallest program: its text, or that of a reproducer, if it came in one."""
        if self.reproducer is None:
            return text
        found = test.found(module) if isinstance(test, BuiltInTest) else None
        error = self.reproducer.error if found is None else str(found)
        made = replace(self.reproducer, program=text, error=error)
        if isinstance(test, BuiltInTest) and made.tool == "pullback-run":
            function = functions_of(module)[self.function]
            inputs = inputs_of(function, test.run)
            arguments = dict(zip(arguments_of(function), inputs.arguments, strict=True))
            return str(replace(made, inputs=_written(arguments), variables=_written(inputs.variables)))
        return str(made)


def _given(kind: str, given: Sequence[str], expected: Mapping[str, Attribute]) -> dict[str, Array]:
    """The arrays that are given; others are drawn."""
    names = {argument.partition("=")[0] for argument in given}
    is_known = names <= expected.keys()
    return named_arrays(kind, given, {n: t for n, t in expected.items() if not is_known or n in names})


def _written(arrays: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(f"{n}={array_text(a)}" for n, a in arrays.items() if isinstance(a, np.ndarray))
