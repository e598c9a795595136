"""Single operations beside JAX and PyTorch: the sum of squares of the result and its gradients, f32, on one thread.

    python benchmarks/operations.py                        some 110 operations, three minutes
    python benchmarks/operations.py --only solve "of columns" --worst 10

All systems are in one process on one core, timed in turn, and have to agree. Prints Markdown, the ratio of the best
peer to ours last; a system that is not there is left out, and named.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

os.environ.update(
    OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PULLBACK_NUM_THREADS="1"
)
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np
from operation_arrays import Array, arrays_of
from rich.console import Console
from rich.progress import track

SYSTEMS = ("pullback", "jax", "torch")
TOLERANCE = 1e-3
"""Of results, in the norm."""
TURNS, TURN = 4, 0.04
"""In so many turns each system is called for so many seconds."""


@dataclass(frozen=True)
class Row:
    """An operation, and the least seconds of a call in each system."""

    name: str
    seconds: dict[str, float]
    remarks: Sequence[str] = ()

    @property
    def ratio(self) -> float:
        return min(s for name, s in self.seconds.items() if name != "pullback") / self.seconds["pullback"]


def distance(found: Sequence[Array], expected: Sequence[Array]) -> float:
    """How far results are from those expected, in the norm."""
    return max(
        float(np.linalg.norm(np.float64(a) - b) / (np.linalg.norm(b) + 1e-30))
        for a, b in zip(found, expected, strict=True)
    )


def least_seconds(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The least time of a call of each, all in turn."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(TURNS):
        for name, call in calls.items():
            end, now = time.perf_counter() + TURN, 0.0
            while now < end:
                start = time.perf_counter()
                call()
                now = time.perf_counter()
                least[name] = min(least[name], now - start)
    return least


def measured(name: str, shape: str, arrays: list[Array], systems: dict[str, Any]) -> Row:
    """Compiles an operation everywhere, compares, and times."""
    calls = {s: m.compiled(m.OPERATIONS[name], arrays) for s, m in systems.items() if name in m.OPERATIONS}
    expected = [np.array(result) for result in calls["pullback"]()]
    remarks = [
        f"{system} differs by {far:.1g}"
        for system, call in calls.items()
        if (far := distance(call(), expected)) > TOLERANCE
    ]
    return Row(f"{name} {shape}", least_seconds(calls), remarks)


def table(rows: Sequence[Row], systems: Sequence[str]) -> str:
    heads = ["operation, us", *systems, "best peer / ours", ""]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        times = [f"{row.seconds[s] * 1e6:.1f}" if s in row.seconds else "" for s in systems]
        cells = [row.name, *times, f"{row.ratio:.2f}", ", ".join(row.remarks)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def loaded() -> dict[str, Any]:
    """The operations of each system that is there."""
    systems: dict[str, Any] = {}
    for name in SYSTEMS:
        try:
            systems[name] = import_module(f"operations_of_{name}")
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return systems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="parts of names")
    parser.add_argument("--worst", type=int, metavar="N", help="print only the least ratios")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    systems = loaded()
    if len(systems) < 2 or "pullback" not in systems:
        print("operations.py: there is no other system to compare with", file=sys.stderr)
        return 1
    names = [n for n in systems["pullback"].OPERATIONS if any(part in n for part in options.only)]
    if not names:
        print(f"operations.py: no operation has {' or '.join(options.only)} in its name", file=sys.stderr)
        return 1
    console = Console(stderr=True)
    rows = [
        measured(name, shape, arrays, systems)
        for name in track(names, "operations", console=console, disable=not sys.stderr.isatty())
        for shape, arrays in arrays_of(name)
    ]
    if options.worst is not None:
        rows = sorted(rows, key=lambda row: row.ratio)[: options.worst]
    print(table(rows, list(systems)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
