"""Native code from gradients, beside JAX and PyTorch's compiler: the same value and gradient, timed in one run.

    python benchmarks/spine.py                  every case, one thread each
    python benchmarks/spine.py --rounds 30      more rounds, for a noisy machine

Each round times every system once, in turn, so that drift of the machine meets all alike; what counts is the
ratio to the fastest peer in the same round. Needs the extra `[bench]`; a peer that is missing is left out, and named.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import pullback as pb

Run = Callable[[], Any]
"""Computes value and gradient once, and waits for both."""


@dataclass(frozen=True)
class Case:
    """One computation: its inputs, and how each system is set up for them."""

    name: str
    inputs: tuple[Any, ...]
    systems: dict[str, Callable[..., Run]]


def main() -> int:
    """Runs the cases and prints the table; 1 if two systems disagree about a value."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
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


# ---- the computations ----------------------------------------------------------------------------------------


def all_cases() -> list[Case]:
    """The cases, smallest first."""
    rng = np.random.default_rng(0)
    pointwise = {"pullback": pointwise_pullback, "jax": pointwise_jax, "torch": pointwise_torch}
    cases = [
        Case(f"pointwise n={n:.0e}", (rng.standard_normal(n, dtype=np.float32),), pointwise)
        for n in (1_000, 100_000, 10_000_000)
    ]
    logits = rng.standard_normal((1024, 1000), dtype=np.float32)
    labels = rng.integers(0, 1000, 1024).astype(np.int32)
    entropy = {"pullback": entropy_pullback, "jax": entropy_jax, "torch": entropy_torch}
    return [*cases, Case("softmax cross entropy 1024x1000", (logits, labels), entropy)]


def pointwise_pullback(data: Any) -> Run:
    with pb.Graph():
        x = pb.placeholder("f32", data.shape, name="x")
        y = pb.sum(pb.tanh(x) * (1 / (1 + pb.exp(-x))) + pb.exp(-x * x))
        step = pb.compile(inputs=[x], outputs=[y, pb.gradients(y, [x])[0]], target="cpu")
    return lambda: step(data)


def pointwise_jax(data: Any) -> Run:
    import jax
    import jax.numpy as jnp

    def f(x: Any) -> Any:
        return jnp.sum(jnp.tanh(x) * (1 / (1 + jnp.exp(-x))) + jnp.exp(-x * x))

    return waiting(jax.jit(jax.value_and_grad(f)), jnp.asarray(data))


def pointwise_torch(data: Any) -> Run:
    import torch

    def f(x: Any) -> Any:
        return torch.sum(torch.tanh(x) * (1 / (1 + torch.exp(-x))) + torch.exp(-x * x))

    return compiled_torch(f, torch.from_numpy(data.copy()))


def entropy_pullback(logits: Any, labels: Any) -> Run:
    rows, classes = logits.shape
    with pb.Graph():
        x = pb.placeholder("f32", logits.shape, name="logits")
        t = pb.placeholder("i32", labels.shape, name="labels")
        shifted = x - pb.max(x, axis=1, keepdims=True)
        log_softmax = shifted - pb.log(pb.sum(pb.exp(shifted), axis=1, keepdims=True))
        one_hot = pb.gather(pb.constant(np.eye(classes, dtype=np.float32)), t)
        loss = -pb.sum(log_softmax * one_hot) / float(rows)
        step = pb.compile(inputs=[x, t], outputs=[loss, pb.gradients(loss, [x])[0]], target="cpu")
    return lambda: step(logits, labels)


def entropy_jax(logits: Any, labels: Any) -> Run:
    import jax
    import jax.numpy as jnp

    def f(x: Any, t: Any) -> Any:
        picked = jnp.take_along_axis(jax.nn.log_softmax(x), t[:, None], axis=1)
        return -jnp.mean(picked)

    return waiting(jax.jit(jax.value_and_grad(f)), jnp.asarray(logits), jnp.asarray(labels))


def entropy_torch(logits: Any, labels: Any) -> Run:
    import torch

    targets = torch.from_numpy(labels.astype(np.int64))
    return compiled_torch(
        lambda x: torch.nn.functional.cross_entropy(x, targets), torch.from_numpy(logits.copy())
    )


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


if __name__ == "__main__":
    sys.exit(main())
