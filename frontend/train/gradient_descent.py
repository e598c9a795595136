"""Plain gradient descent."""

from __future__ import annotations

from typing import ClassVar

from pullback.frontend.handles.variable import Variable
from pullback.frontend.train.hyperparameters import Hyperparameter
from pullback.frontend.train.optimizer import Optimizer
from pullback.frontend.train.state import VariableState

__all__ = ["GradientDescentOptimizer"]


class GradientDescentOptimizer(Optimizer):
    """Gradient descent: `variable -= learning_rate * gradient`.

    Args:
        learning_rate: a number, or a tensor or variable that holds one.
        name: of the scope of the updates.

    Raises:
        ValueError: `learning_rate` is anything else.
    """

    SUMS_ROWS: ClassVar = False

    def __init__(self, learning_rate: Hyperparameter, *, name: str = "GradientDescent") -> None:
        super().__init__(name, learning_rate=learning_rate)

    def _apply(self, state: VariableState, variable: Variable) -> None:
        gradient = state.gradient
        state.subtract(variable, self._number("learning_rate", gradient) * gradient)
