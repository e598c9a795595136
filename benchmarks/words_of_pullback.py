"""The words of Pullback; what is the same in all systems is an operator."""

from __future__ import annotations

from typing import Any

import pullback as pb


class PullbackWords:
    """See `workload.py`."""

    def __init__(self) -> None:
        self.abs, self.cos, self.exp, self.log, self.log1p = pb.abs, pb.cos, pb.exp, pb.log, pb.log1p
        self.relu, self.sigmoid, self.sin, self.softplus = pb.relu, pb.sigmoid, pb.sin, pb.softplus
        self.sqrt, self.tanh, self.where, self.softmax = pb.sqrt, pb.tanh, pb.where, pb.softmax
        self.sum, self.mean, self.max, self.rows = pb.sum, pb.mean, pb.max, pb.gather
        self.layer_norm = pb.layer_norm

    def transpose(self, x: Any) -> Any:
        """Exchanges the last two dims."""
        return x.mT

    def in_order(self, x: Any) -> Any:
        """The same, in memory in the order of its dims, as every result is."""
        return x

    def gelu(self, x: Any) -> Any:
        return pb.gelu(x, approximate=True)

    def split(self, x: Any, parts: int) -> Any:
        return pb.split(x, parts, axis=-1)

    def heads(self, x: Any, count: int) -> Any:
        batch, length, width = x.shape
        return pb.transpose(pb.reshape(x, (batch, length, count, width // count)), (0, 2, 1, 3))

    def merged(self, x: Any) -> Any:
        batch, count, length, width = x.shape
        return pb.reshape(pb.transpose(x, (0, 2, 1, 3)), (batch, length, count * width))

    def flat(self, x: Any) -> Any:
        return pb.reshape(x, (x.shape[0], -1))

    def convolution(self, x: Any, filters: Any) -> Any:
        return pb.conv2d(x, filters, padding="SAME")

    def pool(self, x: Any) -> Any:
        return pb.max_pool2d(x, 2, strides=2)

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        losses = pb.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return pb.mean(losses)

    def lstm_mean_square(self, x: Any, inner: Any, outer: Any, bias: Any) -> Any:
        steps, batch, _ = x.shape
        width = outer.shape[0]

        def step(t: Any, hidden: Any, cell: Any, total: Any) -> Any:
            gates = x[t] @ inner + hidden @ outer + bias
            enters, forgets, new, leaves = pb.split(gates, 4, axis=-1)
            cell = pb.sigmoid(forgets) * cell + pb.sigmoid(enters) * pb.tanh(new)
            hidden = pb.sigmoid(leaves) * pb.tanh(cell)
            return t + 1, hidden, cell, total + pb.sum(hidden * hidden)

        none = pb.zeros((batch, width), "f32")
        first = [pb.constant(0, "i32"), none, none, pb.constant(0, "f32")]
        last = pb.while_loop(lambda t, *_: t < steps, step, first)
        return last[3] / float(steps * batch * width)
