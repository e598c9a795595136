"""The systems that `gpu.py` compares: each has the words of the workloads, and makes a call of one.

A call enqueues work and gives something to wait for. What it reads and writes stays on the device: variables with us,
tensors with PyTorch, arrays with JAX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gpu_clock import DeviceClock, Prepared
from gpu_workloads import Array, Workload

RATE = 1e-3
"""Of training steps."""
EPSILON = 1e-20
"""Of Adam: so small that it makes no difference whether it is added before the bias is corrected, or after."""
CHECKED_STEPS = 3


# ---- Pullback ----------------------------------------------------------------------------------------------------


class PullbackWords:
    """Our words; what is the same in all systems is an operator."""

    def __init__(self) -> None:
        import pullback as pb

        self.tanh, self.exp, self.sigmoid, self.relu = pb.tanh, pb.exp, pb.sigmoid, pb.relu
        self.softplus, self.softmax, self.layer_norm = pb.softplus, pb.softmax, pb.layer_norm
        self.sum, self.mean, self.rows = pb.sum, pb.mean, pb.gather
        self.transpose: Any = pb.transpose
        self._pb = pb

    def convolution(self, x: Any, filters: Any) -> Any:
        return self._pb.conv2d(x, filters, padding="SAME")

    def pool(self, x: Any) -> Any:
        return self._pb.max_pool2d(x, 2, strides=2)

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        losses = self._pb.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return self._pb.mean(losses)


class Pullback:
    """Pullback on one of its targets. Parameters and data are variables, which stay on the device."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._clock = DeviceClock() if target == "cuda" else None

    def prepare(self, workload: Workload) -> Prepared:
        import pullback as pb

        words = PullbackWords()
        with pb.Graph():
            weights, data = ([pb.Variable(a) for a in arrays] for arrays in workload.arrays())
            kept, outputs = self._fetched(workload, workload.model(words, *weights, *data), weights)
            step = pb.compile([], outputs, target=self.target, device_outputs=self.target == "cuda")
        losses = [step()[0] for _ in range(CHECKED_STEPS if workload.kind == "training" else 1)]
        found = [np.asarray(loss) for loss in losses if loss is not None]
        clock = self._clock
        return Prepared(
            step,
            (lambda _: None) if clock is None else (lambda _: clock.wait()),
            [*found, *(variable.numpy() for variable in kept)],
        )

    def _fetched(self, workload: Workload, value: Any, weights: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The variables that hold the results after a step, and what the step is compiled for."""
        import pullback as pb

        def stored(tensor: Any) -> tuple[Any, Any]:
            into = pb.Variable(np.zeros(tensor.shape, np.float32), trainable=False)
            return into, into.assign(tensor)

        if workload.kind == "function":
            into, update = stored(value)
            return [into], [update]
        if workload.kind == "gradient":
            pairs = [stored(gradient) for gradient in pb.gradients(value, weights)]
            return [into for into, _ in pairs], [value, *(update for _, update in pairs)]
        adam, sgd = pb.train.AdamOptimizer, pb.train.GradientDescentOptimizer
        optimizer = adam(RATE, epsilon=EPSILON) if workload.optimizer == "adam" else sgd(RATE)
        return list(weights), [value, optimizer.minimize(value, var_list=list(weights))]

    def device_seconds(self, prepared: Prepared, calls: int) -> float | None:
        return None if self._clock is None else self._clock.seconds(prepared.call, calls)

    def ceilings(self) -> dict[str, float]:
        return {} if self._clock is None else self._clock.ceilings()

    def versions(self) -> dict[str, str]:
        from importlib.metadata import PackageNotFoundError, version

        found = {"numpy": np.__version__}
        for name in ("cuda-core", "cuda-bindings", "nvidia-cuda-nvrtc"):
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        return found if self._clock is None else {**found, **self._clock.device_names()}


# ---- PyTorch -----------------------------------------------------------------------------------------------------


class TorchWords:
    """PyTorch's words. It counts channels second; in memory they are last, as it likes best."""

    def __init__(self) -> None:
        import torch
        from torch.nn import functional

        self.tanh, self.exp, self.sigmoid, self.relu = torch.tanh, torch.exp, torch.sigmoid, torch.relu
        self.sum, self.mean, self.softplus = torch.sum, torch.mean, functional.softplus
        self._functional = functional

    def softmax(self, x: Any) -> Any:
        return self._functional.softmax(x, -1)

    def layer_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        return self._functional.layer_norm(x, x.shape[-1:], scale, offset)

    def transpose(self, x: Any) -> Any:
        return x.mT.contiguous()

    def rows(self, table: Any, indices: Any) -> Any:
        return self._functional.embedding(indices, table)

    def convolution(self, x: Any, filters: Any) -> Any:
        turned = self._functional.conv2d(x.permute(0, 3, 1, 2), filters.permute(3, 2, 0, 1), padding=1)
        return turned.permute(0, 2, 3, 1)

    def pool(self, x: Any) -> Any:
        return self._functional.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        return self._functional.cross_entropy(logits, labels)


class Torch:
    """PyTorch, without TF32: through its compiler, which replays training steps as CUDA graphs, or eagerly."""

    def __init__(self, device: str, compiled: bool) -> None:
        import torch

        self._torch, self._device, self._compiled = torch, device, compiled
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        if device == "cuda":
            torch.cuda.init()

    def prepare(self, workload: Workload) -> Prepared:
        torch = self._torch
        weights, data = ([self._tensor(a) for a in arrays] for arrays in workload.arrays())
        words = TorchWords()

        def model(*tensors: Any) -> Any:
            return workload.model(words, *tensors)

        if self._compiled:
            torch._dynamo.reset()
            mode = "reduce-overhead" if workload.kind == "training" else "default"
            model = torch.compile(model, mode=mode)
        if workload.kind == "function":
            first = model(*data)
            return Prepared(lambda: model(*data), self._wait, [self._array(first)])
        for tensor in weights:
            tensor.requires_grad_()
        if workload.kind == "gradient":

            def differentiate() -> Any:
                loss = model(*weights, *data)
                return loss, torch.autograd.grad(loss, weights)

            loss, gradients = differentiate()
            return Prepared(differentiate, self._wait, [self._array(t) for t in (loss, *gradients)])
        return self._training(workload, model, weights, data)

    def _training(
        self, workload: Workload, model: Callable[..., Any], weights: list[Any], data: list[Any]
    ) -> Prepared:
        optimizers = self._torch.optim
        optimizer = (
            optimizers.Adam(weights, lr=RATE, eps=EPSILON, fused=True)
            if workload.optimizer == "adam"
            else optimizers.SGD(weights, lr=RATE, fused=True)
        )

        def step() -> Any:
            loss = model(*weights, *data)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            return loss

        losses = [self._array(step()) for _ in range(CHECKED_STEPS)]
        return Prepared(step, self._wait, [*losses, *map(self._array, weights)])

    def _tensor(self, array: Array) -> Any:
        tensor = self._torch.from_numpy(array).to(self._device)
        return tensor.long() if array.dtype == np.int32 else tensor

    def _array(self, tensor: Any) -> Array:
        return tensor.detach().cpu().numpy().copy()

    def _wait(self, _: Any) -> None:
        if self._device == "cuda":
            self._torch.cuda.synchronize()

    def device_seconds(self, prepared: Prepared, calls: int) -> float | None:
        if self._device != "cuda":
            return None
        cuda = self._torch.cuda
        begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        cuda._sleep(100_000_000)  # cycles: 50 ms, in which the host enqueues
        begin.record()
        for _ in range(calls):
            prepared.call()
        if begin.query():
            cuda.synchronize()
            return None
        end.record()
        cuda.synchronize()
        return begin.elapsed_time(end) / 1e3 / calls

    def ceilings(self) -> dict[str, float]:
        """The product of the library that PyTorch calls, in f32."""
        if self._device != "cuda":
            return {}
        size = 8192
        x = self._torch.rand(size, size, device="cuda") - 0.5
        product = Prepared(lambda: x @ x, self._wait, [])
        product.wait(product.call())
        seconds = min(self.device_seconds(product, 3) or float("inf") for _ in range(3))
        return {"f32 product of the library, TFLOP/s": 2 * size**3 / seconds / 1e12}

    def versions(self) -> dict[str, str]:
        return {"torch": self._torch.__version__}


# ---- JAX ---------------------------------------------------------------------------------------------------------


class JaxWords:
    """JAX's words."""

    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        self.tanh, self.exp, self.sigmoid, self.relu = jnp.tanh, jnp.exp, jax.nn.sigmoid, jax.nn.relu
        self.softplus, self.softmax, self.sum, self.mean = jax.nn.softplus, jax.nn.softmax, jnp.sum, jnp.mean
        self.transpose = jnp.transpose
        self._jax, self._jnp = jax, jnp

    def layer_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        mean = x.mean(-1, keepdims=True)
        variance = x.var(-1, keepdims=True)
        return (x - mean) * self._jax.lax.rsqrt(variance + 1e-5) * scale + offset

    def rows(self, table: Any, indices: Any) -> Any:
        return self._jnp.take(table, indices, axis=0)

    def convolution(self, x: Any, filters: Any) -> Any:
        layout = ("NHWC", "HWIO", "NHWC")
        return self._jax.lax.conv_general_dilated(x, filters, (1, 1), "SAME", dimension_numbers=layout)

    def pool(self, x: Any) -> Any:
        lax = self._jax.lax
        return lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        picked = self._jnp.take_along_axis(self._jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -self._jnp.mean(picked)


class Jax:
    """JAX, without TF32; training steps give their parameters' memory to the new ones."""

    def __init__(self, platform: str) -> None:
        import jax

        self._jax = jax
        jax.config.update("jax_platforms", platform)
        jax.config.update("jax_default_matmul_precision", "highest")

    def prepare(self, workload: Workload) -> Prepared:
        jax = self._jax
        words = JaxWords()
        weights, data = ([jax.device_put(a) for a in arrays] for arrays in workload.arrays())

        def model(ps: Any, inputs: Any) -> Any:
            return workload.model(words, *ps, *inputs)

        if workload.kind != "training":
            compiled = jax.jit(model if workload.kind == "function" else jax.value_and_grad(model))
            first = jax.tree.leaves(compiled(weights, data))
            return Prepared(lambda: compiled(weights, data), self._wait, [np.array(leaf) for leaf in first])
        step = jax.jit(
            jax_adam_step(model) if workload.optimizer == "adam" else jax_sgd_step(model), donate_argnums=0
        )
        zeros = [[jax.numpy.zeros_like(p) for p in weights] for _ in range(2)]
        state = [(weights, *zeros, jax.numpy.zeros(())) if workload.optimizer == "adam" else (weights,)]

        def call() -> Any:
            state[0], loss = step(state[0], data)
            return loss, state[0]

        losses = [np.array(call()[0]) for _ in range(CHECKED_STEPS)]
        return Prepared(call, self._wait, [*losses, *(np.array(p) for p in state[0][0])])

    def _wait(self, last: Any) -> None:
        self._jax.block_until_ready(last)

    def device_seconds(self, prepared: Prepared, calls: int) -> float | None:
        return None

    def ceilings(self) -> dict[str, float]:
        return {}

    def versions(self) -> dict[str, str]:
        return {"jax": self._jax.__version__}


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
