"""The words of TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class TensorFlowWords:
    """See `workload.py`."""

    def __init__(self) -> None:
        math = tf.math
        self.abs, self.cos, self.exp, self.log, self.log1p = tf.abs, tf.cos, tf.exp, math.log, math.log1p
        self.relu, self.sigmoid, self.sin, self.softplus = tf.nn.relu, tf.sigmoid, tf.sin, math.softplus
        self.sqrt, self.tanh, self.where, self.softmax = tf.sqrt, tf.tanh, tf.where, tf.nn.softmax
        self.sum, self.mean, self.max = tf.reduce_sum, tf.reduce_mean, tf.reduce_max
        self.split, self.rows, self.transpose = self._split, tf.gather, tf.linalg.matrix_transpose

    def _split(self, x: Any, parts: int) -> Any:
        return tf.split(x, parts, -1)

    def layer_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-5)

    def in_order(self, x: Any) -> Any:
        """The same, in memory in the order of its dims, as every result is."""
        return x

    def gelu(self, x: Any) -> Any:
        return tf.nn.gelu(x, approximate=True)

    def heads(self, x: Any, count: int) -> Any:
        batch, length, width = x.shape
        return tf.transpose(tf.reshape(x, (batch, length, count, width // count)), (0, 2, 1, 3))

    def merged(self, x: Any) -> Any:
        batch, count, length, width = x.shape
        return tf.reshape(tf.transpose(x, (0, 2, 1, 3)), (batch, length, count * width))

    def flat(self, x: Any) -> Any:
        return tf.reshape(x, (x.shape[0], -1))

    def convolution(self, x: Any, filters: Any) -> Any:
        return tf.nn.conv2d(x, filters, 1, "SAME")

    def pool(self, x: Any) -> Any:
        return tf.nn.max_pool2d(x, 2, 2, "VALID")

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    def lstm_mean_square(self, x: Any, inner: Any, outer: Any, bias: Any) -> Any:
        """A loop that is unrolled when the function is traced, as is fastest here."""
        hidden = cell = tf.zeros((x.shape[1], outer.shape[0]))
        total = 0.0
        for row in tf.unstack(x):
            enters, forgets, new, leaves = tf.split(row @ inner + hidden @ outer + bias, 4, -1)
            cell = tf.sigmoid(forgets) * cell + tf.sigmoid(enters) * tf.tanh(new)
            hidden = tf.sigmoid(leaves) * tf.tanh(cell)
            total += tf.reduce_sum(hidden * hidden)
        return total / float(x.shape[0] * x.shape[1] * outer.shape[0])
