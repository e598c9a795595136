"""Explains a gradient of ys with respect to x: the ways that it takes, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from xdsl.dialects import func
from xdsl.ir import Block, BlockArgument, Operation, SSAValue
from xdsl.traits import ConstantLike

from pullback.dialects.graph.creation.constants import Fill
from pullback.dialects.graph.state.variables import ReadsVariable, VariableOp
from pullback.dialects.graph.tensor.location import Origin, name_of, name_of_value, position_of, role_of
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import (
    StackType,
    differentiable_type,
    element_type_of,
    gradient_type_of,
    is_complex,
)
from pullback.passes.explain.cuts import ONLY_FLOATS, Cuts, Locate, operand_name, place_of
from pullback.passes.explain.dependence import Dependence, users_of, variable_of
from pullback.passes.explain.explanation import Cut, Explanation, Made, PathStep, Reason, Status
from pullback.passes.explain.flow import Flow, flow_of
from pullback.passes.gradients.paths import inputs_of
from pullback.passes.gradients.rule_registry import MissingGradientError, facts_of, source_of, type_name
from pullback.passes.gradients.seeds import check_seeds
from pullback.passes.gradients.visible import Visible


def written_at(op: Operation) -> str | None:
    """The `file:line:column` in the location of an operation."""
    position = position_of(op)
    return None if position is None else ":".join(map(str, position))


def explain(
    ys: Sequence[SSAValue],
    x: SSAValue,
    block: Block,
    stops: Collection[SSAValue] = (),
    locate: Locate = written_at,
    grad_ys: Sequence[Tensor | None] | None = None,
) -> Explanation:
    """Explains the gradient of sum(ys) with respect to x; the block is left as it was.

    Args:
        ys, x: values of `block`, or that it sees.
        block: in which the gradient is asked for.
        stops: values taken as constants.
        locate: where an operation was written, if known.
        grad_ys: what the gradient starts from, checked as `gradients` does. Unless they are given it starts from
            ones, at complex ys too: they decide what a gradient is, not where it goes.

    Raises:
        GradientTypeError: a y is a truth value or a stack, which have no gradient.
        GradientError: grad_ys do not fit the ys.
    """
    seeds = [None] * len(ys) if grad_ys is None else grad_ys
    free = [y for y in ys if not _is_complex(y)]
    if grad_ys is None:
        check_seeds(free, [None] * len(free), None)
    else:
        check_seeds(ys, grad_ys, None)
    return _Search(ys, x, block, stops, locate, seeds).explanation()


def _is_complex(y: SSAValue) -> bool:
    type_ = gradient_type_of(y.type)
    return not isinstance(type_, StackType) and is_complex(element_type_of(type_))


class _Search:
    """One explanation under construction: dependence, the recorded walk, and the cuts."""

    def __init__(
        self,
        ys: Sequence[SSAValue],
        x: SSAValue,
        block: Block,
        stops: Collection[SSAValue],
        locate: Locate,
        seeds: Sequence[Tensor | None],
    ) -> None:
        self.ys, self.x, self.stops, self.locate = ys, x, stops, locate
        self.seeds = seeds
        self.visible = Visible.around(block, back_edges=True)
        self.names = tuple(map(name_of_value, ys))
        self.x_name = name_of_value(x)
        self.made = _gradient_operations(block)

    def explanation(self) -> Explanation:
        request = flow_of(self.ys, [self.x], self.stops, self.visible, seeds=self.seeds)
        if request.failures:
            return self._error(request)
        if request.refused is not None:
            cut = Cut(Reason.CARRIED, str(request.refused))
            return Explanation(self.names, self.x_name, Status.ERROR, error=str(request.refused), cuts=(cut,))
        if not self.ys:
            return self._none([Cut(Reason.NO_Y, "there is no y")])
        if self.x in request.terms:
            return self._connected(request)
        if not differentiable_type(self.x.type):
            why = f"x '{self.x_name}' is {self.x.type}, and {ONLY_FLOATS}"
            return self._none([Cut(Reason.DTYPE_OF_X, why)])
        cuts = Cuts(self.ys, self.x, self.stops, self.visible, self.locate)
        return self._none(cuts.search()) if cuts.between else self._no_way(cuts.dependence)

    def _none(self, cuts: Sequence[Cut]) -> Explanation:
        return Explanation(self.names, self.x_name, Status.NONE, cuts=tuple(cuts))

    # ---- connected --------------------------------------------------------------------------------------

    def _connected(self, flow: Flow) -> Explanation:
        ways = _Ways(flow, self.x)
        starts = [y for y in dict.fromkeys(self.ys) if ways.count.get(y)]
        cuts = Cuts(self.ys, self.x, self.stops, self.visible, self.locate).search()
        first = min(starts, key=lambda y: ways.distance[y])
        return Explanation(
            self.names,
            self.x_name,
            Status.CONNECTED,
            path=tuple(self._steps(first, self.x, ways.next, flow)),
            paths=sum(ways.count[y] for y in self.ys if y in ways.count),
            operations=tuple(place_of(op, self.locate) for op in ways.operations),
            terms=flow.terms[self.x],
            seeds=tuple(m for y in self.names for m in self.made.get(y, ()) if m.origin == Origin.SEED),
            cuts=tuple(cuts),
        )

    def _steps(
        self, value: SSAValue, end: SSAValue, following: Mapping[SSAValue, int], flow: Flow
    ) -> Iterator[PathStep]:
        while value is not end:
            op = value.owner
            assert isinstance(op, Operation)
            index = following[value]
            value = inputs_of(op)[index]
            role = role_of(op)
            result = op.results[0].type
            broadcast = facts_of(type(op)).broadcasts and result != value.type
            yield PathStep(
                place_of(op, self.locate),
                index,
                operand_name(op, index),
                name_of_value(value),
                str(value.type),
                source_of(op),
                flow.terms.get(value, 1),
                str(result) if broadcast else None,
                None if role is None else str(role),
                tuple(m for m in self.made.get(name_of(op), ()) if m.origin != Origin.SEED),
            )

    # ---- an error ---------------------------------------------------------------------------------------

    def _error(self, flow: Flow) -> Explanation:
        op, error = next(iter(flow.failures.items()))
        result = next(r for r in op.results if r in flow.terms)
        ways = _Ways(flow, result)
        first = min((y for y in self.ys if y in ways.count), key=lambda y: ways.distance[y])
        hints: tuple[str, ...] = ()
        if isinstance(error, MissingGradientError):
            hints = (
                f'define its rule: @pb.RegisterGradient("{type_name(op)}") on a function of the operation and of the '
                f'gradient of each result; or declare that it has none: pb.NotDifferentiable("{type_name(op)}")',
            )
        at = place_of(op, self.locate)
        kind = "" if isinstance(error, ValueError | LookupError) else f"{type(error).__name__}: "
        return Explanation(
            self.names,
            self.x_name,
            Status.ERROR,
            path=tuple(self._steps(first, result, ways.next, flow)),
            error=f"at {at.without_line()}: {kind}{error}{at.at_line()}",
            cuts=(Cut(Reason.FAILURE, str(error), at),),
            hints=hints,
        )

    # ---- no way at all ----------------------------------------------------------------------------------

    def _no_way(self, dependence: Dependence) -> Explanation:
        users = users_of(self.x, self.visible)
        reason, hints = self._missed(dependence, users)
        inputs = dependence.inputs()
        return Explanation(
            self.names,
            self.x_name,
            Status.NONE,
            cuts=(Cut(reason, _NO_WAY[reason].format(x=self.x_name)),),
            inputs=tuple(f"{name_of_value(v)} ({_kind(v)})" for v in inputs),
            users=tuple(place_of(op, self.locate) for op in users),
            hints=tuple(hints),
        )

    def _missed(self, dependence: Dependence, users: Sequence[Operation]) -> tuple[Reason, list[str]]:
        """Hints where no way leads to x: why, and what may have been meant."""
        owner = self.x.owner
        others = [n for n in dependence.behind if isinstance(n, Operation)]
        if isinstance(owner, ReadsVariable) and (label := variable_of(owner)) is not None:
            same = [op for op in others if isinstance(op, ReadsVariable) and variable_of(op) == label]
            if same:
                names = ", ".join(name_of(op) for op in same)
                return Reason.OTHER_READ, [
                    f"y reads it by {names}; differentiate with respect to the variable"
                ]
        if isinstance(owner, VariableOp):
            same = [op for op in others if variable_of(op) == owner.label and isinstance(op, VariableOp)]
            if same:
                return Reason.OTHER_REFERENCE, [f"y uses the reference '{name_of_value(same[0].results[0])}'"]
        if any(y in Dependence([self.x], self.visible).behind for y in self.ys):
            return Reason.REVERSED, []
        if isinstance(owner, Operation) and _is_constant(owner) and not users:
            return Reason.CONSTANT, []
        hints = [
            f"y depends on '{name}', which looks the same: was one made twice?"
            for name in self._alike(dependence)
        ]
        return (Reason.ELSEWHERE if users else Reason.UNUSED), hints

    def _alike(self, dependence: Dependence) -> list[str]:
        """Inputs of the type of x whose names differ from its name only by a number at the end."""
        base = _base_name(self.x_name)
        return [
            name_of_value(v)
            for v in dependence.inputs()
            if v.type == self.x.type and _base_name(name_of_value(v)) == base
        ]


_NO_WAY = {
    Reason.OTHER_READ: "x '{x}' is one read of its variable, and y depends on another",
    Reason.OTHER_REFERENCE: "x '{x}' is one reference to its variable, and y uses another",
    Reason.REVERSED: "x '{x}' is computed from y, not y from x",
    Reason.CONSTANT: "x '{x}' is a constant of its own, which nothing uses: an equal one elsewhere is another value",
    Reason.UNUSED: "nothing uses x '{x}'",
    Reason.ELSEWHERE: "x '{x}' is used, but not for y",
}


class _Ways:
    """The ways that gradients take to x: how many from each value, and how long the shortest is."""

    def __init__(self, flow: Flow, x: SSAValue) -> None:
        self.count: dict[SSAValue, int] = {x: 1}
        self.distance: dict[SSAValue, int] = {x: 0}
        self.next: dict[SSAValue, int] = {}
        self.operations: list[Operation] = []
        for op, arrived in reversed(flow.arrived.items()):
            inputs = inputs_of(op)
            on = [i for i, got in enumerate(arrived) if got and inputs[i] in self.count]
            results = [r for r in op.results if r is not x and r in flow.terms]
            if not on or not results:
                continue
            nearest = min(on, key=lambda i: self.distance[inputs[i]])
            for result in results:
                self.count[result] = sum(self.count[inputs[i]] for i in on)
                self.distance[result] = self.distance[inputs[nearest]] + 1
                self.next[result] = nearest
            self.operations.append(op)
        self.operations.reverse()


def _gradient_operations(block: Block) -> dict[str, list[Made]]:
    """The operations that the engine has made, by the name of the forward operation that they serve."""
    found: dict[str, list[Made]] = {}
    for op in _function_around(block).walk():
        role = role_of(op)
        if role is not None and role.forward:
            found.setdefault(role.forward, []).append(Made(name_of(op), op.name, role.origin.value))
    return found


def _function_around(block: Block) -> Operation | Block:
    op = block.parent_op()
    while op is not None and not isinstance(op, func.FuncOp):
        op = op.parent_op()
    return op if op is not None else block


def _is_constant(op: Operation) -> bool:
    return op.has_trait(ConstantLike, value_if_unregistered=False) or isinstance(op, Fill)


def _kind(value: SSAValue) -> str:
    return "argument" if isinstance(value, BlockArgument) else "variable"


def _base_name(name: str) -> str:
    return re.sub(r"_\d+$", "", name)
