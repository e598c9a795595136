"""What `gpu.py` times: functions, gradients and training steps, each written once in words that every system has.

The words are in `gpu_systems.py`. Large ones move several times what a device's second cache holds (50 MB), so that
they meet its memory; what a real program has in the cache is small here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Model = Callable[..., Any]
"""Of the words of a system, then of its tensors: the parameters and the data."""


@dataclass(frozen=True)
class Labels:
    """Random integers of a shape below a number."""

    shape: Shape
    below: int


@dataclass(frozen=True)
class Workload:
    """One computation, for all systems.

    Args:
        name: for tables.
        kind: a function of the data; a loss and the gradients of its parameters; a step that updates these.
        model: gives the result of the function, or the loss.
        parameters: shapes of what has gradients.
        data: shapes of what has none, and labels.
        bytes: that must be moved at least; what is read twice, because it does not fit anywhere, counts twice.
        flops: of the products, where they are what takes time.
        optimizer: of a step.
    """

    name: str
    kind: Literal["function", "gradient", "training"]
    model: Model
    parameters: Sequence[Shape]
    data: Sequence[Shape | Labels]
    bytes: int = 0
    flops: int = 0
    optimizer: Literal["sgd", "adam"] = "sgd"

    def arrays(self) -> tuple[list[Array], list[Array]]:
        """The same numbers in each process: those of the parameters are small, as first weights are."""
        rng = np.random.default_rng(0)

        def numbers(shape: Shape, size: float) -> Array:
            array = rng.random(shape, np.float32)
            array -= 0.5
            array *= 2 * size
            return array

        weights = [numbers(shape, prod(shape[:-1]) ** -0.5) for shape in self.parameters]
        data = [
            rng.integers(0, shape.below, shape.shape).astype(np.int32)
            if isinstance(shape, Labels)
            else numbers(shape, 1.0)
            for shape in self.data
        ]
        return weights, data


# ---- models ------------------------------------------------------------------------------------------------------


def chain(w: Any, x: Any) -> Any:
    return w.tanh(x) * w.sigmoid(x) + w.exp(-x * x)


def chain_loss(w: Any, x: Any) -> Any:
    return w.sum(chain(w, x))


def softmax(w: Any, x: Any) -> Any:
    return w.softmax(x)


def layer_norm_loss(w: Any, x: Any, scale: Any, offset: Any, factor: Any) -> Any:
    return w.sum(w.layer_norm(x, scale, offset) * factor)


def column_sums(w: Any, x: Any) -> Any:
    return w.sum(x, 0)


def total(w: Any, x: Any) -> Any:
    return w.sum(x)


def transpose(w: Any, x: Any) -> Any:
    return w.transpose(x)


def product(w: Any, x: Any, y: Any) -> Any:
    return x @ y


def layers(w: Any, *tensors: Any) -> Any:
    """Dense layers with biases, and cross entropy."""
    *parameters, x, labels = tensors
    for weights, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = w.relu(x @ weights + bias)
    return w.cross_entropy(x @ parameters[-2] + parameters[-1], labels)


def attention_loss(w: Any, query: Any, key: Any, value: Any, factor: Any) -> Any:
    scores = query @ key.mT * query.shape[-1] ** -0.5
    return w.sum(w.softmax(scores) @ value * factor)


def convolutions(w: Any, first: Any, second: Any, last: Any, images: Any, labels: Any) -> Any:
    x = w.pool(w.relu(w.convolution(images, first)))
    x = w.relu(w.convolution(x, second))
    return w.cross_entropy(w.mean(x, (1, 2)) @ last, labels)


def word_vectors(w: Any, vectors: Any, context: Any, word: Any, near: Any, noise: Any) -> Any:
    """Skip-gram with negative samples, as in `examples/word_vectors.py`."""
    center = w.rows(vectors, word)
    attraction = w.sum(center * w.rows(context, near), 1)
    repulsion = w.sum(center[:, None, :] * w.rows(context, noise), 2)
    return w.mean(w.softplus(-attraction)) + w.mean(w.sum(w.softplus(repulsion), 1))


def cross_entropy(w: Any, logits: Any, labels: Any) -> Any:
    return w.cross_entropy(logits, labels)


# ---- sizes -------------------------------------------------------------------------------------------------------


def workloads(small: bool) -> list[Workload]:
    """All of them; `small` ones take a moment on a CPU, and say nothing about speed."""

    def of(large: int, little: int) -> int:
        return little if small else large

    n, rows, columns = of(1 << 26, 3000), of(16384, 12), of(4096, 40)
    row, table = (rows, columns), rows * columns * 4
    vocabulary, words, width = of(100_000, 50), of(16384, 12), of(128, 8)
    logits = of(4096, 6), of(50_257, 37)
    images = of(256, 2), of(32, 6), of(32, 6), 8
    filters = of(64, 4)
    heads = of(64, 2), of(1024, 10), of(64, 4)
    made = [
        Workload("pointwise", "function", chain, [], [(n,)], bytes=8 * n),
        Workload("pointwise, gradient", "gradient", chain_loss, [(n,)], [], bytes=8 * n),
        Workload(f"softmax {rows}x{columns}", "function", softmax, [], [row], bytes=2 * table),
        Workload("softmax, rows of 8", "function", softmax, [], [(of(1 << 22, 50), 8)], bytes=of(1 << 28, 1)),
        Workload(
            f"layer norm, gradient {rows}x{columns}",
            "gradient",
            layer_norm_loss,
            [row, (columns,), (columns,)],
            [row],
            bytes=3 * table,
        ),
        Workload("column sums", "function", column_sums, [], [(2 * rows, columns)], bytes=2 * table),
        Workload("full sum", "function", total, [], [(2 * rows, columns)], bytes=2 * table),
        Workload("transpose", "function", transpose, [], [row], bytes=2 * table),
        *(matrices(m, k, p) for m, k, p in (SMALL_PRODUCTS if small else PRODUCTS)),
        *(dense(name, *sizes, small) for name, sizes in DENSE.items()),
        Workload(
            "attention, gradient",
            "gradient",
            attention_loss,
            [heads] * 3,
            [heads],
            flops=12 * heads[0] * heads[1] ** 2 * heads[2],
        ),
        Workload(
            "convolutions, SGD",
            "training",
            convolutions,
            [(3, 3, 8, filters), (3, 3, filters, filters), (filters, 10)],
            [images, Labels(images[:1], 10)],
        ),
        Workload(
            "word vectors, SGD",
            "training",
            word_vectors,
            [(vocabulary, width)] * 2,
            [Labels((words,), vocabulary), Labels((words,), vocabulary), Labels((words, 5), vocabulary)],
        ),
        Workload(
            "cross entropy, gradient",
            "gradient",
            cross_entropy,
            [logits],
            [Labels(logits[:1], logits[1])],
            bytes=12 * prod(logits),
        ),
    ]
    return made


PRODUCTS = [(1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096), (256, 4096, 4096), (4096, 4096, 64)]
SMALL_PRODUCTS = [(33, 20, 17)]


def matrices(m: int, k: int, n: int) -> Workload:
    return Workload(f"product {m}x{k}x{n}", "function", product, [], [(m, k), (k, n)], flops=2 * m * k * n)


DENSE: dict[str, tuple[int, list[int], Literal["sgd", "adam"]]] = {
    "4 layers of 64, SGD": (128, [64, 64, 64, 64, 10], "sgd"),
    "4 layers of 64, Adam": (128, [64, 64, 64, 64, 10], "adam"),
    "3 layers of 4096, Adam": (8192, [1024, 4096, 4096, 1000], "adam"),
}
"""Rows, the sizes of what is between layers, and the optimizer."""


def dense(name: str, rows: int, sizes: list[int], optimizer: Literal["sgd", "adam"], small: bool) -> Workload:
    if small:
        rows, sizes = 6, [min(size, 12) for size in sizes]
    pairs = list(pairwise(sizes))
    return Workload(
        name,
        "training",
        layers,
        [shape for before, after in pairs for shape in ((before, after), (after,))],
        [(rows, sizes[0]), Labels((rows,), sizes[-1])],
        flops=sum(6 * rows * a * b for a, b in pairs) - 2 * rows * sizes[0] * sizes[1],
        optimizer=optimizer,
    )
