"""Adam."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.dialects.graph.elementwise.basic import Cast
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.frontend.functions.elementwise import sqrt
from pullback.frontend.graph.graph import Graph
from pullback.frontend.handles.operation import Operation
from pullback.frontend.handles.variable import Variable
from pullback.frontend.train.hyperparameters import Hyperparameter, fraction
from pullback.frontend.train.optimizer import Optimizer
from pullback.frontend.train.state import VariableState

__all__ = ["AdamOptimizer"]


class AdamOptimizer(Optimizer):
    """Adam (Kingma and Ba, 2015), in the form that the paper has before its section 2.1, with epsilon hat.

        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * gradient ** 2
        variable -= learning_rate * sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * m / (sqrt(v) + epsilon)

    Slots: `m`, `v`. The powers of the betas are variables, too: `beta1_power`, `beta2_power`.

    Args:
        learning_rate: a number, or a tensor or variable that holds one.
        beta1, beta2: numbers from 0 up to, but not including, 1.
        epsilon: as `learning_rate`.
        name: of the scope of the updates, and in the names of slots.

    Raises:
        ValueError: a hyperparameter is anything else.
    """

    def __init__(
        self,
        learning_rate: Hyperparameter = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: Hyperparameter = 1e-8,
        *,
        name: str = "Adam",
    ) -> None:
        super().__init__(name, learning_rate=learning_rate, epsilon=epsilon)
        self._betas = {"beta1_power": fraction(beta1, "beta1"), "beta2_power": fraction(beta2, "beta2")}

    def _prepare(self, variables: Sequence[Variable]) -> None:
        graph = variables[0].graph
        dtype = "f64" if any(v.dtype == "f64" for v in variables) else "f32"
        for name, beta in self._betas.items():
            if (name, graph) not in self._shared:
                self._shared[name, graph] = self._new_variable(graph, beta, name, dtype)

    def _apply(self, state: VariableState, variable: Variable) -> None:
        gradient, (beta1, beta2) = state.gradient, self._betas.values()
        slots = self._slot(variable, "m"), self._slot(variable, "v")
        m, v = map(state.read, slots)
        m = state.write(slots[0], m + (gradient - m) * (1 - beta1))
        v = state.write(slots[1], v + (gradient * gradient - v) * (1 - beta2))
        rate = Cast.to(self._rate(variable.graph), gradient.element_type)
        state.subtract(variable, rate * m / (sqrt(v) + self._number("epsilon", gradient)))

    def _rate(self, graph: Graph) -> Tensor:
        """The learning rate, with what makes up for moments that began at zero."""
        first, second = (self._shared[name, graph].read() for name in self._betas)
        return self._number("learning_rate", first) * sqrt(1 - second) / (1 - first)

    def _finish(self, graph: Graph) -> list[Operation]:
        powers = [(self._shared[name, graph], beta) for name, beta in self._betas.items()]
        return [power.assign(power.read() * beta) for power, beta in powers]
