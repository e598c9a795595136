"""One use of an operation, from which the suite makes its tests: meaning, gradients, native code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pullback.dialects.graph.elementwise.complex_numbers import Imag, Real
from pullback.dialects.graph.tensor.insertion import inserting
from pullback.dialects.graph.tensor.tensor import Tensor
from pullback.dialects.graph.tensor.types import SlicesType, is_complex, is_inexact
from pullback.tests.graphs import Function, build, sample

Sampler = Callable[[np.random.Generator, tuple[int, ...]], Any]
"""Random values of a shape; they are cast to the argument's dtype."""


@dataclass(frozen=True)
class Case:
    """A body of one operation (or of the few that show it) on arguments of these types.

    Attributes:
        types: such as `"2x?xf64"`; a `?` is 3 when the case runs. Arguments of f64 and complex<f64> are differentiated.
        body: makes the results, of which the floating-point ones are differentiated.
        reference: the same on arrays, by something independent of the dialect (NumPy, SciPy); one result or a list.
        samples: how arguments are drawn, `None` (or a missing entry) for values from 0.5 to 2 that are apart from
            each other, 0 or 1 for integers and truth values.
        orders: of the gradients that are checked; empty for what has none.
        tolerance: relative, against the reference and between targets.
    """

    types: tuple[str, ...]
    body: Callable[..., Tensor | Sequence[Tensor]]
    reference: Callable[..., Any] | None = None
    samples: tuple[Sampler | None, ...] = ()
    orders: tuple[int, ...] = (1, 2)
    tolerance: float = 1e-10

    def function(self) -> Function:
        """The body as a graph function."""
        return build(self.types, self.body)

    def inputs(self, function: Function, rng: np.random.Generator) -> list[Any]:
        """Random arguments."""
        drawn: list[Any] = []
        for i, argument in enumerate(function.args):
            default = sample(rng, argument.type)
            sampler = self.samples[i] if i < len(self.samples) else None
            values = (
                default if sampler is None else np.asarray(sampler(rng, default.shape)).astype(default.dtype)
            )
            drawn.append(values)
        return drawn


def differentiated(function: Function) -> list[Tensor]:
    """The arguments that gradients are taken with respect to."""
    return [x for x in function.args if x.dtype in ("f64", "complex<f64>")]


def floating(ys: Sequence[Tensor]) -> list[Tensor]:
    """The results that have gradients."""
    return [y for y in ys if is_inexact(y.element_type)]


def real_parts(function: Function, y: Tensor) -> list[Tensor]:
    """A real y, or slices; of a complex one, the parts, which gradients start from."""
    if isinstance(y.type, SlicesType) or not is_complex(y.element_type):
        return [y]
    with inserting(function.block.add_op):
        return [Real.of(y), Imag.of(y)]
