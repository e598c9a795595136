"""Random programs over every operation that all levels cover, as recipes that build the same graph again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import pullback as pb

EXTENTS = st.sampled_from([0, 1, 2, 3, 8, 17, 33])


@dataclass(frozen=True)
class Recipe:
    """A program: the shape (rows, columns) of its matrices, and one draw per step.

    Each draw picks an operation and the values it is applied to among those so far. `pointwise` programs have no
    other operations, `smooth` ones none whose gradient differs from the slope on purpose.
    """

    rows: int
    columns: int
    draws: tuple[tuple[int, int, int], ...]
    pointwise: bool = False
    smooth: bool = False

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the inputs: a matrix, a row, a column, and a square matrix on the right."""
        return [(self.rows, self.columns), (self.columns,), (self.rows, 1), (self.columns, self.columns)]

    def inputs(self, seed: int, dtype: str) -> list[Any]:
        """Random inputs, apart from each other and small enough for exp; last, row indices (i32)."""
        rng = np.random.default_rng(seed)
        floats = [rng.uniform(-1.5, 1.5, shape).astype(dtype) for shape in self.shapes]
        return [*floats, rng.integers(-1, self.rows + 1, self.rows).astype(np.int32)]

    def build(self, inputs: Sequence[pb.Tensor], indices: pb.Tensor) -> list[pb.Tensor]:
        """Two outputs: a tensor of the last step, and a scalar that depends on every step."""
        values = list(inputs[:3])
        for choice, i, j in self.draws:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append(self._step(choice, a, b, inputs[3], indices))
        total = values[-1] * 0.0
        for value in values[3:]:
            total = total + pb.tanh(value)
        return [values[-1] * 1.0, pb.sum(total)]

    def _step(
        self, choice: int, a: pb.Tensor, b: pb.Tensor, square: pb.Tensor, indices: pb.Tensor
    ) -> pb.Tensor:
        """One operation; every result broadcasts against a matrix."""
        full = (self.rows, self.columns)
        steps = [
            lambda: a + b,
            lambda: a * b,
            lambda: a - 0.5 * b,
            lambda: pb.tanh(a),
            lambda: pb.exp(-pb.maximum(a, -2.0 * a)),
            lambda: pb.log(a * a + 0.5),
            lambda: a / (b * b + 1.0),
            lambda: pb.maximum(a, b),
            lambda: pb.where(a > b, a, -b),
            lambda: pb.identity(a) + b if self.smooth else pb.stop_gradient(a) + b,
            lambda: pb.broadcast_to(a, full) * b,
            lambda: pb.cast(pb.cast(a, "i32"), a.dtype) + b,
        ]
        if not self.pointwise:
            steps += [
                lambda: pb.sum(pb.broadcast_to(a, full), axis=1, keepdims=True) * 0.1,
                lambda: pb.sum(pb.broadcast_to(a, full), axis=0) * 0.1,
                lambda: pb.sum(a) * 0.01,
                lambda: pb.max(pb.broadcast_to(a, full) + b, axis=1, keepdims=True) if self.columns else a,
                lambda: pb.max(pb.broadcast_to(a, full) + b, axis=0) if self.rows else a,
                lambda: pb.matmul(pb.broadcast_to(a, full), square) * 0.2,
                lambda: pb.transpose(pb.reshape(pb.transpose(pb.broadcast_to(a, full)), full[::-1])),
                lambda: pb.gather(pb.broadcast_to(a, full), indices),
                lambda: pb.reshape(pb.reshape(pb.broadcast_to(a, full), (self.rows * self.columns,)), full),
            ]
        return steps[choice % len(steps)]()


@st.composite
def recipes(draw: st.DrawFn, pointwise: bool = False, smooth: bool = False) -> Recipe:
    """Programs of up to eight steps, on shapes with the extents 0 and 1 and odd ones among them."""
    small = st.integers(0, 1000)
    draws = draw(st.lists(st.tuples(small, small, small), min_size=1, max_size=8))
    return Recipe(draw(EXTENTS), draw(EXTENTS), tuple(draws), pointwise, smooth)
