"""Training steps of the peers, which are the same on CPUs and on GPUs: PyTorch's optimizers, and JAX's written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workload import EPSILON, RATE, Workload


def torch_step(workload: Workload, model: Callable[..., Any], weights: Any, data: Any) -> Callable[[], Any]:
    """Updates tensors in place; the fused optimizers take no gradients of rows."""
    from torch import optim

    fused = not workload.of_rows
    optimizer: Any = (
        optim.Adam(weights, lr=RATE, eps=EPSILON, fused=fused)
        if workload.optimizer == "adam"
        else optim.SGD(weights, lr=RATE, fused=fused)
    )

    def step() -> Any:
        loss = model(*weights, *data)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    return step


def jax_sgd_step(model: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    def step(state: Any, data: Any) -> Any:
        (weights,) = state
        loss, gradients = jax.value_and_grad(model)(weights, data)
        return ([p - RATE * g for p, g in zip(weights, gradients, strict=True)],), loss

    return step


def jax_adam_step(model: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    def step(state: Any, data: Any) -> Any:
        weights, means, squares, count = state
        loss, gradients = jax.value_and_grad(model)(weights, data)
        count = count + 1
        means = [0.9 * m + 0.1 * g for m, g in zip(means, gradients, strict=True)]
        squares = [0.999 * v + 0.001 * g * g for v, g in zip(squares, gradients, strict=True)]
        rate = RATE * jax.numpy.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        moved = [
            p - rate * m / (jax.numpy.sqrt(v) + EPSILON)
            for p, m, v in zip(weights, means, squares, strict=True)
        ]
        return (moved, means, squares, count), loss

    return step
