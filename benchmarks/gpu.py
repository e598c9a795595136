"""Steps on a GPU beside PyTorch and JAX, each in its own process, in one run: what the device can do first.

    python benchmarks/gpu.py                               everything, in less than 150 seconds on an H200
    python benchmarks/gpu.py --only product --json out.json    the workloads whose name contains this
    python benchmarks/gpu.py --target fibers --small --no-peers    whether the benchmark itself works, without a GPU

All systems compile their workloads at the same time, and then are timed in turn, one workload after the other, those
whose results agree: with the first peer that is there, or with our evaluator on NumPy where there is none. A time is
the median over the rounds, a ratio the median of the ratios within a round. TF32 is off.

    device    the time of the device alone, where that can be told
    pace      of a call where only the last of many is waited for
    latency   of one that is waited for
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gpu_clock import Times
from gpu_systems import system_named
from gpu_tables import print_ceilings, print_times
from gpu_workloads import workloads
from rich.console import Console
from worker import Failure, Worker
from workload import Workload, difference

PEERS = ("torch", "torch, eager", "jax")
"""In this order they are asked for the results that others must have."""
TOLERANCE, OF_ADAM = 1e-3, 1e-2
"""Of results, in the norm. Adam's steps are as large where rounding makes up the gradient as anywhere."""
PREPARING, PATIENCE, ENDING = 0.6, 0.75, 0.97
"""Shares of the time: after the first no compilation begins, at the second the last has ended, and at the third the
tables are printed."""


@dataclass
class Comparison:
    """What a run has found out so far."""

    versions: dict[str, str] = field(default_factory=dict[str, str])
    ceilings: dict[str, float] = field(default_factory=dict[str, float])
    results: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])
    """Samples of results, or a `Failure`, by system and workload."""
    times: dict[tuple[str, str], list[Times]] = field(default_factory=dict[tuple[str, str], list[Times]])
    """One for each round, by system and workload."""

    def agree(self, of_all: Workload) -> bool:
        """Whether the systems agree about a workload; those that do not become failures, ours as well as others."""
        workload, tolerance = of_all.name, OF_ADAM if of_all.optimizer == "adam" else TOLERANCE
        order = [*PEERS, "numpy", "pullback"]
        given = [s for s in order if isinstance(self.results.get((s, workload)), list)]
        if given == ["pullback"]:
            self.results["pullback", workload] = Failure("nothing to compare with")
        distances = {
            s: difference(self.results[s, workload], self.results[given[0], workload]) for s in given[1:]
        }
        wrong = {s: d for s, d in distances.items() if not d <= tolerance}
        for system, distance in wrong.items():
            self.results[system, workload] = Failure(f"differs by {distance:.1g} from {given[0]}")
        return not wrong

    def failure(self, system: str, workload: str) -> str | None:
        """Why a system has no time for a workload."""
        found = self.results.get((system, workload))
        if isinstance(found, Failure):
            return found.reason
        return None if self.times.get((system, workload)) else "no time left"

    def as_json(self) -> dict[str, Any]:
        """All numbers, not only those of the tables."""
        entries: dict[str, dict[str, Any]] = {}
        for system, workload in self.results:
            reason = self.failure(system, workload)
            rounds = [asdict(times) for times in self.times.get((system, workload), [])]
            entries.setdefault(workload, {})[system] = {"failure": reason} if reason else {"rounds": rounds}
        return {"versions": self.versions, "ceilings": self.ceilings, "workloads": entries}


