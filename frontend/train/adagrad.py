"""Adagrad."""

from __future__ import annotations

from pullback.frontend.functions.elementwise import sqrt
from pullback.frontend.handles.variable import Variable
from pullback.frontend.train.hyperparameters import Hyperparameter, number
from pullback.frontend.train.optimizer import Optimizer
from pullback.frontend.train.state import VariableState

__all__ = ["AdagradOptimizer"]


class AdagradOptimizer(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011).

        accumulator = accumulator + gradient ** 2
        variable -= learning_rate * gradient / sqrt(accumulator)

    Slot: `accumulator`.

    Args:
        learning_rate: a number, or a tensor or variable that holds one.
        initial_accumulator_value: what the slot begins with: a number above 0.
        name: of the scope of the updates, and in the names of slots.

    Raises:
        ValueError: a hyperparameter is anything else.
    """

    def __init__(
        self,
        learning_rate: Hyperparameter,
        initial_accumulator_value: float = 0.1,
        *,
        name: str = "Adagrad",
    ) -> None:
        super().__init__(name, learning_rate=learning_rate)
        self._initial = number(initial_accumulator_value, "initial_accumulator_value")
        if not self._initial > 0:
            raise ValueError(f"initial_accumulator_value must be positive: {self._initial}")

    def _apply(self, state: VariableState, variable: Variable) -> None:
        gradient = state.gradient
        slot = self._slot(variable, "accumulator", self._initial)
        total = state.write(slot, state.read(slot) + gradient * gradient)
        state.subtract(variable, self._number("learning_rate", gradient) * gradient / sqrt(total))
