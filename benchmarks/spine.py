"""Native code from gradients, beside JAX and PyTorch's compiler: the same value and gradient, timed in one run.

    python benchmarks/spine.py                  every case, one thread each
    python benchmarks/spine.py --rounds 30      more rounds, for a noisy machine

Needs the extra `[bench]`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from timing import Case, Run, compare, compiled_torch, waiting

import pullback as pb


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


if __name__ == "__main__":
    sys.exit(compare(__doc__, all_cases))
