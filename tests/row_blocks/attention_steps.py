"""Attention of several kinds, as users write it: the result, a loss, and its gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import pullback as pb

DTYPES = {"f32": np.float32, "f64": np.float64, "f16": np.float16}


@dataclass(frozen=True)
class AttentionStep:
    """Attention of `queries` rows over `keys` rows, and what is made of it."""

    queries: int
    keys: int
    batch: tuple[int, ...] = (2,)
    width: int = 4
    dtype: str = "f32"
    causal: bool = False
    bias: tuple[int, ...] | None = None
    dropout: float = 0
    network: bool = True
    """Whether a product and a total over rows are between the result and the loss: then it takes two loops."""
    second: bool = False
    """Whether gradients of gradients are asked for."""

    def arrays(self) -> list[Any]:
        """Queries, keys, values, and the bias if there is one."""
        rng = np.random.default_rng(5)
        rows = [(*self.batch, n, self.width) for n in (self.queries, self.keys, self.keys)]
        shapes = rows if self.bias is None else [*rows, self.bias]
        return [rng.standard_normal(s).astype(DTYPES[self.dtype]) for s in shapes]

    def compiled(self, target: str = "numpy", pipeline: str = "") -> Any:
        """A step that gives the loss, the result, and gradients with respect to queries, keys and values."""
        with pb.Graph():
            inputs = [pb.placeholder(self.dtype, a.shape) for a in self.arrays()]
            result = self.attention(*inputs)
            seen = pb.tanh(result)
            if self.network:
                seen = seen * pb.mean(seen @ pb.ones((self.width, self.width), self.dtype))
            loss = pb.sum(seen)
            outputs = [loss, result, *pb.gradients(loss, inputs[:3])]
            if self.second:
                total = sum(pb.sum(g * g) for g in outputs[2:])
                outputs += pb.gradients(total, inputs[:3])
            return pb.compile(inputs, outputs, target=target, pipeline=pipeline)

    def attention(self, query: Any, key: Any, value: Any, bias: Any = None) -> Any:
        scores = query @ key.mT * 0.5
        if self.causal:
            seen = pb.expand_dims(pb.arange(self.queries), 1) >= pb.arange(self.keys)
            scores = pb.where(seen, scores, -np.inf)
        if bias is not None:
            scores = scores + bias
        weights = pb.softmax(scores)
        if self.dropout:
            weights = pb.dropout(weights, self.dropout, seed=3)
        return weights @ value
