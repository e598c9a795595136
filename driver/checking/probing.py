"""Evaluates a block at a point, and near it, where one value is moved.

What gradients take as constant is held at its value: what was read of a variable, stopped values, results of loops
without gradient. So differences measure what gradients claim, and no more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.ir import Block, Operation, SSAValue

from pullback.backends.evaluator.evaluator import Evaluator
from pullback.dialects.graph.elementwise.basic import StopGradient
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.state.control_flow import While
from pullback.dialects.graph.state.variables import ReadsVariable, Update, VariableOp
from pullback.dialects.graph.tensor.slices_value import SlicesValue
from pullback.passes.explain.dependence import Dependence, Node
from pullback.passes.gradients.visible import Visible


class _HoldingEvaluator(Evaluator):
    """Records held values on the first run, and replays them on later ones."""

    def __init__(self, variables: Mapping[str, Array], stops: Collection[SSAValue]) -> None:
        super().__init__(variables, {})
        self.stops = stops
        self.kept: dict[Operation, list[list[Any]]] = {}
        """The results of each operation with a held one, for every trip of the loop that it may be in."""
        self.seen: dict[Operation, list[Array]] = {}
        """The contents that each read of a variable saw, likewise."""
        self.turns: dict[Operation, int] | None = None
        """The number of times that each of these was met on a later run."""
        self.shift: tuple[SSAValue, Array] | None = None
        """A variable, and what is added to it wherever it is read."""

    def again(
        self, values: Mapping[SSAValue, Any], shift: tuple[SSAValue, Array] | None
    ) -> _HoldingEvaluator:
        """An evaluator for a later run, which starts with these values."""
        other = _HoldingEvaluator(self.variables, self.stops)
        other.kept, other.seen, other.turns, other.shift = self.kept, self.seen, {}, shift
        other.values = dict(values)
        return other

    def run(self, op: Operation) -> None:
        if self.turns is None:
            if isinstance(op, ReadsVariable):
                self.seen.setdefault(op, []).append(self.values[op.operands[0]].copy())
            super().run(op)
            if _is_held(op) or any(r in self.stops for r in op.results):
                self.kept.setdefault(op, []).append([self.values[r] for r in op.results])
        elif op in self.kept or op in self.seen:
            turn = self.turns.get(op, 0)
            self.turns[op] = turn + 1
            self._run_again(op, turn)
        else:
            super().run(op)

    def _run_again(self, op: Operation, turn: int) -> None:
        # A loop that takes more turns than on the first run goes on with the last values.
        if (seen := self.seen.get(op)) is not None:
            contents = seen[min(turn, len(seen) - 1)]
            if self.shift is not None and self.shift[0] is op.operands[0]:
                contents = contents + self.shift[1]
            self.values[op.operands[0]] = contents
        if not _is_held(op):
            super().run(op)
        if (kept := self.kept.get(op)) is not None:
            for result, value in zip(op.results, kept[min(turn, len(kept) - 1)], strict=True):
                if _is_held(op) or result in self.stops:
                    self.values[result] = value


def _is_held(op: Operation) -> bool:
    return isinstance(op, Update | StopGradient) or (isinstance(op, While) and op.no_gradient is not None)


class Probe:
    """The values of a block at a point.

    Args:
        block: of a finished graph, its terminator aside.
        arguments: a value for each of its arguments, and for whatever else it does not compute.
        variables: the contents of each variable; they are copied.
        stops: values to hold.
    """

    def __init__(
        self,
        block: Block,
        arguments: Mapping[SSAValue, Any],
        variables: Mapping[str, Array],
        stops: Collection[SSAValue],
    ) -> None:
        self.block, self.arguments, self.variables, self.stops = block, arguments, variables, stops
        self._base = _HoldingEvaluator({}, stops)

    def compute(self, wanted: Sequence[SSAValue]) -> None:
        """Computes these values at the point, and all that they depend on."""
        contents = {label: array.copy() for label, array in self.variables.items()}
        self._base = _HoldingEvaluator(contents, self.stops)
        self._base.values.update(self.arguments)
        needed = Dependence(wanted, Visible.only(self.block)).behind
        self._run(self._base, needed)

    def __getitem__(self, value: SSAValue) -> Any:
        return self._base.values[value]

    def moved(self, x: SSAValue, by: Array, ys: Sequence[SSAValue]) -> list[Any]:
        """The ys where x is moved, and what is computed from it follows."""
        shift = (x, by) if isinstance(x.owner, VariableOp) else None
        run = self._base.again(self._base.values, shift)
        if shift is None:
            run.values[x] = _plus(self[x], by)
        following = Dependence(ys, Visible.only(self.block)).between(x)
        self._run(run, following)
        return [run.values[y] for y in ys]

    def _run(self, evaluator: Evaluator, wanted: Collection[Node]) -> None:
        with np.errstate(all="ignore"):
            for op in self.block.ops:
                if op in wanted:
                    evaluator.run(op)

    def contents(self, x: SSAValue) -> Any:
        """The data of a value: of a variable its initial contents, of slices their rows."""
        owner = x.owner
        return self.variables[owner.label] if isinstance(owner, VariableOp) else rows_of(self[x])


def _plus(value: Any, by: Array) -> Any:
    """Adds a change to a value; to slices, in their rows."""
    return value._replace(values=value.values + by) if isinstance(value, SlicesValue) else value + by


def rows_of(value: Any) -> Array:
    """The differentiable data of a value: an array; of slices their rows."""
    return np.asarray(value.values if isinstance(value, SlicesValue) else value)
