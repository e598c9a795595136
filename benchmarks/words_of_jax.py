"""The words of JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class JaxWords:
    """See `workload.py`."""

    def __init__(self) -> None:
        self.abs, self.cos, self.exp, self.log, self.log1p = jnp.abs, jnp.cos, jnp.exp, jnp.log, jnp.log1p
        self.relu, self.sigmoid, self.sin, self.softplus = (
            jax.nn.relu,
            jax.nn.sigmoid,
            jnp.sin,
            jax.nn.softplus,
        )
        self.sqrt, self.tanh, self.where, self.softmax = jnp.sqrt, jnp.tanh, jnp.where, jax.nn.softmax
        self.sum, self.mean, self.max = jnp.sum, jnp.mean, jnp.max

    def layer_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        mean = x.mean(-1, keepdims=True)
        variance = x.var(-1, keepdims=True)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + offset

    def transpose(self, x: Any) -> Any:
        return x.mT

    def in_order(self, x: Any) -> Any:
        """The same, in memory in the order of its dims, as every result is."""
        return x

    def gelu(self, x: Any) -> Any:
        return jax.nn.gelu(x, approximate=True)

    def split(self, x: Any, parts: int) -> Any:
        return jnp.split(x, parts, -1)

    def heads(self, x: Any, count: int) -> Any:
        batch, length, width = x.shape
        return x.reshape(batch, length, count, width // count).transpose(0, 2, 1, 3)

    def merged(self, x: Any) -> Any:
        batch, count, length, width = x.shape
        return x.transpose(0, 2, 1, 3).reshape(batch, length, count * width)

    def flat(self, x: Any) -> Any:
        return x.reshape(x.shape[0], -1)

    def rows(self, table: Any, indices: Any) -> Any:
        return jnp.take(table, indices, axis=0)

    def convolution(self, x: Any, filters: Any) -> Any:
        layout = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, filters, (1, 1), "SAME", dimension_numbers=layout)

    def pool(self, x: Any) -> Any:
        return jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -jnp.mean(picked)

    def lstm_mean_square(self, x: Any, inner: Any, outer: Any, bias: Any) -> Any:
        def step(state: Any, row: Any) -> Any:
            hidden, cell = state
            enters, forgets, new, leaves = jnp.split(row @ inner + hidden @ outer + bias, 4, -1)
            cell = jax.nn.sigmoid(forgets) * cell + jax.nn.sigmoid(enters) * jnp.tanh(new)
            hidden = jax.nn.sigmoid(leaves) * jnp.tanh(cell)
            return (hidden, cell), hidden

        none = jnp.zeros((x.shape[1], outer.shape[0]), np.float32)
        hidden = jax.lax.scan(step, (none, none), x)[1]
        return jnp.mean(hidden * hidden)
