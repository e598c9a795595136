"""Finds the wrong rule: checks each operation between the ys and x by itself, on its inputs at the point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from pullback.dialects.graph.gradient.custom_gradient import CustomGradient
from pullback.dialects.graph.tensor.location import name_of
from pullback.driver.checking.check import Question, Settings, compare, has_gradient
from pullback.driver.checking.probing import Probe
from pullback.driver.checking.report import GradientComparison
from pullback.passes.explain.cuts import operand_name
from pullback.passes.explain.dependence import Dependence
from pullback.passes.gradients.paths import inputs_of
from pullback.passes.gradients.rule_registry import is_barrier, source_of, type_name
from pullback.passes.gradients.visible import Visible


@dataclass(frozen=True)
class Culprit:
    """An operation whose rule is wrong, for one of its inputs."""

    op: Operation
    index: int
    comparison: GradientComparison

    def __str__(self) -> str:
        name = operand_name(self.op, self.index)
        operand = f"operand {self.index} ({name})" if name else f"operand {self.index}"
        got, ahead, behind = self.comparison.gradient, *self.comparison.one_sided
        where = f"{type_name(self.op)} '{name_of(self.op)}'"
        if self.comparison.at_kink:
            return (
                f"{where} seems to be at a kink for {operand}, where differences are {ahead:.6g} forward and "
                f"{behind:.6g} backward: give inputs away from it"
            )
        said = "gives no gradient" if got is None else f"gives {got:.9g}"
        return (
            f"the rule of {where} ({source_of(self.op)}) is wrong: for {operand} it {said} along a random direction, "
            f"expected {self.comparison.difference:.9g}"
        )


def culprit_between(ys: Sequence[SSAValue], x: SSAValue, probe: Probe, settings: Settings) -> Culprit | None:
    """The first operation between x and a y, from x on, whose rule is wrong; one at a kink if no other is."""
    between = Dependence(ys, Visible.only(probe.block)).between(x)
    at_kink: Culprit | None = None
    for op in list(probe.block.ops):
        if op in between and not is_barrier(op) and (found := _wrong_input(op, probe, settings)) is not None:
            if not found.comparison.at_kink:
                return found
            at_kink = at_kink or found
    return at_kink


def _wrong_input(op: Operation, probe: Probe, settings: Settings) -> Culprit | None:
    inputs = list(dict.fromkeys(inputs_of(op)))
    once = replace(settings, orders=(1,), directions=1)
    known: dict[SSAValue, SSAValue]
    arguments: Mapping[SSAValue, Any]
    if isinstance(op, CustomGradient):  # about all that computes its values from these
        question = Question(probe.block, op.results, [x for x in op.xs if has_gradient(x)], probe.stops)
        known = {x: x for x in op.xs}
        arguments = probe.arguments
    else:
        function = func.FuncOp("alone", ([v.type for v in inputs], []))
        block = function.body.block
        known = dict[SSAValue, SSAValue](zip(block.args, inputs, strict=True))
        alone = op.clone({v: a for a, v in known.items()})
        block.add_op(alone)
        question = Question(block, alone.results, [a for a in block.args if has_gradient(a)])
        arguments = {a: probe[v] for a, v in known.items()}
    try:
        for comparison, _, x in compare(question, arguments, probe.variables, once):
            if not comparison.agrees:
                return Culprit(op, list(inputs_of(op)).index(known[x]), comparison)
    except (ValueError, LookupError):  # it cannot be checked by itself
        return None
    return None
