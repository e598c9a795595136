"""The systems that `gpu.py` compares: each makes a call of a workload.

A call enqueues work and gives something to wait for. What it reads and writes stays on the device: variables with us,
tensors with PyTorch, arrays with JAX.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gpu_clock import DeviceClock, Prepared, System, Times, timed
from training_steps import jax_adam_step, jax_sgd_step, torch_step
from workload import CHECKED_STEPS, EPSILON, RATE, Array, Workload


def system_named(name: str, target: str) -> System:
    """Makes a system; raises where something that it needs is missing.

    Peers run on a device for target `cuda`, and on the CPU otherwise.
    """
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if name in ("pullback", "numpy"):
        return Pullback(target if name == "pullback" else "numpy")
    if name == "jax":
        return Jax("cuda" if target == "cuda" else "cpu")
    return Torch("cuda" if target == "cuda" else "cpu", compiled=name == "torch")


# ---- Pullback ----------------------------------------------------------------------------------------------------


class Timed:
    """A system whose calls are timed by `gpu_clock`."""

    def timed(self: System, prepared: Prepared) -> Times:
        return timed(self, prepared)


class Pullback(Timed):
    """Pullback on one of its targets. Parameters and data are variables, which stay on the device."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._clock = DeviceClock() if target == "cuda" else None

    def prepare(self, workload: Workload) -> Prepared:
        from words_of_pullback import PullbackWords

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


class Torch(Timed):
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
        from words_of_torch import TorchWords

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
        step = torch_step(workload, model, weights, data)
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


class Jax(Timed):
    """JAX, without TF32; training steps give their parameters' memory to the new ones."""

    def __init__(self, platform: str) -> None:
        import jax

        self._jax = jax
        jax.config.update("jax_platforms", platform)
        jax.config.update("jax_default_matmul_precision", "highest")

    def prepare(self, workload: Workload) -> Prepared:
        jax = self._jax
        from words_of_jax import JaxWords

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
