"""RMSProp, with momentum and centred if wanted."""

from __future__ import annotations

from pullback.frontend.functions.elementwise import sqrt
from pullback.frontend.handles.variable import Variable
from pullback.frontend.train.hyperparameters import Hyperparameter, fraction
from pullback.frontend.train.optimizer import Optimizer
from pullback.frontend.train.state import VariableState

__all__ = ["RMSPropOptimizer"]


class RMSPropOptimizer(Optimizer):
    """RMSProp (Hinton, 2012; centred: Graves, 2013).

        rms = decay * rms + (1 - decay) * gradient ** 2
        mg = decay * mg + (1 - decay) * gradient                               if centered, else 0
        momentum_slot = momentum * momentum_slot + learning_rate * gradient / sqrt(rms - mg ** 2 + epsilon)
        variable -= momentum_slot

    Slots: `rms`, which begins with ones, `momentum`, and `mg` if centered.

    Args:
        learning_rate: a number, or a tensor or variable that holds one.
        decay: of the averages, a number from 0 up to, but not including, 1.
        momentum, epsilon: as `learning_rate`.
        centered: whether gradients are divided by their deviation, not by their mean square.
        name: of the scope of the updates, and in the names of slots.

    Raises:
        ValueError: a hyperparameter is anything else.
    """

    def __init__(
        self,
        learning_rate: Hyperparameter,
        decay: float = 0.9,
        momentum: Hyperparameter = 0.0,
        epsilon: Hyperparameter = 1e-10,
        *,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        super().__init__(name, learning_rate=learning_rate, momentum=momentum, epsilon=epsilon)
        self._decay = fraction(decay, "decay")
        self._centered = centered

    def _apply(self, state: VariableState, variable: Variable) -> None:
        gradient, rest = state.gradient, 1 - self._decay
        names = ("learning_rate", "momentum", "epsilon")
        rate, momentum, epsilon = (self._number(name, gradient) for name in names)
        slot = self._slot(variable, "rms", initial=1.0)
        rms = state.read(slot)
        square = state.write(slot, rms + (gradient * gradient - rms) * rest)
        if self._centered:
            slot = self._slot(variable, "mg")
            mean = state.read(slot)
            mean = state.write(slot, mean + (gradient - mean) * rest)
            square = square - mean * mean
        slot = self._slot(variable, "momentum")
        step = state.read(slot) * momentum + gradient * rate / sqrt(square + epsilon)
        state.subtract(variable, state.write(slot, step))
