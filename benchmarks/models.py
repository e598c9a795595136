"""Models that benchmarks time, in the words of any system (`words_of_*.py`)."""

from __future__ import annotations

from typing import Any


def chain(w: Any, x: Any) -> Any:
    return w.tanh(x) * w.sigmoid(x) + w.exp(-x * x)


def chain_loss(w: Any, x: Any) -> Any:
    return w.sum(chain(w, x))


def add_one(w: Any, x: Any) -> Any:
    return x + 1


def waves(w: Any, x: Any) -> Any:
    """The sum of 64 branches."""
    total = w.sin(x * 0.5) * 0.25
    for number in range(1, 64):
        total = total + w.sin(x * (0.5 + number / 64)) * (0.25 + number / 128)
    return w.sum(total)


def chain_with_skips(operations: int, w: Any, x: Any, factor: Any) -> Any:
    """So many operations one after the other, every 8th of which adds what was there before."""
    old = x
    for number in range(round(operations / (2 + 1 / 8))):
        new = w.tanh(x) * factor
        x, old = (new + old if number % 8 == 0 else new), x
    return w.sum(x)


def logarithms(w: Any, x: Any) -> Any:
    return w.sum(w.log1p(w.exp(x)) * w.cos(x))


def branches(w: Any, x: Any) -> Any:
    return w.sum(w.where(x > 0, w.sqrt(w.abs(x)) * x, w.exp(x) - 1))


def softmax(w: Any, x: Any) -> Any:
    return w.softmax(x)


def layer_norm_loss(w: Any, x: Any, scale: Any, offset: Any, factor: Any) -> Any:
    return w.sum(w.layer_norm(x, scale, offset) * factor)


def layer_norm_gelu(w: Any, x: Any, scale: Any, offset: Any) -> Any:
    return w.sum(w.gelu(w.layer_norm(x, scale, offset)))


def column_sums(w: Any, x: Any) -> Any:
    return w.sum(x, 0)


def column_log_sum_exp(w: Any, x: Any) -> Any:
    largest = w.max(x, 0)
    return w.sum(w.log(w.sum(w.exp(x - largest), 0)) + largest)


def row_variances(w: Any, x: Any) -> Any:
    centered = x - w.mean(x, 1)[:, None]
    return w.sum(w.sqrt(w.mean(centered * centered, 1) + 1e-5))


def total(w: Any, x: Any) -> Any:
    return w.sum(x)


def transpose(w: Any, x: Any) -> Any:
    return w.in_order(w.transpose(x))


def product(w: Any, x: Any, y: Any) -> Any:
    return x @ y


def layers(w: Any, *tensors: Any) -> Any:
    """Dense layers with biases, and cross entropy."""
    *parameters, x, labels = tensors
    for weights, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = w.relu(x @ weights + bias)
    return w.cross_entropy(x @ parameters[-2] + parameters[-1], labels)


def residual_layers(w: Any, *tensors: Any) -> Any:
    """Normalised dense layers, each added to what it is given, and cross entropy."""
    *parameters, last, x, labels = tensors
    for scale, offset, weights in zip(parameters[::3], parameters[1::3], parameters[2::3], strict=True):
        x = x + w.tanh(w.layer_norm(x, scale, offset) @ weights)
    return w.cross_entropy(x @ last, labels)


def attention_loss(w: Any, query: Any, key: Any, value: Any, factor: Any) -> Any:
    return w.sum(attention(w, query, key, value) * factor)


def attention(w: Any, query: Any, key: Any, value: Any) -> Any:
    return w.softmax(query @ w.transpose(key) * float(query.shape[-1]) ** -0.5) @ value


def transformer_block(w: Any, *tensors: Any) -> Any:
    """Attention of 4 heads and two dense layers, both behind a layer norm and added to what they are given."""
    scale, offset, into, out, scale_2, offset_2, wide, narrow, x = tensors
    heads = [w.heads(part, 4) for part in w.split(w.layer_norm(x, scale, offset) @ into, 3)]
    x = x + w.merged(attention(w, *heads)) @ out
    x = x + w.gelu(w.layer_norm(x, scale_2, offset_2) @ wide) @ narrow
    return w.mean(w.mean(w.mean(x * x, 2), 1), 0)


def recurrence(w: Any, inner: Any, outer: Any, bias: Any, x: Any) -> Any:
    """An LSTM over the first dim of x; the mean of the squares of all that it gives."""
    return w.lstm_mean_square(x, inner, outer, bias)


def convolutions(w: Any, first: Any, second: Any, last: Any, images: Any, labels: Any) -> Any:
    x = w.pool(w.relu(w.convolution(images, first)))
    x = w.relu(w.convolution(x, second))
    return w.cross_entropy(w.mean(x, (1, 2)) @ last, labels)


def convolutions_dense(w: Any, first: Any, second: Any, last: Any, images: Any, labels: Any) -> Any:
    """Two convolutions, and a dense layer of what is left of the images."""
    x = w.relu(w.convolution(images, first))
    x = w.pool(w.relu(w.convolution(x, second)))
    return w.cross_entropy(w.flat(x) @ last, labels)


def word_vectors(w: Any, vectors: Any, context: Any, word: Any, near: Any, noise: Any) -> Any:
    """Skip-gram with negative samples, as in `examples/word_vectors.py`."""
    center = w.rows(vectors, word)
    attraction = w.sum(center * w.rows(context, near), 1)
    repulsion = w.sum(center[:, None, :] * w.rows(context, noise), 2)
    return w.mean(w.softplus(-attraction)) + w.mean(w.sum(w.softplus(repulsion), 1))


def weighted_rows(w: Any, rows: Any, factor: Any) -> Any:
    return w.sum(w.tanh(rows) * factor)


def cross_entropy(w: Any, logits: Any, labels: Any) -> Any:
    return w.cross_entropy(logits, labels)
