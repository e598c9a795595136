"""What `cpu.py` times: functions, values with gradients, and training steps, of 4 elements to 1e7."""

from __future__ import annotations

from itertools import pairwise

from models import (
    add_one,
    branches,
    chain_loss,
    column_log_sum_exp,
    convolutions_dense,
    cross_entropy,
    layer_norm_gelu,
    layers,
    logarithms,
    recurrence,
    residual_layers,
    row_variances,
    transformer_block,
    waves,
    weighted_rows,
)
from workload import Labels, Shape, Workload

TABLE: Shape = (100_000, 64)
UNTUNED = "untuned: "
"""The names of workloads that nothing was tuned for begin so."""


def workloads() -> list[Workload]:
    """All of them, small ones first."""
    return [
        Workload("x + 1, 4 elements", "function", add_one, [], [(4,)]),
        *(
            Workload(f"tanh * sigmoid + exp, {n:.0e}", "gradient", chain_loss, [(n,)], [])
            for n in (1_000, 100_000, 10_000_000)
        ),
        *(
            Workload(f"cross entropy {m}x{n}", "gradient", cross_entropy, [(m, n)], [Labels((m,), n)])
            for m, n in ((64, 10), (1024, 1000))
        ),
        Workload(
            "layer norm, gelu 2048x1024", "gradient", layer_norm_gelu, [(2048, 1024), (1024,), (1024,)], []
        ),
        dense_layers(128, (784, 512, 512, 10)),
        Workload(
            "convolutions, 32 images",
            "gradient",
            convolutions_dense,
            [(3, 3, 3, 32), (3, 3, 32, 64), (16 * 16 * 64, 10)],
            [(32, 32, 32, 3), Labels((32,), 10)],
        ),
        transformer(4, 128),
        transformer(1, 1024),
        Workload(
            "rows of a table, gradient",
            "gradient",
            weighted_rows,
            [TABLE],
            [Labels((512,), TABLE[0]), (512, 64)],
            of_rows=True,
        ),
        Workload(
            "rows of a table, SGD",
            "training",
            weighted_rows,
            [TABLE],
            [Labels((512,), TABLE[0]), (512, 64)],
            of_rows=True,
        ),
        Workload(
            "LSTM, 64 steps of 16x128",
            "gradient",
            recurrence,
            [(128, 512), (128, 512), (512,)],
            [(64, 16, 128)],
        ),
        Workload("64 branches, 1e6", "gradient", waves, [(1_000_000,)], []),
        *untuned(),
    ]


def untuned() -> list[Workload]:
    """Two that are pointwise, two reductions and a network, for which nothing was tuned."""
    layer: list[Shape] = [(256,), (256,), (256, 256)]
    return [
        Workload(f"{UNTUNED}log1p(exp) * cos, 1e6", "gradient", logarithms, [(1_000_000,)], []),
        Workload(f"{UNTUNED}where, sqrt, exp, 3e5", "gradient", branches, [(300_000,)], []),
        Workload(f"{UNTUNED}log-sum-exp of columns", "gradient", column_log_sum_exp, [(2000, 700)], []),
        Workload(f"{UNTUNED}deviations of rows", "gradient", row_variances, [(300, 5000)], []),
        Workload(
            f"{UNTUNED}8 residual layers of 256, Adam",
            "training",
            residual_layers,
            [*layer * 8, (256, 10)],
            [(64, 256), Labels((64,), 10)],
            optimizer="adam",
        ),
    ]


def dense_layers(rows: int, sizes: Shape) -> Workload:
    return Workload(
        f"dense {'-'.join(map(str, sizes))}, SGD",
        "training",
        layers,
        [shape for before, after in pairwise(sizes) for shape in ((before, after), (after,))],
        [(rows, sizes[0]), Labels((rows,), sizes[-1])],
    )


def transformer(batch: int, length: int) -> Workload:
    """Of 4 heads of 64; the gradients are those of the weights."""
    norms: list[Shape] = [(256,), (256,)]
    weights = [*norms, (256, 768), (256, 256), *norms, (256, 1024), (1024, 256)]
    name = f"transformer block, {batch}x{length}"
    return Workload(name, "gradient", transformer_block, weights, [(batch, length, 256)])


FLOORS: dict[str, tuple[float, float]] = {
    "x + 1, 4 elements": (2.5, 2.5),
    "tanh * sigmoid + exp, 1e+03": (4, 2),
    "tanh * sigmoid + exp, 1e+05": (1.5, 2),
    "tanh * sigmoid + exp, 1e+07": (5, 4),
    "cross entropy 64x10": (4, 2.5),
    "cross entropy 1024x1000": (2, 2.2),
    "layer norm, gelu 2048x1024": (2.5, 3),
    "dense 784-512-512-10, SGD": (1.15, 1.1),
    "convolutions, 32 images": (1.2, 1.15),
    "transformer block, 4x128": (1.2, 1.1),
    "transformer block, 1x1024": (1.2, 1.2),
    "rows of a table, gradient": (2.5, 3),
    "rows of a table, SGD": (5, 5),
    "LSTM, 64 steps of 16x128": (1.2, 1.05),
    "64 branches, 1e6": (1.3, 1.3),
}
"""How many times as fast as the best peer we mean to be, on one thread and on two."""
