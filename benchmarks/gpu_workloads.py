"""What `gpu.py` times: functions, gradients and training steps.

Large ones move several times what a device's second cache holds (50 MB), so that they meet its memory; what a real
program has in the cache is small here, too.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Literal

from models import (
    attention_loss,
    chain,
    chain_loss,
    column_sums,
    convolutions,
    cross_entropy,
    layer_norm_loss,
    layers,
    product,
    softmax,
    total,
    transpose,
    word_vectors,
)
from workload import Labels, Workload


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
