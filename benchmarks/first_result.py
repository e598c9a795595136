"""How long a built graph takes to its first result: compiled, and found among kept code; beside JAX and TensorFlow.

    python benchmarks/first_result.py                        every workload, each in processes of its own
    python benchmarks/first_result.py --only chain --repeat 1

The graph is built before the clock starts: with Pullback gradients included, with JAX lowered to StableHLO, with
TensorFlow as a concrete function. The least of several processes counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cpu_workloads import workloads
from models import chain_with_skips
from rich.console import Console
from rich.progress import track
from workload import RATE, Workload

SYSTEMS = ("pullback", "pullback, kept", "jax", "tensorflow")
CHOSEN = (
    "dense 784-512-512-10, SGD",
    "convolutions, 32 images",
    "transformer block, 4x128",
    "64 branches, 1e6",
)
WIDTH = 64
PATIENCE = 200
"""Seconds for one process."""


def timed_workloads() -> list[Workload]:
    """Chains, and networks of `cpu.py`."""
    chains = [
        Workload(
            f"chain of {size:,} operations",
            "gradient",
            partial(chain_with_skips, size),
            [(WIDTH,), (WIDTH,)],
            [],
        )
        for size in (1_000, 10_000)
    ]
    return [*chains, *(w for w in workloads() if w.name in CHOSEN)]


# ---- in a process of its own ---------------------------------------------------------------------------------------


def first_result(system: str, workload: Workload) -> float:
    """Seconds from the graph to the first result."""
    built = {"pullback": pullback, "jax": jax, "tensorflow": tensorflow}[system.partition(",")[0]](workload)
    start = time.perf_counter()
    built()
    return time.perf_counter() - start


def pullback(workload: Workload) -> Callable[[], Any]:
    from words_of_pullback import PullbackWords

    import pullback as pb

    weights, data = workload.arrays()
    trains = workload.kind == "training"

    def once(x: Any) -> Any:
        return x + 1.0

    pb.function(once)(np.ones(1, np.float32))  # what is done once is not counted
    graph = pb.Graph()
    with graph:
        parameters: list[Any] = [
            pb.Variable(a) if trains else pb.placeholder(a.dtype, a.shape) for a in weights
        ]
        rest = [pb.placeholder(a.dtype, a.shape) for a in data]
        value = workload.on_tensors(PullbackWords(), *parameters, *rest)
        if trains:
            results = [value, pb.train.GradientDescentOptimizer(RATE).minimize(value, var_list=parameters)]
        else:
            results = [value, *pb.gradients(value, parameters)]
    inputs, given = (rest, data) if trains else ([*parameters, *rest], [*weights, *data])
    return lambda: pb.compile(inputs, results, target="cpu")(*given)


def jax(workload: Workload) -> Callable[[], Any]:
    import jax
    from training_steps import jax_sgd_step
    from words_of_jax import JaxWords

    jax.config.update("jax_platforms", "cpu")
    weights, data = ([jax.device_put(a) for a in arrays] for arrays in workload.arrays())

    def model(ps: Any, inputs: Any) -> Any:
        return workload.on_tensors(JaxWords(), *ps, *inputs)

    trains = workload.kind == "training"
    function = jax_sgd_step(model) if trains else jax.value_and_grad(model)
    first = (weights,) if trains else weights
    jax.block_until_ready(jax.jit(lambda x: x + 1)(1.0))
    lowered = jax.jit(function).lower(first, data)
    return lambda: jax.block_until_ready(lowered.compile()(first, data))


def tensorflow(workload: Workload) -> Callable[[], Any]:
    import tensorflow
    from words_of_tensorflow import TensorFlowWords

    tf: Any = tensorflow
    weights, data = workload.arrays()
    parameters, inputs = [tf.Variable(a) for a in weights], [tf.constant(a) for a in data]

    @tf.function
    def run() -> Any:
        with tf.GradientTape() as tape:
            loss = workload.on_tensors(TensorFlowWords(), *parameters, *inputs)
        gradients = tape.gradient(loss, parameters)
        if workload.kind != "training":
            return loss, gradients
        for variable, gradient in zip(parameters, gradients, strict=True):
            variable.assign_sub(RATE * gradient)
        return loss

    function = run.get_concrete_function()
    return lambda: [t.numpy() for t in tf.nest.flatten(function())]


# ---- the table -----------------------------------------------------------------------------------------------------


def measured(system: str, workload: str, repeat: int, folder: Path) -> str:
    """The least time of several processes, as a cell."""
    cache = folder / workload.replace(" ", "-").replace(",", "") if "kept" in system else None
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"PULLBACK_CACHE": "0" if cache is None else str(cache)}
    command = [sys.executable, __file__, "--one", system, workload]
    found: list[float] = []
    for _ in range(repeat + (cache is not None)):  # the first one leaves what the others find
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return f"none in {PATIENCE}"
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["failed"])[-1][:60]
        found.append(float(done.stdout.split()[-1]))
    return f"{min(found[cache is not None :]):.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    options = parsed(arguments)
    known = {w.name: w for w in timed_workloads()}
    if options.one:
        system, name = options.one
        print(first_result(system, known[name]))
        return 0
    chosen = [name for name in known if options.only in name]
    pairs = [(name, system) for name in chosen for system in options.systems]
    cells: dict[tuple[str, str], str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, system in track(
            pairs, "timing", console=Console(stderr=True), disable=not sys.stderr.isatty()
        ):
            cells[name, system] = measured(system, name, options.repeat, Path(folder))
    head = ["seconds to the first result", *options.systems]
    rows = [head, ["---"] * len(head), *([n, *(cells[n, s] for s in options.systems)] for n in chosen)]
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS, help="all unless given")
    parser.add_argument("--repeat", type=int, default=3, help="processes for each cell (default: 3)")
    parser.add_argument("--one", nargs=2, metavar=("SYSTEM", "WORKLOAD"), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
