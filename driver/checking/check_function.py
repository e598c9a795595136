"""Checks the gradients of a function: on a copy in f64, at given or random inputs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.state.variables import VariableOp
from pullback.dialects.graph.tensor.types import GraphError, data_type_of, element_type_of, numpy_dtype
from pullback.driver.checking.check import Question, Settings, compare, has_gradient
from pullback.driver.checking.culprits import culprit_between
from pullback.driver.checking.points import BOTH_SIGNS, POSITIVE, random_value
from pullback.driver.checking.probing import Probe
from pullback.driver.checking.report import (
    GradientCheckError,
    GradientComparison,
    GradientReport,
    NotFiniteError,
)
from pullback.driver.checking.widening import Copy, copied
from pullback.passes.explain.explain_gradient import explain
from pullback.passes.gradients.generate_gradients import expand
from pullback.passes.rewriting.limits import MAX_OPERATIONS, Budget
from pullback.passes.rewriting.name_scopes import used_scopes

Ask = Callable[[func.FuncOp, Copy], "list[Question]"]
"""Chooses what to check in a copy of a function, which it may change."""


@dataclass(frozen=True)
class EvaluationPoint:
    """The point at which gradients are checked.

    Attributes:
        inputs: for each argument of the function its value, `None` for a random one.
        variables: the contents of variables by name; those that are missing are random.
        between: the range of random values; unless it is given, values of both signs are tried first.
    """

    inputs: Sequence[Array | None]
    variables: Mapping[str, Array]
    between: tuple[float, float] | None = None


def check_counts(**counts: object) -> None:
    """Raises `GraphError` for a highest order or a number of directions, by name, that is no number from 1 on."""
    for name, value in counts.items():
        if not isinstance(value, int) or value < 1:
            raise GraphError(f"{name}: expected a number from 1 on, got {value!r}")


@dataclass(frozen=True)
class CheckOptions:
    """The settings that a caller asks for; `None` is what suits the dtype.

    Attributes:
        orders, directions, seed: as in `Settings`.
        step, tolerance: 1e-5 and 1e-6 where the program runs in f64, 1e-2 and 2e-2 elsewhere.
    """

    orders: Collection[int] = (1, 2)
    directions: int = 1
    seed: int = 0
    step: float | None = None
    tolerance: float | None = None

    def settings(self, wide: bool) -> Settings:
        """The settings for a copy in f64, or for one in the types as they are written."""
        step, tolerance = (1e-5, 1e-6) if wide else (1e-2, 2e-2)
        return Settings(
            self.orders,
            step if self.step is None else self.step,
            tolerance if self.tolerance is None else self.tolerance,
            self.directions,
            self.seed,
        )


def check_function(
    function: func.FuncOp, ask: Ask, point: EvaluationPoint, options: CheckOptions
) -> GradientReport:
    """Compares gradients with differences; the function is left as it was.

    Raises:
        GradientCheckError: they differ.
        NotFiniteError: a y is infinite or NaN at the point.
        LookupError, ValueError: what the engine or the evaluator raises.
    """
    with warnings.catch_warnings():
        # That a gradient of slices may be large does not matter at a few random rows.
        warnings.filterwarnings("ignore", "Converting sparse IndexedSlices")
        return _check_where_finite(function, ask, point, options)


def _check_where_finite(
    function: func.FuncOp, ask: Ask, point: EvaluationPoint, options: CheckOptions
) -> GradientReport:
    ranges = (BOTH_SIGNS, POSITIVE) if point.between is None else (point.between,)
    for between in ranges[:-1]:
        try:
            return _check(function, ask, replace(point, between=between), options)
        except NotFiniteError:
            continue
    return _check(function, ask, replace(point, between=ranges[-1]), options)


def _check(function: func.FuncOp, ask: Ask, point: EvaluationPoint, options: CheckOptions) -> GradientReport:
    made, copy = copied(function)
    settings = options.settings(copy.wide)
    arguments, variables = _values(made, point, settings.seed)
    done: list[GradientComparison] = []
    dtype = "f64" if copy.wide else "the dtypes as written"
    for question in ask(made, copy):
        if question.block is not made.body.block:
            raise GraphError("gradients are checked in the body of a function, not inside of a loop")
        for comparison, ys, x in compare(question, arguments, variables, settings):
            done.append(comparison)
            if not comparison.agrees:
                probe = Probe(question.block, arguments, variables, question.stops)
                probe.compute([*ys, x])
                message, op = _what_is_wrong(comparison, ys, x, probe, settings)
                origin = copy.origins.get(op) if op is not None else None
                raise GradientCheckError(message, GradientReport(tuple(done), dtype), origin)
    return GradientReport(tuple(done), dtype)


def _values(
    function: func.FuncOp, point: EvaluationPoint, seed: int
) -> tuple[dict[SSAValue, Array], dict[str, Array]]:
    """Arguments and contents of variables, in the dtypes of the function."""
    rng = np.random.default_rng(seed)
    assert point.between is not None
    arguments: dict[SSAValue, Array] = {}
    for argument, given in zip(function.body.block.args, point.inputs, strict=True):
        dtype = numpy_dtype(element_type_of(argument.type))
        arguments[argument] = (
            random_value(argument.type, point.between, rng) if given is None else np.array(given, dtype)
        )
    variables: dict[str, Array] = {}
    for op in function.walk():
        if isinstance(op, VariableOp) and op.label not in variables:
            type_ = op.results[0].type
            given = point.variables.get(op.label)
            dtype = numpy_dtype(element_type_of(data_type_of(type_)))
            variables[op.label] = (
                random_value(type_, point.between, rng) if given is None else np.array(given, dtype)
            )
    return arguments, variables


def _what_is_wrong(
    wrong: GradientComparison, ys: Sequence[SSAValue], x: SSAValue, probe: Probe, settings: Settings
) -> tuple[str, Operation | None]:
    """The error's message, and the operation to blame."""
    order = "" if wrong.order == 1 else f" of order {wrong.order}"
    numbers = f"the central difference along a random direction is {wrong.difference:.9g}"
    if wrong.gradient is None:
        cuts = explain(ys, x, probe.block, probe.stops).cuts
        why = f" ({cuts[0]})" if cuts else ""
        parts = [f"no gradient{order} reaches '{wrong.x}'{why}, but {numbers}"]
    else:
        parts = [
            f"the gradient{order} with respect to '{wrong.x}' is not what differences say: {numbers}, and the "
            f"gradient gives {wrong.gradient:.9g} (relative error {wrong.error:.1e}, tolerance {wrong.allowed:.1e})"
        ]
    culprit = culprit_between(ys, x, probe, settings)
    if culprit is not None:
        parts.append(str(culprit))
    elif wrong.gradient is not None:
        parts.append("each rule on the way is right by itself")
    if wrong.at_kink and culprit is None:
        ahead, behind = wrong.one_sided
        parts.append(
            f"differences are {ahead:.6g} forward and {behind:.6g} backward: is the point at a kink?"
        )
    return "; ".join(parts), None if culprit is None else culprit.op


def about_requests(max_operations: int = MAX_OPERATIONS) -> Ask:
    """Checks the requests of a function of level `request`, which are expanded on the way."""

    def ask(function: func.FuncOp, copy: Copy) -> list[Question]:
        scopes = used_scopes(function)
        budget = Budget("check-gradients", max_operations, function)
        questions: list[Question] = []
        for request in [op for op in function.walk() if isinstance(op, Gradients)]:
            assert request.parent is not None
            xs = [x for x in request.xs if has_gradient(x)]
            questions.append(Question(request.parent, list(request.ys), xs, list(request.stops)))
            expand(request, scopes, budget)
        return questions

    return ask


def about_values(ys: Sequence[SSAValue], xs: Sequence[SSAValue], stops: Sequence[SSAValue] = ()) -> Ask:
    """The gradients of these values of the original function."""

    def ask(function: func.FuncOp, copy: Copy) -> list[Question]:
        def of(values: Sequence[SSAValue]) -> list[SSAValue]:
            return [copy.values[v] for v in values]

        return [Question(function.body.block, of(ys), of(xs), of(stops))]

    return ask
