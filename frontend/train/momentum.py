"""Gradient descent with momentum, Nesterov's too."""

from __future__ import annotations

from pullback.frontend.handles.variable import Variable
from pullback.frontend.train.hyperparameters import Hyperparameter
from pullback.frontend.train.optimizer import Optimizer
from pullback.frontend.train.state import VariableState

__all__ = ["MomentumOptimizer"]


class MomentumOptimizer(Optimizer):
    """Momentum: `momentum_slot = momentum * momentum_slot + gradient; variable -= learning_rate * momentum_slot`.

    Slot: `momentum`.

    Args:
        learning_rate: a number, or a tensor or variable that holds one.
        momentum: how much of the last step goes on, likewise.
        use_nesterov: subtracts `learning_rate * (gradient + momentum * momentum_slot)` instead.
        name: of the scope of the updates, and in the names of slots.

    Raises:
        ValueError: a hyperparameter is anything else.
    """

    def __init__(
        self,
        learning_rate: Hyperparameter,
        momentum: Hyperparameter,
        *,
        use_nesterov: bool = False,
        name: str = "Momentum",
    ) -> None:
        super().__init__(name, learning_rate=learning_rate, momentum=momentum)
        self._use_nesterov = use_nesterov

    def _apply(self, state: VariableState, variable: Variable) -> None:
        gradient, slot = state.gradient, self._slot(variable, "momentum")
        rate, momentum = (self._number(name, gradient) for name in ("learning_rate", "momentum"))
        velocity = state.write(slot, state.read(slot) * momentum + gradient)
        step = gradient + velocity * momentum if self._use_nesterov else velocity
        state.subtract(variable, step * rate)
