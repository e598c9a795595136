"""Matrix products beside OpenBLAS (NumPy), oneDNN or MKL (PyTorch) and XLA (JAX): kernel time, in all transposes.

    python benchmarks/products.py
    python benchmarks/products.py --only square --sizes 256 512 --seconds 20

One core, one thread each, all systems in turn within each round, of which the best counts. Ours is called in a loop of
native code; of the others' times that of an empty product is subtracted, which is what their call costs. The peak is
that of a loop of FMAs on registers, measured in the same rounds. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np
from product_systems import PEERS, Product, Run, fma_loop, native_loop

KINDS = ("square", "skinny", "batch")
DTYPES = ("f32", "f64")
TRANSPOSES = ("nn", "nt", "tn", "tt")
SQUARE = (16, 17, 32, 63, 64, 100, 128, 255, 256, 512, 1000, 1024, 2048)
SKINNY = (
    (1, 512, 512),
    (512, 1, 512),
    (4, 1024, 1024),
    (128, 10, 512),
    (512, 10, 128),
    (128, 512, 784),
    (17, 1000, 300),
)
"""Rows, columns, terms."""
BATCHES = ((64, 16, 16, 16), (64, 64, 64, 64), (16, 128, 128, 64), (16, 128, 64, 128))
"""Matrices, rows, columns, terms."""
CALLS = 2e7
"""Operations that a timed stretch has at least."""


def products(
    kinds: Sequence[str], sizes: Sequence[int], transposes: Sequence[str], dtypes: Sequence[str]
) -> list[Product]:
    """The sweep."""
    shapes: list[tuple[str, tuple[int, ...], int, int, int]] = []
    if "square" in kinds:
        shapes += [("square", (), n, n, n) for n in SQUARE]
    if "skinny" in kinds:
        shapes += [("skinny", (), m, n, k) for m, n, k in SKINNY]
    if "batch" in kinds:
        shapes += [("batch", (count,), m, n, k) for count, m, n, k in BATCHES]
    return [
        Product(kind, batch, m, n, k, t, dtype)
        for dtype in dtypes
        for kind, batch, m, n, k in shapes
        if not sizes or max(m, n, k) in sizes
        for t in transposes
    ]


def timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def without_call(run: Run, calls: int, empty: float) -> float:
    """Seconds of a call, less those of an empty one."""
    return max(timed(lambda: [run() for _ in range(calls)]) / calls - empty, 1e-9)


def measure(cases: Sequence[Product], peers: Sequence[str], seconds: float) -> dict[str, float]:
    """Times all systems in turn until the time is over; gives the peak of each dtype, in operations per second."""
    stretches: list[tuple[Product, str, Callable[[], float]]] = []
    peaks: dict[str, tuple[Run, float, list[float]]] = {}
    empty: dict[tuple[str, bool, str], float] = {}
    for case in cases:
        if case.dtype not in peaks:
            peaks[case.dtype] = (*fma_loop(case.dtype, 100_000), [])
        arrays = case.arrays()
        calls = max(1, int(CALLS / case.operations))
        ours = native_loop(case, arrays, calls)
        stretches.append((case, "ours", lambda run=ours, calls=calls: timed(run) / calls))
        expected = np.matmul(*case.views(arrays))
        ours()
        error = np.abs(arrays[2] - expected).max() / max(1e-30, np.abs(expected).max())
        assert error < (1e-4 if case.dtype == "f32" else 1e-12), f"{case.name}: off by {error}"
        for name in peers:
            key = name, bool(case.batch), case.dtype
            if key not in empty:
                nothing = Product("empty", case.batch and (1,), 1, 1, 1, "nn", case.dtype)
                run = PEERS[name](nothing, nothing.arrays())
                run()
                empty[key] = min(timed(lambda run=run: [run() for _ in range(20)]) / 20 for _ in range(50))
            run = PEERS[name](case, arrays)
            calls = max(1, calls // 4)

            stretches.append((case, name, partial(without_call, run, calls, empty[key])))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for run, _, found in peaks.values():
            found += [timed(run) for _ in range(4)]
        for case, name, stretch in stretches:
            stretch()
            for _ in range(3):
                case.seconds.setdefault(name, []).append(stretch())
    return {dtype: operations / min(found) for dtype, (_, operations, found) in peaks.items()}


def table(cases: Sequence[Product], peers: Sequence[str], peaks: dict[str, float]) -> str:
    """GFLOP/s of each system, the ratio to the best of the others, the part of the peak, and bytes of code."""
    names = ["ours", *peers]
    lines = [
        "| product | " + " | ".join(names) + " | ours / best | of peak | bytes |",
        "|---|" + "---|" * (len(names) + 3),
    ]
    for case in cases:
        speeds = [case.operations / case.best(name) / 1e9 for name in names]
        ratio = speeds[0] / max(speeds[1:]) if peers else 1.0
        part = speeds[0] * 1e9 / peaks[case.dtype]
        cells = " | ".join(f"{speed:.1f}" for speed in speeds)
        lines.append(f"| {case.name} | {cells} | {ratio:.2f} | {part:.2f} | {case.object_bytes} |")
    return "\n".join(lines)


def summary(cases: Sequence[Product], peers: Sequence[str], peaks: dict[str, float]) -> str:
    lines = [f"Peak: {', '.join(f'{dtype} {peak / 1e9:.0f} GFLOP/s' for dtype, peak in peaks.items())}."]
    if peers:
        ratios = [min(case.best(name) for name in peers) / case.best("ours") for case in cases]
        lines.append(
            f"Geometric mean of ours / best: {statistics.geometric_mean(ratios):.3f}; the least {min(ratios):.2f} "
            f"({cases[ratios.index(min(ratios))].name})."
        )
    large = [
        c.operations / c.best("ours") / peaks[c.dtype] for c in cases if c.kind == "square" and c.m >= 256
    ]
    if large:
        lines.append(f"Median part of the peak from 256 up: {statistics.median(large):.2f}.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", default=KINDS, choices=KINDS, help="kinds of shapes")
    parser.add_argument(
        "--sizes", nargs="+", type=int, default=[], help="only shapes of which this is the largest extent"
    )
    parser.add_argument("--transposes", nargs="+", default=TRANSPOSES, choices=TRANSPOSES)
    parser.add_argument("--dtypes", nargs="+", default=DTYPES, choices=DTYPES)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--seconds", type=float, default=30, help="of timing, for all together (default: 30)")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    peers = list[str]()
    for name in options.peers:
        try:
            nothing = Product("empty", (), 1, 1, 1, "nn", "f32")
            PEERS[name](nothing, nothing.arrays())
            peers.append(name)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    cases = products(options.only, options.sizes, options.transposes, options.dtypes)
    peaks = measure(cases, peers, options.seconds)
    print(table(cases, peers, peaks))
    print()
    print(summary(cases, peers, peaks))


if __name__ == "__main__":
    main()
