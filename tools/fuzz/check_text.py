"""Checks one text: what a tool says of it, and whether a program means the same at every level and on every target."""

from __future__ import annotations

import contextlib
import io
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException, ParseError

from pullback.backends.fibers.compiler import NoCompilerError, find_compiler
from pullback.dialects.context import context
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.ir.source import parse
from pullback.dialects.ir.text import print_module
from pullback.dialects.verification import verify
from pullback.driver.checking.drawn_inputs import Inputs
from pullback.driver.checking.first_run import NoInputsError, first_run
from pullback.driver.checking.function_runs import functions_to_run, largest_value, on_memory
from pullback.driver.checking.partial_evaluation import EndlessError
from pullback.driver.checking.result_changed import ResultChangedError
from pullback.driver.checking.run_after_each_pass import RunAfterEachPass
from pullback.driver.checking.verified_program import check_outputs, verified_executor
from pullback.driver.module_functions import alone_as_main, functions_of
from pullback.driver.program import Program
from pullback.driver.targets.fibers import FIBERS
from pullback.driver.targets.registry import target_named, targets
from pullback.passes.pipeline.instrumentation import instrumented
from pullback.passes.pipeline.pipelines import parse_passes
from pullback.passes.pipeline.run_passes import run_passes
from pullback.tools import opt
from pullback.tools.fuzz.outcome import Outcome, internal_error

LARGEST = 1 << 14
"""Elements of a value: larger programs are not run."""
MOST_OPERATIONS = 20_000
"""Operations that one run evaluates before its loops count as endless."""
DIAGNOSTIC = re.compile(r"^([^\n]*:\d+: remark: [^\n]*\n)*[^\n]*:\d+:\d+: error: ")
"""An error with its place, perhaps after remarks of earlier passes."""
TOOL_ERROR = re.compile(r"^pullback-\w+: error: out of memory|the program is nested too deeply")
EXPANDED = "inline-calls,generate-gradients"
RATE = {FIBERS.name: 0.1}
"""The share of programs that is run on a target, where it is not all: a C++ compiler takes longer than the rest."""

Phase = Callable[[str], None]
"""Told what comes next: `tool`, or `run`, which a program may keep from ending."""


def check_tool(text: str, pipeline: str, form: str, folder: Path) -> Outcome:
    """Runs `pullback-opt` on a text: a program that reads back as it is printed, or one diagnostic with a place."""
    path = folder / "case.mlir"
    path.write_text(text, newline="")
    out, err = io.StringIO(), io.StringIO()
    arguments = [str(path), "-p", pipeline, *(["-t", form] if form else [])]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = opt.main([*arguments, "-o", str(folder / "out.mlir")])
    except Exception as error:
        return internal_error(error, text, pipeline)
    said = err.getvalue()
    if "internal error" in said or "Traceback" in said:
        return _explained(text, pipeline, said)
    if status:
        if said.count(": error: ") < 1 or not (DIAGNOSTIC.match(said) or TOOL_ERROR.search(said)):
            return Outcome("diagnostic without place", _shape(said), said, text, pipeline)
        return Outcome("refused", detail=said)
    return (
        Outcome("accepted") if form else _printed_as_read(text, pipeline, (folder / "out.mlir").read_text())
    )


def _explained(text: str, pipeline: str, said: str) -> Outcome:
    """The internal error of a tool, with the place that it does not tell."""
    try:
        source = parse(context(), text)
        verify(source.module)
        run_passes(context(), source.module, parse_passes(pipeline))
    except (ParseError, DiagnosticException):
        pass
    except Exception as error:
        return internal_error(error, text, pipeline)
    return Outcome("internal error", _shape(said), said, text, pipeline)


def _shape(said: str) -> str:
    """A message without what differs from case to case."""
    line = said.strip().splitlines()[0] if said.strip() else "nothing was said"
    return re.sub(r"'[^']*'|%\w+|\d+|[\w./-]*\.mlir", "_", line)[:160]


def _printed_as_read(text: str, pipeline: str, printed: str) -> Outcome:
    try:
        again = print_module(parse(context(), printed).module)
    except (ParseError, DiagnosticException) as error:
        return Outcome(
            "not printed as read", f"refused: {_shape(str(error))}", f"{error}\n{printed}", text, pipeline
        )
    except Exception as error:
        return internal_error(error, text, pipeline)
    if again != printed:
        lines = zip(printed.splitlines(), again.splitlines(), strict=False)
        pair = next(((a, b) for a, b in lines if a != b), ("", ""))
        return Outcome("not printed as read", _shape(pair[0]), "\n".join(pair), text, pipeline)
    return Outcome("accepted")


