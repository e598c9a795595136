"""Elementwise functions, generated from the classes of their operations; operands broadcast as in NumPy.

`elementwise.pyi` beside this file tells type checkers what they are; `python -m pullback.tools.generate` writes it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import cast

from pullback.dialects.graph import OPS
from pullback.dialects.graph.op.families import Binary, Unary
from pullback.dialects.graph.tensor.tensor import Operand, Tensor
from pullback.frontend.graph.emit import named_as, tensors

WRITTEN_OUT = frozenset(
    {
        *("cast", "conj", "real", "imag", "gelu", "leaky_relu", "polygamma", "prevent_gradient"),
        "sigmoid_cross_entropy",
    }
)
"""Functions that are written by hand: see `casts.py`, `complex_numbers.py`, `activations.py`, `gamma.py`."""


def unary(op: type[Unary]) -> Callable[..., Tensor]:
    """The function of an operation with one operand."""

    def function(x: Operand, name: str | None = None) -> Tensor:
        (value,) = tensors(x, op=op.name)
        return named_as(name, lambda: op.of(value))

    return function


def binary(op: type[Binary]) -> Callable[..., Tensor]:
    """The function of an operation with two operands."""

    def function(a: Operand, b: Operand, name: str | None = None) -> Tensor:
        values = tensors(a, b, op=op.name)
        return named_as(name, lambda: op.of(*values))

    return function


def _functions() -> dict[str, Callable[..., Tensor]]:
    made: dict[str, Callable[..., Tensor]] = {}
    for op in OPS.ours.values():
        name = op.name.removeprefix("graph.")
        # `issubclass` of abstract classes would ask every subclass that there is.
        families = set(op.__mro__) & {Unary, Binary}
        if not families or name in WRITTEN_OUT:
            continue
        function = unary(cast("type[Unary]", op)) if Unary in families else binary(cast("type[Binary]", op))
        function.__name__ = function.__qualname__ = name
        function.__doc__ = inspect.getdoc(op)
        made[name] = function
    return made


FUNCTIONS = _functions()
"""Each function by its name."""

globals().update(FUNCTIONS)
__all__ = [*FUNCTIONS]  # pyright: ignore[reportUnsupportedDunderAll]
