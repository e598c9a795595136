"""Programs for the runtime: small ones, each of the parts that plans tell apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import pullback as pb
from pullback.tests.driver.host_cases import turned

X = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)


class Trained(NamedTuple):
    """A step that trains, and the variables that it changes."""

    step: pb.Step
    variables: list[pb.Variable]

    def contents(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in self.variables]


def weights(rows: int, columns: int, name: str) -> pb.Variable:
    values = np.random.default_rng(rows + columns).normal(size=(rows, columns)) / 2
    return pb.Variable(values.astype(np.float32), name=name)


def layers(target: str = "cuda", devices: tuple[str, str] | None = None, **options: Any) -> Trained:
    """Two layers, each on a device, their loss, and a step of gradient descent."""
    with pb.Graph():
        x = pb.placeholder("f32", (8, 4), name="x")
        with pb.device(devices[0] if devices else None):
            w = weights(4, 4, "w")
            h = pb.tanh(x @ w)
        with pb.device(devices[1] if devices else None):
            v = weights(4, 2, "v")
            loss = pb.sum(pb.tanh(h @ v) ** 2)
        update = pb.train.GradientDescentOptimizer(0.1).minimize(loss, colocate_gradients_with_ops=True)
        return Trained(pb.compile([x], [loss, update], target=target, **options), [w, v])


def loop(target: str = "cuda") -> pb.Step:
    """A loop whose trips the input says, and its gradient: a loop with stacks."""
    with pb.Graph():
        x, n = pb.placeholder("f32", (8, 4), name="x"), pb.placeholder("i32", (), name="n")
        w = pb.constant(np.eye(4, dtype=np.float32) * np.float32(0.9))
        _, h = pb.while_loop(
            lambda i, h: i < n, lambda i, h: (i + 1, pb.tanh(h @ w)), (pb.constant(np.int32(0)), x)
        )
        return pb.compile([x, n], [h, *pb.gradients(pb.sum(h * h), [x])], target=target)


def host_operation(target: str = "cuda") -> pb.Step:
    """What the host computes, between kernels."""
    with pb.Graph():
        x = pb.placeholder("f32", (8, 4), name="x")
        return pb.compile([x], [turned(pb.exp(x), axis=0) * 2], target=target)


def agree(got: Any, expected: Any) -> None:
    for a, b in zip(got, expected, strict=True):
        if b is not None:
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
