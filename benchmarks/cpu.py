"""Steps on CPUs beside PyTorch, JAX and TensorFlow, on one thread and on two, all in one run.

    python benchmarks/cpu.py                                   every workload, about half an hour
    python benchmarks/cpu.py --only dense --threads 1          the workloads whose name contains this
    python benchmarks/cpu.py --rounds 20 --peers torch jax      longer, beside some systems

Each system has a process of its own, on as many cores as it has threads. All compile a workload and have to agree on
its results, then are timed in turn, round after round. Times are the least and the median of all calls, each of which
is waited for; ratios are of the least. Needs `pip install pullback[bench]`; TensorFlow is installed by hand. What is
not there is left out, and named.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from cpu_systems import PEERS, system_named
from cpu_tables import Measured, markdown, picture
from cpu_workloads import workloads
from rich.console import Console
from rich.progress import track
from worker import Failure, Worker
from workload import Workload, difference

TOLERANCE, OF_ADAM = 1e-3, 1e-2
"""Of results, in the norm. Adam's steps are as large where rounding makes up the gradient as anywhere."""
PATIENCE = 240
"""Seconds for a system to compile a workload."""


class Comparison:
    """The processes of the systems on a number of threads."""

    def __init__(self, systems: Sequence[str], threads: int, logs: Path) -> None:
        self.threads = threads
        self.missing: list[str] = []
        self.workers: dict[str, Worker] = {}
        self.versions: dict[str, str] = {}
        for number, system in enumerate(systems):
            log = logs / f"{threads}-{number}.log"
            worker = Worker(system, partial(system_named, system, threads), workloads, log)
            answer = worker.ask("start", "", time.monotonic() + PATIENCE)
            if isinstance(answer, Failure):
                worker.close()
                self.missing.append(f"{system} is left out: {answer.reason}")
            else:
                self.workers[system] = worker
                self.versions |= answer

    def measure(self, workload: Workload, rounds: int) -> Measured:
        """Compiles a workload everywhere, compares the results, and times in turn."""
        ask = {
            s: w.ask("prepare", workload.name, time.monotonic() + PATIENCE) for s, w in self.workers.items()
        }
        failures = {s: a.reason for s, a in ask.items() if isinstance(a, Failure)}
        failures |= disagreements(workload, {s: a for s, a in ask.items() if s not in failures})
        seconds: dict[str, list[list[float]]] = {}
        for _ in range(rounds):
            for system, worker in self.workers.items():
                if system in failures:
                    continue
                answer = worker.ask("time", workload.name, time.monotonic() + PATIENCE)
                if isinstance(answer, Failure):
                    failures[system] = answer.reason
                else:
                    seconds.setdefault(system, []).append(answer)
        calls = {s: [t for turn in turns for t in turn] for s, turns in seconds.items()}
        return Measured(
            workload.name,
            self.threads,
            {s: min(times) for s, times in calls.items()},
            {s: median(times) for s, times in calls.items()},
            failures,
        )

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()


def disagreements(workload: Workload, results: dict[str, Any]) -> dict[str, str]:
    """The systems whose results differ from those of most others, and how far."""
    tolerance = OF_ADAM if workload.optimizer == "adam" else TOLERANCE

    def distance(system: str, other: str) -> float:
        return difference(results[system], results[other])

    agree = {s: sum(distance(s, o) <= tolerance for o in results) for s in results}
    if not agree:
        return {}
    right = max(agree, key=lambda s: agree[s])
    return {
        s: f"differs by {distance(s, right):.1g} from {right}"
        for s in results
        if not distance(s, right) <= tolerance
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 if all of ours ran and agreed with the others."""
    options = parsed(arguments)
    chosen = [w for w in workloads() if options.only in w.name]
    if not chosen:
        print(f"cpu.py: no workload has {options.only!r} in its name", file=sys.stderr)
        return 1
    found: list[Measured] = []
    versions: dict[str, str] = {}
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as logs:
        for threads in options.threads:
            comparison = Comparison(["pullback", *options.peers], threads, Path(logs))
            try:
                for reason in comparison.missing:
                    print(reason, file=sys.stderr)
                title = f"{threads} thread{'s' * (threads > 1)}"
                for workload in track(chosen, title, console=console, disable=not sys.stderr.isatty()):
                    found.append(comparison.measure(workload, options.rounds))  # noqa: PERF401 as they come
            finally:
                comparison.close()
            versions |= comparison.versions
    text = markdown(found, versions)
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps([vars(m) for m in found], indent=1) + "\n")
    if options.picture is not None:
        picture(found, options.picture)
    return 1 if any("pullback" in m.failures for m in found) else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1, 2], help="one table each (default: 1 2)"
    )
    parser.add_argument("--rounds", type=int, default=10, help="in which all are timed (default: 10)")
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS, help="all unless given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all numbers are written to")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="where the tables are written to")
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="where ratios are drawn; needs matplotlib"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
