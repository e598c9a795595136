"""Runs a program of level `gpu` on a device: binds variables, copies inputs there and outputs back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import MemRefType, ModuleOp

from pullback.backends.cuda_runtime.cuda_program import CudaProgram
from pullback.backends.cuda_runtime.device_queue import DeviceBuffer, device_queue
from pullback.backends.interpreter.numpy_dtypes import dtype_of
from pullback.dialects.graph.kernel.devices import HOST, argument_devices
from pullback.driver.layout import Layout
from pullback.driver.run_pipeline import main_function
from pullback.driver.storage import StoredVariables, VariableStorage
from pullback.driver.targets.cuda_transfers import Transfers
from pullback.driver.targets.variable_on_device import VariableOnDevice
from pullback.process.locks import Lock

Array = npt.NDArray[Any]


class CudaFunction:
    """Runs `@main` of a module of level `gpu` on a device.

    Args:
        kernels: the module of level `gpu`.
        finished: the same program at level `graph` with static shapes.
    """

    def __init__(self, kernels: ModuleOp, finished: ModuleOp) -> None:
        self._queue = queue = device_queue()
        queue.enter()
        self._layout = layout = Layout.of(kernels, finished)
        self._program = CudaProgram(kernels, queue)
        main = main_function(kernels)
        devices = argument_devices(main)
        types = [argument.type for argument in main.body.block.args]
        self._buffers: dict[int, DeviceBuffer] = {}
        self._arguments: list[Array | None] = []
        staging: dict[int, Array] = {}
        for at, (type_, device) in enumerate(zip(types, devices, strict=True)):
            assert isinstance(type_, MemRefType)
            shape, dtype = tuple(type_.get_shape()), dtype_of(type_)
            if device == HOST:
                self._arguments.append(queue.pinned(shape, dtype))
                continue
            if at in layout.variables:
                self._arguments.append(None)
                continue
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            buffer = self._buffers[at] = queue.allocate(size)
            self._arguments.append(buffer.array(shape, dtype))
            if at in layout.inputs or at in layout.outputs or at in layout.constants:
                staging[at] = queue.pinned(shape, dtype)
        self._transfers = Transfers(queue, self._buffers, staging)
        for at, constant in layout.constants.items():
            self._transfers.upload(at, constant)
        queue.synchronize()
        self._types = types
        self._key = "cuda", queue.number
        """What the storage of variables calls the device."""
        self._lock = Lock()

    def __call__(self, inputs: Sequence[Array], variables: Mapping[str, Array]) -> list[Array]:
        self._lock.refuse_to_reenter()
        names = self._layout.variables
        if isinstance(variables, StoredVariables):
            storages, changed, given = variables.storages, variables.changed, {}
        else:
            given = {name: variables[name] for name in names.values()}
            storages, changed = {name: VariableStorage(array) for name, array in given.items()}, given
        with self._lock:
            self._queue.enter()
            for at, array in zip(self._layout.inputs, inputs, strict=True):
                self._transfers.upload(at, array)
            arguments = list(self._arguments)
            for at, name in names.items():
                arguments[at] = self._side(at, storages[name]).array
            for name in names.values():
                if name in changed:
                    storages[name].changed_on_device(self._key)
            self._program.run("main", arguments)
            outputs: list[Array] = []
            for at, pool in self._layout.outputs.items():
                self._transfers.download(at)
                outputs.append(pool.take())
            self._queue.synchronize()
            for at, output in zip(self._layout.outputs, outputs, strict=True):
                self._transfers.take(at, output)
            for name in given:
                storages[name].contents()
        return outputs

    def _side(self, at: int, storage: VariableStorage) -> VariableOnDevice:
        type_ = self._types[at]
        return storage.on_device(
            self._key,
            lambda: VariableOnDevice(self._queue, tuple(type_.get_shape()), dtype_of(type_)),
        )
