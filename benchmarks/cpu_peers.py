"""The peers of `cpu.py`: PyTorch, JAX and TensorFlow, each on a given number of threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from cpu_systems import CpuSystem, Prepared
from training_steps import jax_adam_step, jax_sgd_step, torch_step
from workload import CHECKED_STEPS, EPSILON, RATE, Array, Workload


class Torch(CpuSystem):
    """PyTorch, eagerly or through its compiler."""

    packages = ("torch",)

    def __init__(self, threads: int, compiled: bool) -> None:
        super().__init__(threads)
        import torch

        torch.set_num_threads(threads)
        self._torch, self._compiled = torch, compiled

    def prepare(self, workload: Workload) -> Prepared:
        from torch.nn import functional
        from words_of_torch import TorchWords

        torch = self._torch
        weights, data = ([self._tensor(a) for a in arrays] for arrays in workload.arrays())
        words = TorchWords()
        if workload.of_rows:
            words.rows = lambda table, indices: functional.embedding(indices, table, sparse=True)

        def model(*tensors: Any) -> Any:
            return workload.on_tensors(words, *tensors)

        if self._compiled:
            torch._dynamo.reset()
            model = torch.compile(model)
        if workload.kind == "function":
            return Prepared(lambda: model(*data), [self._array(model(*data))])
        for tensor in weights:
            tensor.requires_grad_()

        def differentiate() -> Any:
            loss = model(*weights, *data)
            return loss, torch.autograd.grad(loss, weights)

        if workload.kind == "gradient":
            loss, gradients = differentiate()
            found = [g._values() if g.is_sparse else g for g in gradients]
            return Prepared(differentiate, [self._array(t) for t in (loss, *found)])
        return self._training(workload, model, weights, data)

    def _training(
        self, workload: Workload, model: Callable[..., Any], weights: list[Any], data: list[Any]
    ) -> Prepared:
        step = torch_step(workload, model, weights, data)
        losses = [self._array(step()) for _ in range(CHECKED_STEPS)]
        return Prepared(step, [*losses, *map(self._array, weights)])

    def _tensor(self, array: Array) -> Any:
        tensor = self._torch.from_numpy(array)
        return tensor.long() if array.dtype == np.int32 else tensor

    def _array(self, tensor: Any) -> Array:
        return tensor.detach().numpy().copy()


class Jax(CpuSystem):
    """JAX; training steps give their parameters' memory to the new ones."""

    packages = ("jax",)

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        if threads == 1:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        import jax

        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_default_matmul_precision", "highest")
        self._jax = jax

    def prepare(self, workload: Workload) -> Prepared:
        from words_of_jax import JaxWords

        jax = self._jax
        words = JaxWords()
        weights, data = ([jax.device_put(a) for a in arrays] for arrays in workload.arrays())

        def model(ps: Any, inputs: Any) -> Any:
            return workload.on_tensors(words, *ps, *inputs)

        if workload.of_rows:
            return self._of_rows(workload, words, weights[0], data)
        if workload.kind != "training":
            compiled = jax.jit(model if workload.kind == "function" else jax.value_and_grad(model))
            first = jax.tree.leaves(compiled(weights, data))
            return Prepared(
                lambda: jax.block_until_ready(compiled(weights, data)), [np.array(leaf) for leaf in first]
            )
        step = jax.jit(
            jax_adam_step(model) if workload.optimizer == "adam" else jax_sgd_step(model), donate_argnums=0
        )
        zeros = [[jax.numpy.zeros_like(p) for p in weights] for _ in range(2)]
        state = [(weights, *zeros, jax.numpy.zeros(())) if workload.optimizer == "adam" else (weights,)]

        def call() -> Any:
            state[0], loss = step(state[0], data)
            return jax.block_until_ready((loss, state[0]))

        losses = [np.array(call()[0]) for _ in range(CHECKED_STEPS)]
        return Prepared(call, [*losses, *(np.array(p) for p in state[0][0])])

    def _of_rows(self, workload: Workload, words: Any, table: Any, data: list[Any]) -> Prepared:
        """JAX has no gradient of slices: that of the rows is asked for, and they are updated by their indices."""
        jax = self._jax
        indices, *others = data

        def differentiate(table: Any) -> Any:
            return jax.value_and_grad(lambda rows: workload.model(words, rows, *others))(
                words.rows(table, indices)
            )

        if workload.kind == "gradient":
            compiled = jax.jit(differentiate)
            first = compiled(table)
            return Prepared(lambda: jax.block_until_ready(compiled(table)), [np.array(x) for x in first])

        def updated(table: Any) -> Any:
            loss, gradient = differentiate(table)
            return table.at[indices].add(-RATE * gradient), loss

        step, state = jax.jit(updated, donate_argnums=0), [table]

        def call() -> Any:
            state[0], loss = step(state[0])
            return jax.block_until_ready((loss, state[0]))

        losses = [np.array(call()[0]) for _ in range(CHECKED_STEPS)]
        return Prepared(call, [*losses, np.array(state[0])])


