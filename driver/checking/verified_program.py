"""Compiles a program with a run after each pass, on the inputs of the first call with new shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pullback.dialects.graph.op.graph_op import Array
from pullback.driver.checking.run_after_each_pass import RunAfterEachPass
from pullback.driver.program import Program
from pullback.driver.targets.target import Executor
from pullback.passes.pipeline.instrumentation import instrumented


def verified_executor(program: Program, inputs: Sequence[Array], variables: Mapping[str, Array]) -> Executor:
    """The executor for inputs of these shapes; where it is compiled now, every pass is checked by running the program.

    Args:
        program: what is compiled.
        inputs: the arrays of a call; they and the variables stay as they are.
        variables: the contents of each variable by name.

    Raises:
        ResultChangedError: a pass, or the code of the target, changed a number by more than rounding.
    """
    if program.is_compiled_for(inputs):
        return program.executor(inputs)
    check = RunAfterEachPass("main", dict(enumerate(inputs)), variables, largest=None, one_program=True)
    with instrumented(check):
        executor = program.executor(inputs)
    try:
        check.run_code(program.target, executor, inputs, variables)
    except ArithmeticError:
        program.forget(inputs)
        raise
    return executor


def check_outputs(program: Program, inputs: Sequence[Array], variables: Mapping[str, Array]) -> None:
    """Compiles a program and compares what its code computes with what the evaluator computes of it as it was built.

    Args:
        program, inputs, variables: as for `verified_executor`.

    Raises:
        ResultChangedError: a number is another by more than rounding, or the code cannot be run.
        DiagnosticError: the target refuses the program.
    """
    executor = program.executor(inputs)
    check = RunAfterEachPass("main", dict(enumerate(inputs)), variables, largest=None, one_program=True)
    check.start(program.module)
    check.run_code(program.target, executor, inputs, variables)
