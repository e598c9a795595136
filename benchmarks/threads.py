"""Steps of the workloads of `cpu.py` on one thread and on several, alone and beside a process that keeps a core busy.

    python benchmarks/threads.py                        every workload, some minutes
    python benchmarks/threads.py --only LSTM --seconds 3

One process takes turns: so many calls on one thread, then on several. Alone the least time of a call counts; beside the
busy process the mean, in which every wait for a core is. Results have to be equal to the bit.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from cpu_systems import Prepared, Pullback
from cpu_workloads import workloads

BUSY = "while True: pass"
MOST = 1.1
"""Times that several threads may take of what one takes, beside the busy process."""


def seconds_of(prepared: Prepared, counts: Sequence[int], seconds: float) -> dict[int, list[float]]:
    """The seconds of calls on each number of threads, in turns of a tenth of the time."""
    import pullback as pb

    found: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(10):
        for count in counts:
            pb.set_num_threads(count)
            prepared.call()
            end = time.perf_counter() + seconds / 10
            now = 0.0
            while now < end:
                start = time.perf_counter()
                prepared.call()
                now = time.perf_counter()
                found[count].append(now - start)
    return found


def same_bits(prepared: Prepared, counts: Sequence[int]) -> bool:
    """Whether a call has the same results on each number of threads."""
    import pullback as pb

    found: list[list[bytes]] = []
    for count in counts:
        pb.set_num_threads(count)
        found.append([np.asarray(array).tobytes() for array in prepared.call()])
    return all(each == found[0] for each in found)


def row(name: str, cells: Sequence[Any]) -> str:
    return f"| {name} | {' | '.join(map(str, cells))} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 if all results are equal, and no workload is slower than it may be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument(
        "--threads", type=int, default=min(2, os.cpu_count() or 1), help="several, by default 2"
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="for each workload and number of threads")
    options = parser.parse_args(arguments)
    system, counts, fine = Pullback(options.threads), (1, options.threads), True
    chosen = [workload for workload in workloads() if options.only in workload.name]
    ready = [(workload, system.prepare(workload)) for workload in chosen]
    heads = ["1 thread, ms", f"{options.threads} threads, ms", "ratio"]
    print(row("workload", [*heads, *(f"{head}, busy" for head in heads)]))
    print(row("---", ["---"] * 6))
    for workload, prepared in ready:
        equal = workload.kind == "training" or same_bits(prepared, counts)
        alone = {count: min(times) for count, times in seconds_of(prepared, counts, options.seconds).items()}
        busy = subprocess.Popen([sys.executable, "-c", BUSY])
        try:
            calls = seconds_of(prepared, counts, options.seconds)
        finally:
            busy.kill()
            busy.wait()
        beside = {count: sum(times) / len(times) for count, times in calls.items()}
        cells: list[str] = []
        for found in (alone, beside):
            cells += [f"{found[count] * 1e3:.4g}" for count in counts]
            cells.append(f"{found[counts[1]] / found[counts[0]]:.2f}")
        fine &= equal and beside[counts[1]] <= MOST * beside[counts[0]]
        print(row(workload.name, cells) + ("" if equal else " results differ"), flush=True)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
