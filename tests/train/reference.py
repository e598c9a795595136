"""The optimizers in NumPy, as their papers and TensorFlow's kernels state them, one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Slots = dict[str, Array]
Rule = Callable[[Array, Array, Slots, int], Array]
"""The new contents from the old ones, the gradient, the slots (which it changes) and the number of the step."""


def gradient_descent(rate: float) -> Rule:
    return lambda w, g, slots, t: w - rate * g


def momentum(rate: float, decay: float, nesterov: bool = False) -> Rule:
    def step(w: Array, g: Array, slots: Slots, t: int) -> Array:
        v = slots["momentum"] = decay * slots.get("momentum", np.zeros_like(w)) + g
        return w - rate * (g + decay * v) if nesterov else w - rate * v

    return step


def adam(rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Rule:
    def step(w: Array, g: Array, slots: Slots, t: int) -> Array:
        m = slots["m"] = beta1 * slots.get("m", np.zeros_like(w)) + (1 - beta1) * g
        v = slots["v"] = beta2 * slots.get("v", np.zeros_like(w)) + (1 - beta2) * g**2
        return w - rate * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + epsilon)

    return step


def rms_prop(
    rate: float, decay: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-10, centered: bool = False
) -> Rule:
    def step(w: Array, g: Array, slots: Slots, t: int) -> Array:
        rms = slots["rms"] = decay * slots.get("rms", np.ones_like(w)) + (1 - decay) * g**2
        if centered:
            mean = slots["mg"] = decay * slots.get("mg", np.zeros_like(w)) + (1 - decay) * g
            rms = rms - mean**2
        v = momentum * slots.get("momentum", np.zeros_like(w)) + rate * g / np.sqrt(rms + epsilon)
        slots["momentum"] = v
        return w - v

    return step


def adagrad(rate: float, initial: float = 0.1) -> Rule:
    def step(w: Array, g: Array, slots: Slots, t: int) -> Array:
        total = slots["accumulator"] = slots.get("accumulator", np.full_like(w, initial)) + g**2
        return w - rate * g / np.sqrt(total)

    return step


def by_rows(rule: Rule) -> Rule:
    """The same for the rows that have a gradient; NaN marks rows without."""

    def step(w: Array, g: Array, slots: Slots, t: int) -> Array:
        touched = ~np.isnan(g).any(axis=1)
        part = {name: slot[touched] for name, slot in slots.items()}
        result = w.copy()
        result[touched] = rule(w[touched], g[touched], part, t)
        for name, values in part.items():
            initial = {"rms": 1.0, "accumulator": 0.1}.get(name, 0.0)
            slots.setdefault(name, np.full_like(w, initial))[touched] = values
        return result

    return step
