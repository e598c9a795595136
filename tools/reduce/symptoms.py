"""The built-in tests: what is wrong with a program, found by running it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from xdsl.dialects import func
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, TensorType
from xdsl.ir import Attribute
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import DiagnosticException, VerifyException

from pullback.dialects.context import context
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import data_type_of, element_type_of, numpy_dtype, shape_of_type
from pullback.dialects.ir.copying import copy_module
from pullback.dialects.ir.diagnostics import PASS_NOTE, DiagnosticError
from pullback.driver.checking.check_gradients import CheckGradients
from pullback.driver.checking.drawn_inputs import Inputs, draw_inputs
from pullback.driver.checking.function_runs import Results, on_memory, run_function
from pullback.driver.checking.measured_rounding import RoundingEvaluator, Spread, is_inexact
from pullback.driver.checking.points import BOTH_SIGNS
from pullback.driver.checking.report import GradientCheckError
from pullback.driver.checking.results import first_change, values_of
from pullback.driver.module_functions import arguments_of, functions_of, result_names
from pullback.driver.run_function import memory_runners, run_on_tensors
from pullback.driver.run_pipeline import run_pipeline
from pullback.passes.pipeline.run_passes import run_passes

SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan)
"""Values at which functions have cases of their own."""
WRONG_NUMBER, WRONG_GRADIENT, MISMATCH, CRASH = "wrong number", "wrong gradient", "mismatch", "crash"
"""The kinds of symptoms."""


@dataclass(frozen=True)
class Symptom:
    """What is wrong with a program. Two are the same symptom if they are equal: the message does not count."""

    kind: str
    identity: tuple[str, ...] = ()
    message: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


@dataclass(frozen=True)
class RunSettings:
    """How programs are run to see what is wrong with them.

    Attributes:
        passes: which run over the program first.
        function: the name of the function that runs.
        arguments, variables: arrays by name, in place of drawn ones.
        seed: of what is drawn.
        between: the range of what is drawn.
        special: values that are put among what is drawn.
        tolerance: a relative difference that is no symptom, in place of what rounding explains.
    """

    passes: Sequence[ModulePass]
    function: str = "main"
    arguments: Mapping[str, Array] = field(default_factory=dict[str, Array])
    variables: Mapping[str, Array] = field(default_factory=dict[str, Array])
    seed: int = 0
    between: tuple[float, float] = BOTH_SIGNS
    special: tuple[float, ...] = ()
    tolerance: float | None = None


Diagnosis = Callable[[ModuleOp, RunSettings], "Symptom | None"]
"""Finds out what is wrong with a program, which it may change; None where nothing is. Raises where it cannot be run."""


# ---- wrong numbers --------------------------------------------------------------------------------------------


def wrong_number(target: str) -> Diagnosis:
    """The results on a target are not those of the program as it is, operation by operation on NumPy."""

    def diagnose(module: ModuleOp, run: RunSettings) -> Symptom | None:
        oracle = _runnable(module)
        return _difference(WRONG_NUMBER, oracle, lambda i: _reference(oracle, run, i), module, run, target)

    return diagnose


def mismatch(one: str, other: str) -> Diagnosis:
    """The results on two targets differ."""

    def diagnose(module: ModuleOp, run: RunSettings) -> Symptom | None:
        oracle = _runnable(module)

        def on_one(inputs: Inputs) -> Results:
            return _on_target(module, run, one, inputs)

        return _difference(MISMATCH, oracle, on_one, module, run, other)

    return diagnose


def _difference(
    kind: str,
    oracle: ModuleOp,
    expected: Callable[[Inputs], Results],
    module: ModuleOp,
    run: RunSettings,
    target: str,
) -> Symptom | None:
    function = functions_of(oracle)[run.function]
    inputs = inputs_of(function, run)
    before, after = expected(inputs), _on_target(module, run, target, inputs)

    def allowed(runs: int) -> Callable[[int], Array] | None:
        if run.tolerance is not None or on_memory(function):
            return None
        spread = Spread(
            values_of(before),
            lambda rng: values_of(
                run_function(oracle, run.function, inputs, lambda v: RoundingEvaluator(v, rng))
            ),
            runs,
        )
        return spread.allowed

    change = first_change(result_names(function), before, after, allowed)
    if change is None or (run.tolerance is not None and _close(before, after, run.tolerance)):
        return None
    return Symptom(kind, message=str(change))


def _close(before: Results, after: Results, tolerance: float) -> bool:
    pairs = zip(values_of(before), values_of(after), strict=True)
    return all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, tolerance, tolerance * _largest(a), equal_nan=True)
        for a, b in pairs
    )


def _largest(array: Any) -> float:
    finite = np.abs(np.asarray(array)[np.isfinite(array)])
    return float(finite.max(initial=0))


def _runnable(module: ModuleOp) -> ModuleOp:
    """The program as it is, but for requests, which nothing can run: these are generated."""
    copy = copy_module(module)
    if any(isinstance(op, Gradients) for op in copy.walk()):
        run_pipeline(copy, "gradients")
    return copy


def _reference(oracle: ModuleOp, run: RunSettings, inputs: Inputs) -> Results:
    return run_function(oracle, run.function, inputs)


def _on_target(module: ModuleOp, run: RunSettings, target: str, inputs: Inputs) -> Results:
    """What a target makes of the program after the passes."""
    copy, inputs = copy_module(module), inputs.copies()
    run_passes(context(), copy, run.passes, verify_each=False)
    function = functions_of(copy)[run.function]
    if on_memory(function):
        runner = memory_runners().get(target)
        if runner is None:
            raise DiagnosticError(f"target {target} runs no functions on memory")
        return run_function(copy, run.function, inputs, runner=runner)
    values = run_on_tensors(copy, run.function, inputs.arguments, inputs.variables, target)
    return Results(tuple(values), inputs.variables)


def inputs_of(function: func.FuncOp, run: RunSettings) -> Inputs:
    """Given arrays, cut to the types of arguments where these have shrunk, and drawn ones for the rest."""
    types = arguments_of(function)
    given: dict[str | int, Any] = {
        n: a for n, t in types.items() if (a := _fitting(run.arguments.get(n), t)) is not None
    }
    variables = {
        op.label: array
        for op in function.walk()
        if isinstance(op, VariableOp)
        and (array := _fitting(run.variables.get(op.label), data_type_of(op.results[0].type))) is not None
    }
    drawn = draw_inputs(function, arguments=given, variables=variables, between=run.between, seed=run.seed)
    if not run.special:
        return drawn
    names = zip(types, drawn.arguments, strict=False)
    return Inputs(
        tuple(a if n in given else _with_special(a, run.special) for n, a in names),
        {n: a if n in variables else _with_special(a, run.special) for n, a in drawn.variables.items()},
    )


def _fitting(array: Array | None, type_: Attribute) -> Array | None:
    """The first elements of an array, as many as the type has along each axis; None where it has others."""
    if array is None or not isinstance(type_, TensorType):
        return None
    extents = shape_of_type(type_)
    if len(extents) != array.ndim or any(n > have for n, have in zip(extents, array.shape, strict=True)):
        return None
    cut = array[tuple(slice(None if n == DYNAMIC_INDEX else n) for n in extents)]
    return np.array(cut, numpy_dtype(element_type_of(type_)))


def _with_special(value: Any, special: Sequence[float]) -> Any:
    """Every fourth element of a floating-point array becomes one of these, in turn."""
    if not isinstance(value, np.ndarray) or not is_inexact(value.dtype):
        return value
    changed = value.copy()
    places = changed.reshape(-1)[::4]
    places[:] = np.resize(np.array(special), places.shape).astype(value.dtype)
    return changed


# ---- wrong gradients ------------------------------------------------------------------------------------------


def wrong_gradient(module: ModuleOp, run: RunSettings) -> Symptom | None:
    """Gradients differ from finite differences, and not at a kink; the rule at fault is that of the same operation."""
    low, high = run.between
    check = CheckGradients(
        function=run.function, order=1, seed=run.seed, low=low, high=high, tolerance=run.tolerance
    )
    run_passes(context(), module, run.passes, verify_each=False)
    try:
        check.apply(context(), module)
    except GradientCheckError as error:
        wrong = error.report.comparisons[-1]
        if wrong.at_kink and error.op is None:
            return None
        name = "" if error.op is None else error.op.name
        return Symptom(WRONG_GRADIENT, (name,), str(error))
    return None


# ---- crashes --------------------------------------------------------------------------------------------------


def crash(target: str | None) -> Diagnosis:
    """A pass or a target fails: with an exception of the same class, in the same pass."""

    def diagnose(module: ModuleOp, run: RunSettings) -> Symptom | None:
        try:
            if target is None:
                run_passes(context(), module, run.passes)
            else:
                function = functions_of(module)[run.function]
                _on_target(module, run, target, inputs_of(function, run))
        except Exception as error:
            return _failure(error)
        return None

    return diagnose


def _failure(error: Exception) -> Symptom:
    passes = [note.split("'")[1] for note in getattr(error, "__notes__", ()) if note.startswith(PASS_NOTE)]
    name = re.split("[{ ]", passes[0])[0] if passes else ""
    said = " ".join(str(error).split())
    where = f"{type(error).__name__} in pass {name}" if name else type(error).__name__
    identity = (type(error).__name__, name)
    if isinstance(error, DiagnosticException | VerifyException):
        identity += (_shape_of(said),)  # errors about programs have one class for many reasons
    return Symptom(CRASH, identity, f"{where}: {said}")


def _shape_of(message: str) -> str:
    """A message without what depends on the program: names, numbers, types."""
    without_quoted = re.sub(r"'[^']*'|\"[^\"]*\"|%\w+|<[^>]*>|\([^)]*\)|\[[^\]]*\]", "_", message)
    return re.sub(r"\d+", "0", without_quoted)[:120]