class Benchmark:
    """The processes of the systems, and the time that they have."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.begin = time.monotonic()
        self.folder = tempfile.TemporaryDirectory()
        self.workers: dict[str, Worker] = {}
        self.found = Comparison()

    def at(self, share: float) -> float:
        """The moment at which a share of the time is over."""
        return self.begin + share * self.options.seconds

    def start(self, systems: Sequence[str]) -> list[str]:
        """Starts processes; those whose system is there stay, and the reasons of the others are returned."""
        missing: list[str] = []
        log = Path(self.folder.name)
        chosen = partial(workloads, self.options.small)
        workers = [
            Worker(s, partial(system_named, s, self.options.target), chosen, log / f"{n}.log")
            for n, s in enumerate(systems)
        ]
        with ThreadPoolExecutor(len(workers)) as pool:
            answers = list(pool.map(lambda worker: worker.ask("start", "", self.at(PREPARING)), workers))
        for worker, answer in zip(workers, answers, strict=True):
            if isinstance(answer, Failure):
                worker.close()
                missing.append(f"{worker.system} is left out: {answer.reason}")
            else:
                self.workers[worker.system] = worker
                self.found.versions |= answer
        return missing

    def measure_ceilings(self) -> None:
        for worker in self.workers.values():
            answer = worker.ask("ceilings", "", self.at(PREPARING))
            if isinstance(answer, dict):
                self.found.ceilings |= answer

    def prepare(self, chosen: Sequence[Workload]) -> bool:
        """All systems compile and run all workloads, side by side; whether they agree."""

        def prepare_with(worker: Worker) -> None:
            for workload in chosen:
                late = time.monotonic() > self.at(PREPARING)
                # What was begun ends, or the process does: it could not be timed.
                answer = (
                    Failure("no time left")
                    if late
                    else worker.ask("prepare", workload.name, self.at(PATIENCE))
                )
                self.found.results[worker.system, workload.name] = answer

        with ThreadPoolExecutor(len(self.workers)) as pool:
            list(pool.map(prepare_with, self.workers.values()))
        disagreements = [workload.name for workload in chosen if not self.found.agree(workload)]
        return not disagreements

    def measure(self, chosen: Sequence[Workload]) -> None:
        """Rounds in which each workload is timed on each system in turn."""
        for _ in range(self.options.rounds):
            for workload in chosen:
                for system, worker in self.workers.items():
                    key = system, workload.name
                    if isinstance(self.found.results[key], Failure) or time.monotonic() > self.at(ENDING):
                        continue
                    answer = worker.ask("time", workload.name, self.at(1))
                    if isinstance(answer, Failure):
                        self.found.results[key] = answer
                    else:
                        self.found.times.setdefault(key, []).append(answer)

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()
        self.folder.cleanup()


def what_is_missing(target: str) -> str | None:
    """Why nothing can run on a target, in a line."""
    if target != "cuda":
        return None
    from pullback.backends.cuda_runtime.api import CudaMissingError, device_count

    try:
        device_count()
    except CudaMissingError as error:
        return str(error)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 0 if all went well, 1 if something is missing, fails, or gives other results."""
    options = parsed(arguments)
    if missing := what_is_missing(options.target):
        print(f"gpu.py: {missing}", file=sys.stderr)
        return 1
    chosen = [workload for workload in workloads(options.small) if options.only in workload.name]
    if not chosen:
        print(f"gpu.py: no workload has {options.only!r} in its name", file=sys.stderr)
        return 1
    benchmark, console = Benchmark(options), Console(width=None if sys.stdout.isatty() else 160)
    try:
        for reason in benchmark.start(["pullback", *(PEERS if options.peers else ("numpy",))]):
            print(reason, file=sys.stderr)
        if "pullback" not in benchmark.workers:
            return 1
        if len(benchmark.workers) == 1:
            benchmark.start(["numpy"])
        benchmark.measure_ceilings()
        print_ceilings(console, benchmark.found)
        agree = benchmark.prepare(chosen)
        benchmark.measure(chosen)
    finally:
        benchmark.close()
    systems = [system for system in ("pullback", *PEERS) if system in benchmark.workers]
    print_times(console, benchmark.found, chosen, systems)
    if options.json is not None:
        options.json.write_text(json.dumps(benchmark.found.as_json(), indent=1) + "\n")
    failures = [w.name for w in chosen if benchmark.found.failure("pullback", w.name)]
    return 0 if agree and not failures else 1


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", default="cuda", help="of our steps; without a GPU 'fibers' or 'cpu'")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="neither PyTorch nor JAX")
    parser.add_argument("--small", action="store_true", help="sizes that take a moment on a CPU")
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    parser.add_argument("--seconds", type=float, default=150, help="for everything (default: 150)")
    parser.add_argument("--rounds", type=int, default=3, help="in which all are timed (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all numbers are written to")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
