"""Recurrences of several kinds, as users write them: a loss, and its gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import pullback as pb

Step = Callable[..., Any]


@dataclass(frozen=True)
class Network:
    """A recurrence over `steps` rows of a sequence of `extent` rows."""

    cell: str
    steps: int = 5
    extent: int = 5
    batch: int = 3
    inputs: int = 4
    hidden: int = 6
    reverse: bool = False
    dtype: str = "f32"

    def arrays(self) -> list[Any]:
        """The sequence, both matrices and the bias."""
        rng = np.random.default_rng(3)
        width = {"rnn": 1, "gru": 3, "lstm": 4}[self.cell] * self.hidden
        shapes = [
            (self.extent, self.batch, self.inputs),
            (self.inputs, width),
            (self.hidden, width),
            (width,),
        ]
        numpy_dtype = {"f32": np.float32, "f64": np.float64}[self.dtype]
        return [(rng.standard_normal(s) / 2).astype(numpy_dtype) for s in shapes]

    def compiled(self, target: str = "numpy", pipeline: str = "") -> Any:
        """The loss, and its gradients with respect to the sequence and all weights."""
        with pb.Graph():
            xs, *weights = (pb.placeholder(self.dtype, a.shape) for a in self.arrays())
            loss = self.loss(xs, weights)
            outputs = [loss, *pb.gradients(loss, [xs, *weights])]
            return pb.compile([xs, *weights], outputs, target=target, pipeline=pipeline)

    def loss(self, xs: Any, weights: Sequence[Any]) -> Any:
        zero = pb.zeros((self.batch, self.hidden), self.dtype)
        w, u, b = weights

        def body(t: Any, h: Any, c: Any) -> Any:
            x = xs[self.steps - 1 - t if self.reverse else t]
            return (t + 1, *CELLS[self.cell](x, h, c, w, u, b))

        first = [pb.constant(0, "i32"), zero, zero]
        _, h, c = pb.while_loop(lambda t, h, c: t < self.steps, body, first)
        return pb.sum(h * h) + pb.sum(c)


def rnn(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> Any:
    return pb.tanh(x @ w + h @ u + b), c


def gru(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> Any:
    of_x, of_h = pb.split(x @ w + b, 3, axis=1), pb.split(h @ u, 3, axis=1)
    reset, update = pb.sigmoid(of_x[0] + of_h[0]), pb.sigmoid(of_x[1] + of_h[1])
    return update * h + (1 - update) * pb.tanh(of_x[2] + reset * of_h[2]), c


def lstm(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> Any:
    i, f, g, o = pb.split(x @ w + h @ u + b, 4, axis=1)
    c = pb.sigmoid(f) * c + pb.sigmoid(i) * pb.tanh(g)
    return pb.sigmoid(o) * pb.tanh(c), c


CELLS: dict[str, Step] = {"rnn": rnn, "gru": gru, "lstm": lstm}
