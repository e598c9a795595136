"""Times systems against each other in one run, beside JAX and PyTorch: what the scripts beside this one share.

Each round times every system once, in turn, so that drift of the machine meets all alike; what counts is the
ratio to the fastest peer in the same round. A peer that is not installed is left out, and named.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

Run = Callable[[], Any]
"""Computes value and gradient once, and waits for both."""


@dataclass(frozen=True)
class Case:
    """One computation: its inputs, and how each system is set up for them."""

    name: str
    inputs: tuple[Any, ...]
    systems: dict[str, Callable[..., Run]]


def compare(description: str | None, all_cases: Callable[[], Sequence[Case]]) -> int:
    """Runs the cases and prints the table; 1 if two systems disagree about a value."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="rounds per case (default: 15)")
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    options = parser.parse_args()
    use_one_thread()
    table = Table("case", "pullback", "jax", "torch", "slower peer / ours", "faster peer / ours")
    agree = True
    cases = [case for case in all_cases() if options.only in case.name]
    for case in track(cases, "timing", disable=not sys.stderr.isatty(), console=Console(stderr=True)):
        runs = set_up(case)
        agree &= check(case.name, {name: run() for name, run in runs.items()})
        table.add_row(case.name, *summary(measure(runs, options.rounds)))
    Console().print(table)
    return 0 if agree else 1


def use_one_thread() -> None:
    """One core for the process, and one thread for JAX and PyTorch, which are imported later."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["OMP_NUM_THREADS"] = "1"


def set_up(case: Case) -> dict[str, Run]:
    """The systems that are installed, compiled for the case."""
    runs: dict[str, Run] = {}
    for name, make in case.systems.items():
        try:
            runs[name] = make(*case.inputs)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return runs


def check(name: str, results: dict[str, Any]) -> bool:
    """Whether all systems computed the same value and gradient."""
    value, grad = (np.asarray(x, np.float64) for x in results["pullback"])
    agree = True
    for system, (other_value, other_grad) in results.items():
        same = np.allclose(value, other_value, rtol=1e-3) and np.allclose(
            grad, other_grad, rtol=1e-4, atol=1e-6
        )
        if not same:
            print(f"{name}: pullback and {system} differ", file=sys.stderr)
        agree &= same
    return agree


def measure(runs: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds per call of each system in each round."""
    inner: dict[str, int] = {}
    for name, run in runs.items():
        run()
        start = time.perf_counter()
        run()
        inner[name] = max(1, int(0.02 / max(time.perf_counter() - start, 1e-7)))
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            for _ in range(inner[name]):
                run()
            seconds[name].append((time.perf_counter() - start) / inner[name])
    return seconds


def summary(seconds: dict[str, list[float]]) -> list[str]:
    """The cells of a row: medians, and the median over rounds of each peer's time over ours."""
    ours = seconds["pullback"]
    cells = [
        f"{statistics.median(seconds[name]) * 1e6:,.1f} us" if name in seconds else "-"
        for name in ("pullback", "jax", "torch")
    ]
    ratios = sorted(
        statistics.median(peer / own for peer, own in zip(seconds[name], ours, strict=True))
        for name in seconds
        if name != "pullback"
    )
    return [*cells, *(f"{r:.2f}x" for r in (ratios[-1:] + ratios[:1]) or []), *([] if ratios else ["-", "-"])]


# ---- what peers need -------------------------------------------------------------------------------------------


def waiting(function: Any, *inputs: Any) -> Run:
    """JAX computes in the background: a call has ended when its results are ready."""

    def run() -> Any:
        value, grad = function(*inputs)
        grad.block_until_ready()
        return value, grad

    return run


def compiled_torch(function: Any, data: Any) -> Run:
    """Forward and backward through PyTorch's compiler."""
    import torch

    torch.set_num_threads(1)
    x = data.requires_grad_()
    compiled: Any = torch.compile(function)

    def run() -> Any:
        x.grad = None
        value = compiled(x)
        value.backward()
        return value.detach(), x.grad

    return run