class TensorFlow(CpuSystem):
    """TensorFlow's graphs, run by its own executor or compiled by XLA."""

    packages = ("tensorflow",)

    def __init__(self, threads: int, compiled: bool) -> None:
        super().__init__(threads)
        if threads == 1:
            os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        self._tf, self._compiled = tf, compiled

    def prepare(self, workload: Workload) -> Prepared:
        from words_of_tensorflow import TensorFlowWords

        tf = self._tf
        words = TensorFlowWords()
        arrays, data = workload.arrays()
        weights = [tf.Variable(a) if workload.kind == "training" else tf.constant(a) for a in arrays]
        inputs = [tf.constant(a) for a in data]

        update = self._update(workload, weights)

        def run(weights: Any, inputs: Any) -> Any:
            if workload.kind == "function":
                return workload.on_tensors(words, *weights, *inputs)
            with tf.GradientTape() as tape:
                for tensor in weights:
                    tape.watch(tensor)
                loss = workload.on_tensors(words, *weights, *inputs)
            gradients = tape.gradient(loss, weights)
            if workload.kind == "training":
                update(gradients)
                return loss
            return loss, [g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients]

        function = tf.function(run, jit_compile=self._compiled or None)

        def call() -> Any:
            return function(weights, inputs)

        if workload.kind != "training":
            return Prepared(call, [np.array(x) for x in tf.nest.flatten(call())])
        losses = [np.array(call()) for _ in range(CHECKED_STEPS)]
        return Prepared(call, [*losses, *(v.numpy() for v in weights)])

    def _update(self, workload: Workload, weights: list[Any]) -> Callable[[Any], None]:
        """Updates the weights by their gradients; a loop over them, since Keras is slower."""
        tf = self._tf

        def sgd(gradients: Any) -> None:
            for variable, gradient in zip(weights, gradients, strict=True):
                if isinstance(gradient, tf.IndexedSlices):
                    variable.scatter_sub(tf.IndexedSlices(RATE * gradient.values, gradient.indices))
                else:
                    variable.assign_sub(RATE * gradient)

        if workload.optimizer == "sgd" or workload.kind != "training":
            return sgd
        means, squares = ([tf.Variable(tf.zeros_like(v)) for v in weights] for _ in range(2))
        count = tf.Variable(0.0)

        def adam(gradients: Any) -> None:
            count.assign_add(1.0)
            rate = RATE * tf.sqrt(1 - 0.999**count) / (1 - 0.9**count)
            for variable, mean, square, g in zip(weights, means, squares, gradients, strict=True):
                mean.assign(0.9 * mean + 0.1 * g)
                square.assign(0.999 * square + 0.001 * g * g)
                variable.assign_sub(rate * mean / (tf.sqrt(square) + EPSILON))

        return adam
