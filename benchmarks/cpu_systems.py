"""The systems that `cpu.py` compares, each on a given number of threads.

What a step reads and writes lies where the system likes it best: NumPy's arrays and variables with us, tensors with
PyTorch and TensorFlow, arrays with JAX.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from workload import CHECKED_STEPS, EPSILON, RATE, Array, Workload

PEERS = ("torch, eager", "torch", "jax", "tensorflow", "tensorflow, xla")
"""In this order they are asked for the results that others must have."""
TURN = 0.05
"""Seconds of calls in a turn, of which each is timed."""
MOST_CALLS = 2000


@dataclass(frozen=True)
class Prepared:
    """A compiled workload."""

    call: Callable[[], Any]
    """Computes once, and waits for the results."""
    results: list[Array]
    """Of the first call, or of the first steps: the losses, and the parameters that they lead to."""


class CpuSystem:
    """What all systems share: the clock, and the number of threads, which is set before anything is imported."""

    packages: tuple[str, ...] = ()

    def __init__(self, threads: int) -> None:
        cores = sorted(os.sched_getaffinity(0))[:threads]
        os.sched_setaffinity(0, cores)
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PULLBACK_NUM_THREADS"):
            os.environ[name] = str(threads)
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        self.threads = threads

    def prepare(self, workload: Workload) -> Prepared:
        raise NotImplementedError

    def timed(self, prepared: Prepared) -> list[float]:
        """Seconds of each call of a turn."""
        found: list[float] = []
        end = time.perf_counter() + TURN
        now = 0.0
        while len(found) < MOST_CALLS and now < end:
            start = time.perf_counter()
            prepared.call()
            now = time.perf_counter()
            found.append(now - start)
        return found

    def versions(self) -> dict[str, str]:
        from importlib.metadata import version

        return {name: version(name) for name in self.packages}


class Pullback(CpuSystem):
    """Pullback on target `cpu`: parameters of training steps are variables, all else is given to each call."""

    packages = ("numpy", "llvmlite", "xdsl")

    def prepare(self, workload: Workload) -> Prepared:
        from words_of_pullback import PullbackWords

        import pullback as pb

        weights, data = workload.arrays()
        with pb.Graph():
            if workload.kind == "training":
                parameters: list[Any] = [pb.Variable(a) for a in weights]
                given = data
            else:
                parameters = [pb.placeholder(a.dtype, a.shape) for a in weights]
                given = [*weights, *data]
            rest = [pb.placeholder(a.dtype, a.shape) for a in data]
            value = workload.on_tensors(PullbackWords(), *parameters, *rest)
            inputs = rest if workload.kind == "training" else [*parameters, *rest]
            step = pb.compile(inputs, self._outputs(workload, value, parameters), target="cpu")

        def call() -> Any:
            return step(*given)

        if workload.kind != "training":
            return Prepared(call, [np.asarray(array) for array in call()])
        losses = [np.asarray(call()[0]) for _ in range(CHECKED_STEPS)]
        return Prepared(call, [*losses, *(variable.numpy() for variable in parameters)])

    def _outputs(self, workload: Workload, value: Any, parameters: Sequence[Any]) -> list[Any]:
        import pullback as pb

        if workload.kind == "function":
            return [value]
        if workload.kind == "gradient":
            found = pb.gradients(value, list(parameters))
            return [value, *(g.values if workload.of_rows else g for g in found)]
        adam, sgd = pb.train.AdamOptimizer, pb.train.GradientDescentOptimizer
        optimizer = adam(RATE, epsilon=EPSILON) if workload.optimizer == "adam" else sgd(RATE)
        return [value, optimizer.minimize(value, var_list=list(parameters))]


def system_named(name: str, threads: int) -> CpuSystem:
    """Makes a system; raises where something that it needs is missing."""
    if name == "pullback":
        return Pullback(threads)
    from cpu_peers import Jax, TensorFlow, Torch

    if name == "jax":
        return Jax(threads)
    if name.startswith("torch"):
        return Torch(threads, compiled=name == "torch")
    return TensorFlow(threads, compiled=name == "tensorflow, xla")
