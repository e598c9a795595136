"""The loss and all gradients of small networks, beside JAX and PyTorch's compiler, timed in one run, one thread each.

    python benchmarks/networks.py                  every network
    python benchmarks/networks.py --only conv      those whose name contains this

Needs the extra `[bench]`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from timing import Case, Run, compare

import pullback as pb

Arrays = Sequence[Any]
Loss = Callable[[Any, Any, Any], Any]
"""Of parameters, inputs and labels, in the terms of one system."""


def all_cases() -> list[Case]:
    """One case for each network."""
    rng = np.random.default_rng(0)

    def array(*shape: int) -> Any:
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)

    def case(name: str, losses: Sequence[Loss], parameters: Arrays, inputs: Any) -> Case:
        labels = rng.integers(0, 10, len(inputs)).astype(np.int32)
        ours, in_jax, in_torch = losses
        systems = {
            "pullback": lambda *data: with_pullback(ours, *data),
            "jax": lambda *data: with_jax(in_jax, *data),
            "torch": lambda *data: with_torch(in_torch, *data),
        }
        return Case(name, (parameters, inputs, labels), systems)

    layers = [array(256, 512), array(512, 512), array(512, 10)]
    filters = [array(3, 3, 8, 32), array(3, 3, 32, 32), array(32, 10)]
    block = [array(128, 384), array(128, 128), array(128, 512), array(512, 128), array(128, 10)]
    images = rng.random((64, 16, 16, 8), np.float32)
    return [
        case("three layers, 256 rows", (layers_pullback, layers_jax, layers_torch), layers, array(256, 256)),
        case("two convolutions, 64 images", (conv_pullback, conv_jax, conv_torch), filters, images),
        case("attention, 8 x 64 x 128", (block_pullback, block_jax, block_torch), block, array(8, 64, 128)),
    ]


# ---- the systems ---------------------------------------------------------------------------------------------


def with_pullback(loss: Loss, parameters: Arrays, inputs: Any, labels: Any) -> Run:
    with pb.Graph():
        ps = [pb.placeholder("f32", p.shape) for p in parameters]
        x, t = pb.placeholder("f32", inputs.shape), pb.placeholder("i32", labels.shape)
        value = loss(ps, x, t)
        step = pb.compile(inputs=[*ps, x, t], outputs=[value, *pb.gradients(value, ps)], target="cpu")

    return lambda: step(*parameters, inputs, labels)[:2]


def with_jax(loss: Loss, parameters: Arrays, inputs: Any, labels: Any) -> Run:
    import jax

    step = jax.jit(jax.value_and_grad(loss))
    arguments = jax.device_put((list(parameters), inputs, labels))

    def run() -> Any:
        value, gradients = jax.block_until_ready(step(*arguments))
        return value, gradients[0]

    return run


def with_torch(loss: Loss, parameters: Arrays, inputs: Any, labels: Any) -> Run:
    import torch

    torch.set_num_threads(1)
    ps = [torch.from_numpy(p).requires_grad_() for p in parameters]
    x, t = torch.from_numpy(inputs), torch.from_numpy(labels.astype(np.int64))
    compiled: Any = torch.compile(loss)

    def run() -> Any:
        value = compiled(ps, x, t)
        return value.detach(), torch.autograd.grad(value, ps)[0]

    return run


# ---- the networks, in the terms of each ------------------------------------------------------------------------


def layers_pullback(ps: Any, x: Any, t: Any) -> Any:
    for p in ps[:-1]:
        x = pb.relu(x @ p)
    return entropy_pullback(x @ ps[-1], t)


def layers_jax(ps: Any, x: Any, t: Any) -> Any:
    import jax

    for p in ps[:-1]:
        x = jax.nn.relu(x @ p)
    return entropy_jax(x @ ps[-1], t)


def layers_torch(ps: Any, x: Any, t: Any) -> Any:
    import torch

    for p in ps[:-1]:
        x = torch.relu(x @ p)
    return torch.nn.functional.cross_entropy(x @ ps[-1], t)


def conv_pullback(ps: Any, x: Any, t: Any) -> Any:
    x = pb.max_pool2d(pb.relu(pb.conv2d(x, ps[0], padding="SAME")), 2, strides=2)
    x = pb.relu(pb.conv2d(x, ps[1], padding="SAME"))
    return entropy_pullback(pb.mean(x, axis=(1, 2)) @ ps[2], t)


def conv_jax(ps: Any, x: Any, t: Any) -> Any:
    import jax

    def conv(x: Any, p: Any) -> Any:
        layout = ("NHWC", "HWIO", "NHWC")
        return jax.nn.relu(jax.lax.conv_general_dilated(x, p, (1, 1), "SAME", dimension_numbers=layout))

    x = jax.lax.reduce_window(conv(x, ps[0]), -np.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return entropy_jax(conv(x, ps[1]).mean((1, 2)) @ ps[2], t)


def conv_torch(ps: Any, x: Any, t: Any) -> Any:
    """PyTorch counts channels second; in memory they are last, as it likes best."""
    from torch.nn import functional

    def conv(x: Any, p: Any) -> Any:
        return functional.relu(functional.conv2d(x, p.permute(3, 2, 0, 1), padding=1))

    x = functional.max_pool2d(conv(x.permute(0, 3, 1, 2), ps[0]), 2)
    return functional.cross_entropy(conv(x, ps[1]).mean((2, 3)) @ ps[2], t)


def block_pullback(ps: Any, x: Any, t: Any) -> Any:
    q, k, v = pb.split(x @ ps[0], 3, axis=-1)
    x = x + pb.softmax(q @ k.mT / np.float32(np.sqrt(128))) @ v @ ps[1]
    x = x + pb.gelu(x @ ps[2], approximate=True) @ ps[3]
    return entropy_pullback(pb.mean(x, axis=1) @ ps[4], t)


def block_jax(ps: Any, x: Any, t: Any) -> Any:
    import jax
    import jax.numpy as jnp

    q, k, v = jnp.split(x @ ps[0], 3, axis=-1)
    x = x + jax.nn.softmax(q @ k.mT / np.float32(np.sqrt(128))) @ v @ ps[1]
    x = x + jax.nn.gelu(x @ ps[2], approximate=True) @ ps[3]
    return entropy_jax(x.mean(1) @ ps[4], t)


def block_torch(ps: Any, x: Any, t: Any) -> Any:
    from torch.nn import functional

    q, k, v = (x @ ps[0]).chunk(3, -1)
    x = x + functional.softmax(q @ k.mT / float(np.sqrt(128)), -1) @ v @ ps[1]
    x = x + functional.gelu(x @ ps[2], approximate="tanh") @ ps[3]
    return functional.cross_entropy(x.mean(1) @ ps[4], t)


def entropy_pullback(logits: Any, t: Any) -> Any:
    return pb.mean(pb.sparse_softmax_cross_entropy_with_logits(labels=t, logits=logits))


def entropy_jax(logits: Any, t: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), t[:, None], axis=1))


if __name__ == "__main__":
    sys.exit(compare(__doc__, all_cases))
