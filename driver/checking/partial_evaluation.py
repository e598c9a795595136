"""Evaluates functions that may still ask for gradients: what no request concerns is computed, the rest unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from xdsl.dialects import func
from xdsl.ir import Operation, SSAValue

from pullback.backends.evaluator.evaluator import EvaluationError, Evaluator
from pullback.dialects.graph.gradient.request import Gradients
from pullback.dialects.graph.op.graph_op import Array
from pullback.dialects.graph.state.variables import Update, VariableOp
from pullback.dialects.ir.calls import called_function
from pullback.dialects.ir.diagnostics import DiagnosticError


class EndlessError(DiagnosticError, RuntimeError):
    """A run took more operations than it may: its loops do not end, or not soon."""


class Steps:
    """How many operations a run may still take, those of functions that it calls included."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, op: Operation) -> None:
        """Counts one operation.

        Raises:
            EndlessError: it is one too many.
        """
        self.left -= 1
        if self.left < 0:
            raise EndlessError("the run takes more operations than it may: does a loop never end?", op)


class _Unknown:
    """The value of a gradient that was not generated yet, and of whatever depends on it."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


class PartialEvaluator(Evaluator):
    """The evaluator, for level `request` too: a gradient that is asked for, and what depends on it, is `UNKNOWN`.

    Args:
        variables: the contents of each variable; updates change these arrays.
        recorded: takes the value of every result that was computed; of one in a loop, the last.
        within: the functions called that this run is part of.
        steps: how many operations may be run; any number unless given.
    """

    def __init__(
        self,
        variables: Mapping[str, Array],
        recorded: dict[SSAValue, Any] | None = None,
        within: Sequence[func.FuncOp] = (),
        steps: Steps | None = None,
    ) -> None:
        super().__init__(variables, {}, within)
        self.recorded = recorded
        self.steps = steps
        self.unknown_variables: set[str] = set()
        self._asks: dict[Operation, bool] = {}
        """Whether an operation, or one in its regions, is a request."""

    def run(self, op: Operation) -> None:
        if self.steps is not None:
            self.steps.take(op)
        if self._is_unknown(op):
            for inner in op.walk():
                if isinstance(inner, Update):
                    self.unknown_variables.add(_label_of(inner))
            self.values.update((result, UNKNOWN) for result in op.results)
            return
        super().run(op)
        if self.recorded is not None and not isinstance(op, VariableOp):
            for result in op.results:
                self.recorded[result] = _copy(self.values[result])

    def _is_unknown(self, op: Operation) -> bool:
        if op not in self._asks:
            self._asks[op] = any(isinstance(inner, Gradients) for inner in op.walk())
        if self._asks[op]:
            return True
        if isinstance(op, func.CallOp) or not (op.operands or op.regions):
            return False
        used = op.operands if not op.regions else [v for inner in op.walk() for v in inner.operands]
        return any(self._value_is_unknown(value) for value in used)

    def _value_is_unknown(self, value: SSAValue) -> bool:
        if self.values.get(value) is UNKNOWN:
            return True
        owner = value.owner
        return isinstance(owner, VariableOp) and owner.label in self.unknown_variables

    def call(self, op: func.CallOp, operands: Sequence[Any]) -> list[Any]:
        callee = called_function(op)
        if callee is None or not callee.body.blocks or callee in self.within:
            return super().call(op, operands)
        inner = self.for_call(callee)
        inner.unknown_variables = self.unknown_variables
        return inner.run_block(callee.body.block, operands)

    def for_call(self, callee: func.FuncOp) -> PartialEvaluator:
        """The evaluator of a function that is called."""
        return PartialEvaluator(self.variables, self.recorded, (*self.within, callee), self.steps)


def _copy(value: Any) -> Any:
    """What was read of a variable may share its memory."""
    return np.array(value) if isinstance(value, np.ndarray) else value


def _label_of(update: Update) -> str:
    """The name of the variable that an update changes."""
    owner = update.operands[0].owner
    return owner.label if isinstance(owner, VariableOp) else ""


def evaluate_partly(
    evaluator: PartialEvaluator, function: func.FuncOp, arguments: Sequence[Any]
) -> list[Any]:
    """Runs a function on an evaluator: each result is a value, or `UNKNOWN`.

    Raises:
        DiagnosticError: an operation cannot be run on these values.
    """
    block = function.body.block
    if len(arguments) != len(block.args):
        raise EvaluationError(
            f"@{function.sym_name.data}: {len(arguments)} inputs for {len(block.args)} arguments", function
        )
    with np.errstate(all="ignore"):
        return evaluator.run_block(block, arguments)