def check_meaning(
    text: str,
    rng: random.Random,
    phase: Phase,
    *,
    inputs: Sequence[Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    verify_each: bool,
) -> Outcome:
    """Runs each function of a program on every target, through every level: the numbers of the evaluator, or refused.

    Args:
        text: a program; one that is none is refused.
        rng: chooses what to look at more closely.
        phase: told when programs run.
        inputs, variables: what `@main` is run on; drawn unless given.
        verify_each: whether the program runs after each pass, too.
    """
    try:
        module = parse(context(), text).module
        verify(module)
    except (ParseError, DiagnosticException) as error:
        return Outcome("refused", detail=str(error))
    except (MemoryError, RecursionError) as error:
        return Outcome("refused", detail=str(error))
    except Exception as error:
        return internal_error(error, text)
    best = Outcome("not run")
    for name in functions_to_run(module)[:3]:
        if largest_value(functions_of(module)[name]) > LARGEST:
            continue
        given = None if inputs is None else Inputs(tuple(inputs), dict(variables or {}))
        outcome = _check_function(text, module, name, given, rng, phase, verify_each)
        if outcome.is_failure:
            return outcome
        if best.kind == "not run":
            best = outcome
    return best


def _check_function(
    text: str,
    whole: ModuleOp,
    name: str,
    given: Inputs | None,
    rng: random.Random,
    phase: Phase,
    verify_each: bool,
) -> Outcome:
    stage = ""
    target = ""
    try:
        module = whole.clone()
        phase("run")
        if on_memory(functions_of(module)[name]):
            first_run(module, name, largest=LARGEST)
            return Outcome("same")
        phase("tool")
        asks = any(isinstance(op, Gradients) for op in module.walk())
        stage = EXPANDED if asks else "inline-calls"
        hooks = (
            [RunAfterEachPass(name, largest=LARGEST, most_operations=MOST_OPERATIONS)] if verify_each else []
        )
        with instrumented(*hooks):
            run_passes(context(), module, parse_passes(stage))
        alone = alone_as_main(module, name)
        phase("run")
        found = given or first_run(alone, "main", largest=LARGEST, most_operations=MOST_OPERATIONS).inputs
        if not all(isinstance(value, np.ndarray) for value in found.arguments):
            return Outcome("not run")  # slices are not given from outside
        drawn = drawn_targets(rng)
        checked = drawn[0] if verify_each else ""
        ran, refused = False, ""
        for target in drawn:
            phase("tool")
            program = Program(alone, target)
            inputs = found.copies()
            arrays = [np.asarray(a, order="C") for a in inputs.arguments]
            stage = program_pipeline(target)
            try:
                if target == checked:
                    verified_executor(program, arrays, inputs.variables)
                else:
                    check_outputs(program, arrays, inputs.variables)
                ran = True
            except (ResultChangedError, EndlessError):
                raise
            except DiagnosticException as error:
                refused = f"{target}: {error}"
        return Outcome("same" if ran else "not run", detail=refused)
    except ResultChangedError as error:
        symptom = f"{error.pass_name.split('{')[0] or target} in {_shape(str(error))[:60]}"
        detail = f"{error}\n\n{error.reproducer}"
        kind = "does not run" if error.change is None else "changed number"
        runs_on = error.target or ("simt" if "gpu" in target_named(target).levels else "numpy")
        return Outcome(kind, symptom, detail, text, stage, runs_on)
    except EndlessError:
        return Outcome("endless")
    except NoInputsError as error:
        return Outcome("not run", detail=str(error))
    except (DiagnosticException, MemoryError, RecursionError) as error:
        return Outcome("refused", detail=str(error))
    except Exception as error:
        return internal_error(error, text, stage, target)


def drawn_targets(rng: random.Random) -> list[str]:
    """The targets that lower programs, in a random order; a slow one now and then, where it runs here."""
    drawn = [name for name, target in targets().items() if target.passes and rng.random() < RATE.get(name, 1)]
    rng.shuffle(drawn)
    return [name for name in drawn if name != FIBERS.name or _has_compiler()]


@cache
def _has_compiler() -> bool:
    try:
        find_compiler()
    except NoCompilerError:
        return False
    return True


def program_pipeline(target: str) -> str:
    """The named pipelines that a target's programs go through."""
    return ",".join(["finish", *target_named(target).levels])
